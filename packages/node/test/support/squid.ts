import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFileSync, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const program = "/usr/sbin/squid"
const authenticator = "/usr/lib/squid/basic_ncsa_auth"

const digestAuthenticator = "/usr/lib/squid/digest_file_auth"

/** Whether this machine has squid, a forward proxy (Debian's package `squid`). */
export const hasSquid: boolean = [program, authenticator, digestAuthenticator].every((file) => existsSync(file))

/** Credentials that the proxy requires. */
export interface ProxyUser {
  readonly name: string
  readonly password: string
  /** The scheme that the proxy offers (Basic). */
  readonly scheme?: "Basic" | "Digest"
  /** How long a nonce of Digest is valid, in seconds (300). */
  readonly nonceSeconds?: number
}

const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const accepts = (port: number) =>
  Effect.async<boolean>((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.on("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.on("error", () => resume(Effect.succeed(false)))
  })

const configuration = (folder: string, port: number, user: ProxyUser | undefined): string => {
  const scheme =
    user?.scheme === "Digest"
      ? `auth_param digest program ${digestAuthenticator} -c ${folder}/users
auth_param digest children 1 startup=1
auth_param digest realm test
auth_param digest nonce_max_duration ${user.nonceSeconds ?? 300} seconds`
      : `auth_param basic program ${authenticator} ${folder}/users
auth_param basic children 1 startup=1
auth_param basic realm test`
  const access =
    user === undefined
      ? "http_access allow all"
      : `${scheme}
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all`
  return `http_port 127.0.0.1:${port}
acl forbidden dstdomain forbidden.test
http_access deny forbidden
${access}
cache deny all
cache_mem 8 MB
pid_filename ${folder}/squid.pid
coredump_dir ${folder}
cache_log ${folder}/cache.log
access_log none
cache_store_log none
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
hosts_file ${folder}/hosts
dns_nameservers 127.0.0.1
visible_hostname squid.test
`
}

const start = (folder: string, port: number, user: ProxyUser | undefined) => {
  // As root, squid changes to a user of its own, which reads these files.
  chmodSync(folder, 0o777)
  writeFileSync(join(folder, "hosts"), "127.0.0.1 localhost named.test\n")
  writeFileSync(join(folder, "squid.conf"), configuration(folder, port, user))
  if (user?.scheme === "Digest") {
    const hash = createHash("md5").update(`${user.name}:test:${user.password}`).digest("hex")
    writeFileSync(join(folder, "users"), `${user.name}:test:${hash}\n`)
  } else if (user !== undefined) {
    const hash = execFileSync("openssl", ["passwd", "-apr1", user.password], { encoding: "utf8" }).trim()
    writeFileSync(join(folder, "users"), `${user.name}:${hash}\n`)
  }
  return spawn(program, ["-N", "-f", join(folder, "squid.conf")], { stdio: "ignore" })
}

/** A squid on a free port until the scope closes. The result is its URL, without credentials. */
export const squid = (user?: ProxyUser): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "countersign-squid-"))
    const port = yield* freePort
    yield* Effect.acquireRelease(
      Effect.sync(() => start(folder, port, user)),
      (child) =>
        Effect.async<void>((resume) => {
          const done = () => {
            rmSync(folder, { recursive: true, force: true })
            resume(Effect.void)
          }
          if (child.exitCode !== null) return done()
          child.once("exit", done)
          child.kill("SIGKILL")
        })
    )
    yield* Effect.repeat(Effect.zipLeft(accepts(port), Effect.sleep("20 millis")), { until: (up) => up }).pipe(
      Effect.timeoutFail({
        duration: "30 seconds",
        onTimeout: () => new Error("squid does not listen after 30 seconds")
      }),
      Effect.orDie
    )
    return `http://127.0.0.1:${port}`
  })
