import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A certificate with its key, in PEM. */
interface Identity {
  readonly cert: string
  readonly key: string
}

/** A certificate authority made for this run, and certificates that it issued for a server and a client. */
export interface Certificates {
  readonly ca: string
  readonly server: Identity
  readonly client: Identity
}

const openssl = (folder: string, ...args: ReadonlyArray<string>) =>
  execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] })

const issue = (folder: string, name: string, alternatives: string): Identity => {
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", `${name}.key`]
  openssl(folder, "req", "-new", ...newKey, "-subj", `/CN=${name}`, "-out", `${name}.csr`)
  writeFileSync(join(folder, "extensions"), `subjectAltName=${alternatives}`)
  const issuer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"]
  openssl(folder, "x509", "-req", "-in", `${name}.csr`, ...issuer, "-days", "2", "-out", `${name}.crt`)
  return {
    cert: readFileSync(join(folder, `${name}.crt`), "utf8"),
    key: readFileSync(join(folder, `${name}.key`), "utf8")
  }
}

const make = (): Certificates => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-certificates-"))
  try {
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key"]
    openssl(folder, "req", "-x509", ...newKey, "-subj", "/CN=ca", "-days", "2", "-out", "ca.crt")
    return {
      ca: readFileSync(join(folder, "ca.crt"), "utf8"),
      server: issue(folder, "server", "DNS:localhost,DNS:named.test,IP:127.0.0.1"),
      client: issue(folder, "client", "DNS:client.test")
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Undefined if openssl is not installed. */
export const certificates: Certificates | undefined = ((): Certificates | undefined => {
  try {
    return make()
  } catch {
    return undefined
  }
})()
