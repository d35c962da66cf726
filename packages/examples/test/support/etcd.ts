import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const program = "/usr/bin/etcd"

/** Whether this machine has etcd (Debian's package `etcd-server`). */
export const hasEtcd: boolean = existsSync(program)

/** A running etcd. */
export interface EtcdServer {
  readonly url: string
  /** Stops the process and lets it go on (SIGSTOP and SIGCONT). */
  readonly signal: (signal: "SIGSTOP" | "SIGCONT") => Effect.Effect<void>
}

const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const isUp = (url: string) =>
  Effect.promise(() =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false
    )
  )

const start = (folder: string, client: string, peer: string) =>
  spawn(
    program,
    [
      ["--data-dir", folder, "--log-level", "error"],
      ["--listen-client-urls", client, "--advertise-client-urls", client],
      ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`]
    ].flat(),
    { stdio: "ignore" }
  )

/** An etcd with one member on free ports until the scope closes. */
export const etcd: Effect.Effect<EtcdServer, never, Scope.Scope> = Effect.gen(function* () {
  const folder = mkdtempSync(join(tmpdir(), "countersign-etcd-"))
  const [url, peer] = [`http://127.0.0.1:${yield* freePort}`, `http://127.0.0.1:${yield* freePort}`]
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => start(folder, url, peer)),
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
  yield* Effect.repeat(Effect.zipLeft(isUp(url), Effect.sleep("50 millis")), { until: (up) => up }).pipe(
    Effect.timeoutFail({ duration: "30 seconds", onTimeout: () => new Error("etcd is not up after 30 seconds") }),
    Effect.orDie
  )
  return { url, signal: (signal) => Effect.sync(() => void child.kill(signal)) }
})

/** Removes all keys. */
export const clear = ({ url }: EtcdServer): Effect.Effect<void> =>
  Effect.promise(() =>
    fetch(`${url}/v3/kv/deleterange`, { method: "POST", body: JSON.stringify({ key: "AA==", range_end: "AA==" }) })
  )

/** Ends all leases, and removes the locks with them. */
export const endLeases = ({ url }: EtcdServer): Effect.Effect<void> =>
  Effect.promise(async () => {
    const post = (path: string, body: object) =>
      fetch(`${url}/v3/${path}`, { method: "POST", body: JSON.stringify(body) })
    // The response of etcd.
    const { leases = [] } = (await (await post("lease/leases", {})).json()) as {
      leases?: ReadonlyArray<{ ID: string }>
    }
    await Promise.all(leases.map(({ ID }) => post("lease/revoke", { ID })))
  })
