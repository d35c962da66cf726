/** Servers on loopback. */
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import type * as Https from "node:https"
import type { AddressInfo } from "node:net"

/** A server that can listen. */
export type Server = Http.Server | Https.Server

/** Listens on a port of loopback, or on a free one (0), and returns the port. */
export const listening = (server: Server, port: number): Effect.Effect<number> =>
  Effect.async((resume) => {
    server.once("error", (cause) => resume(Effect.die(cause)))
    server.listen(port, "127.0.0.1", () => {
      // The address of a TCP listener has a port.
      resume(Effect.succeed((server.address() as AddressInfo).port))
    })
  })

/** Closes a server with its connections. */
export const closed = (server: Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
