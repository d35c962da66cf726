/** A certificate authority for one run, with a server and two clients, and a client of another authority. */
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CaseSkipped } from "./Case.js"

/** A certificate with its key, in PEM. */
interface Identity {
  readonly cert: string
  readonly key: string
}

/** The certificates. */
export interface Certificates {
  /** The certificate of the authority. */
  readonly ca: string
  readonly server: Identity
  /** The client `client.test`. */
  readonly client: Identity
  /** Another client of the same authority. */
  readonly neighbour: Identity
  /** The name `client.test`, signed by an untrusted authority. */
  readonly impostor: Identity
}

const newKey = (of: string): ReadonlyArray<string> => [
  ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
  ...["-nodes", "-keyout", `${of}.key`]
]

const make = (folder: string): Certificates => {
  const openssl = (...args: ReadonlyArray<string>) =>
    execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
  const read = (file: string) => readFileSync(join(folder, file), "utf8")
  const authority = (name: string) =>
    openssl("req", "-x509", ...newKey(name), "-subj", `/CN=${name}`, "-days", "2", "-out", `${name}.crt`)
  const issued = (by: string, name: string, alternative: string): Identity => {
    openssl("req", "-new", ...newKey(name), "-subj", `/CN=${name}`, "-out", `${name}.csr`)
    writeFileSync(join(folder, "extensions"), `subjectAltName=${alternative}`)
    const signing = ["-CA", `${by}.crt`, "-CAkey", `${by}.key`, "-CAcreateserial", "-extfile", "extensions"]
    openssl("x509", "-req", "-in", `${name}.csr`, ...signing, "-days", "2", "-out", `${name}.crt`)
    return { cert: read(`${name}.crt`), key: read(`${name}.key`) }
  }
  authority("ca")
  authority("another")
  return {
    ca: read("ca.crt"),
    server: issued("ca", "server", "IP:127.0.0.1"),
    client: issued("ca", "client", "DNS:client.test"),
    neighbour: issued("ca", "neighbour", "DNS:neighbour.test"),
    impostor: issued("another", "impostor", "DNS:client.test")
  }
}

const missing = new CaseSkipped({ message: "openssl is not in PATH" })

/** Creates them with `openssl`. Without it, the case is skipped. */
export const certificates: Effect.Effect<Certificates, CaseSkipped> = Effect.acquireUseRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-conformance-"))),
  (folder) => Effect.try({ try: () => make(folder), catch: () => missing }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)
