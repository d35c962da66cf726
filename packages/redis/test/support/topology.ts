/** Servers with TLS, of a cluster, and of Sentinel. */
import * as RedisServer from "@countersign/testing/RedisServer"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { execFile, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { plainClient } from "./server.js"

/** A folder that is removed with the scope. */
export const temporary = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "countersign-redis-test-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** A free port of the loopback interface. */
const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== "object" || address === null) throw new Error("the server has no port")
  return address.port
})

/** A server that accepts TLS only, with a certificate for 127.0.0.1 by an authority of its own. */
export const tlsServer = (args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const openssl = (...parts: ReadonlyArray<string>) =>
      execFileSync("openssl", parts, { cwd: folder, stdio: ["ignore", "ignore", "ignore"] })
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", ...key, "-keyout", "ca.key", "-subj", "/CN=ca", "-days", "2", "-out", "ca.crt")
    openssl("req", "-new", ...key, "-keyout", "server.key", "-subj", "/CN=redis", "-out", "server.csr")
    yield* Effect.promise(() => writeFile(join(folder, "names"), "subjectAltName=IP:127.0.0.1"))
    const issuer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
    openssl("x509", "-req", "-in", "server.csr", ...issuer, "-out", "server.crt")
    const port = yield* freePort
    const file = (name: string) => join(folder, name)
    const files = ["--tls-cert-file", file("server.crt"), "--tls-key-file", file("server.key")]
    const authority = ["--tls-ca-cert-file", file("ca.crt"), "--tls-auth-clients", "no"]
    yield* RedisServer.make({ args: ["--port", "0", "--tls-port", String(port), ...files, ...authority, ...args] })
    return { port, ca: yield* Effect.promise(() => readFile(file("ca.crt"), "utf8")) }
  })

/** Three primaries of a cluster, which have all slots. */
export const cluster = Effect.gen(function* () {
  const servers = yield* Effect.all(
    Array.from({ length: 3 }, (_, index) =>
      RedisServer.make({
        args: [
          "--cluster-enabled",
          "yes",
          "--cluster-config-file",
          `nodes-${index}.conf`,
          "--cluster-node-timeout",
          "1500"
        ]
      })
    )
  )
  const nodes = servers.map(({ port }) => `127.0.0.1:${port}`)
  yield* Effect.promise(() => promisify(execFile)("redis-cli", ["--cluster", "create", ...nodes, "--cluster-yes"]))
  // Each node learns of the slots of the others a moment after the first one.
  for (const { port } of servers) {
    yield* Effect.scoped(
      Effect.flatMap(plainClient(port), (redis) => Effect.promise(() => redis.cluster("INFO")))
    ).pipe(
      Effect.repeat({
        until: (info) => info.includes("cluster_state:ok"),
        schedule: Schedule.spaced("100 millis"),
        times: 100
      })
    )
  }
  return servers
})

/** Starts a process of Sentinel that watches a primary under the name `primary`. */
const sentinel = (primary: RedisServer.Service): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const port = yield* freePort
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor primary 127.0.0.1 ${primary.port} 2`,
      "sentinel down-after-milliseconds primary 1000",
      "sentinel failover-timeout primary 3000"
    ]
    yield* Effect.promise(() => writeFile(join(folder, "sentinel.conf"), lines.join("\n")))
    yield* Effect.acquireRelease(
      Effect.sync(() => spawn("redis-server", [join(folder, "sentinel.conf"), "--sentinel"], { stdio: "ignore" })),
      (child) =>
        Effect.promise(async () => {
          const end = once(child, "exit")
          child.kill("SIGKILL")
          await end
        })
    )
    return port
  })

/** Waits until a sentinel knows the replica and the other sentinels. Without them, it promotes no replica. */
const isComplete = (port: number) =>
  Effect.scoped(
    Effect.flatMap(plainClient(port), (redis) =>
      Effect.promise(() => redis.call("SENTINEL", "MASTER", "primary").then(String, () => ""))
    )
  ).pipe(
    Effect.repeat({
      until: (text) => /num-slaves,1,num-other-sentinels,2/.test(text),
      schedule: Schedule.spaced("200 millis"),
      times: 150
    })
  )

/** A primary with a replica, and three sentinels that watch them. */
export const sentinels = Effect.gen(function* () {
  const primary = yield* RedisServer.make({ args: ["--repl-diskless-sync-delay", "0"] })
  const replica = yield* RedisServer.make({ args: ["--replicaof", primary.host, String(primary.port)] })
  const ports = yield* Effect.all(Array.from({ length: 3 }, () => sentinel(primary)))
  for (const port of ports) yield* isComplete(port)
  return { primary, replica, ports }
})
