/** A certificate authority for one run, and a certificate for every host name of the matrix. */
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Stress from "../Stress.js"

/** Certificates in PEM. */
export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const names = [
  ...["api.leaks.test", "other.test", "v2.api.leaks.test", "leaks.test", "api.leaks.test.evil.test"],
  ...["evilapi.leaks.test", "xn--bcher-kva.test", "bucher.test", "third.test", "localhost"]
]

const make = (folder: string): Certificates => {
  const openssl = (...args: ReadonlyArray<string>) =>
    execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
  const newKey = (of: string) => [
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-nodes", "-keyout", `${of}.key`]
  ]
  const read = (file: string) => readFileSync(join(folder, file), "utf8")
  openssl("req", "-x509", ...newKey("ca"), "-subj", "/CN=ca", "-days", "2", "-out", "ca.crt")
  openssl("req", "-new", ...newKey("server"), "-subj", "/CN=server", "-out", "server.csr")
  const homograph = new URL("http://%D0%B0pi.leaks.test").hostname
  const alternatives = [...names, homograph].map((name) => `DNS:${name}`).concat("IP:127.0.0.1", "IP:::1")
  writeFileSync(join(folder, "extensions"), `subjectAltName=${alternatives.join(",")}`)
  const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"]
  openssl("x509", "-req", "-in", "server.csr", ...by, "-days", "2", "-out", "server.crt")
  return { ca: read("ca.crt"), cert: read("server.crt"), key: read("server.key") }
}

/** Makes the certificates with `openssl`. Without it, https cannot be tested. */
export const certificates: Effect.Effect<Certificates, Stress.CannotRun> = Effect.acquireUseRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-leaks-"))),
  (folder) => Effect.try({ try: () => make(folder), catch: Stress.cannotRun }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)
