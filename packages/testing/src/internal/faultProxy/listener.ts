import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AddressInfo, Server, Socket } from "node:net"
import * as Net from "node:net"

export interface Listener {
  readonly port: number
  /** Number of open client connections. */
  readonly open: () => number
  /** Resets every connection. */
  readonly reset: () => void
}

type OnConnection = (client: Socket, track: (socket: Socket) => void) => void

const listening = (server: Server): Effect.Effect<AddressInfo, Error> =>
  Effect.async((resume) => {
    server.once("error", (error) => resume(Effect.fail(error)))
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
      // A server that listens on a port has an address with a port.
      resume(Effect.succeed(server.address() as AddressInfo))
    )
  })

/** Accepts connections until the scope closes. Then it closes them and the tracked sockets. */
export const listen = (onConnection: OnConnection): Effect.Effect<Listener, Error, Scope.Scope> =>
  Effect.suspend(() => {
    const sockets = new Set<Socket>()
    const clients = new Set<Socket>()
    const track = (socket: Socket): void => {
      sockets.add(socket)
      // An `error` event without a listener ends the process. Other listeners handle the error.
      socket.on("error", () => undefined)
      socket.once("close", () => void sockets.delete(socket))
    }
    const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      track(client)
      clients.add(client)
      client.once("close", () => void clients.delete(client))
      onConnection(client, track)
    })
    const close = Effect.async<void>((resume) => {
      server.close(() => resume(Effect.void))
      for (const socket of sockets) socket.destroy()
    })
    return Effect.map(
      Effect.acquireRelease(listening(server), () => close),
      ({ port }) => ({
        port,
        open: () => clients.size,
        reset: () => sockets.forEach((socket) => socket.resetAndDestroy())
      })
    )
  })
