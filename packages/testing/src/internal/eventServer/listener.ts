import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import type { Received } from "./request.js"
import { receive } from "./request.js"

export interface Listener {
  readonly port: number
  /** Number of open connections. */
  readonly open: () => number
}

/** Listens on a port of the loopback interface, until the scope closes. */
export const listen = (
  onRequest: (request: Received, response: ServerResponse) => void
): Effect.Effect<Listener, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Listener & { readonly close: () => void }, unknown>((resume) => {
      const sockets = new Set<Socket>()
      const server = createServer((request, response) => {
        // A request that breaks off has no response.
        void receive(request).then(
          (received) => onRequest(received, response),
          () => response.destroy()
        )
      })
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        socket.on("close", () => sockets.delete(socket))
      })
      const close = () => {
        server.close()
        for (const socket of sockets) socket.destroy()
      }
      server.once("error", (cause) => resume(Effect.fail(cause)))
      server.listen(0, "127.0.0.1", () => {
        // A server that listens on TCP has such an address.
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ port, open: () => sockets.size, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )
