/** A TCP proxy that can stall its connections, as a machine without power does: they stay open, and pass nothing. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AddressInfo, Socket } from "node:net"
import { connect, createServer } from "node:net"

/** A running proxy. */
interface StallingProxy {
  readonly url: string
  /** Number of connections since the start. */
  readonly connections: Effect.Effect<number>
  /** Stalls the connections that are open now. Later ones work. */
  readonly stall: Effect.Effect<void>
}

/** Starts a proxy in front of a Redis server on a port. */
export const stallingProxy = (port: number): Effect.Effect<StallingProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const open = new Set<Socket>()
    let connections = 0
    const server = createServer((client) => {
      connections++
      const upstream = connect(port, "127.0.0.1")
      for (const socket of [client, upstream]) {
        open.add(socket)
        socket.on("error", () => undefined)
        socket.on("close", () => open.delete(socket))
      }
      client.pipe(upstream).pipe(client)
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          resume(Effect.void)
        })
      }),
      () =>
        Effect.sync(() => {
          server.close()
          for (const socket of open) socket.destroy()
        })
    )
    return {
      // A server that listens on TCP has such an address.
      url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
      connections: Effect.sync(() => connections),
      stall: Effect.sync(() => {
        for (const socket of open) socket.unpipe().pause()
      })
    }
  })
