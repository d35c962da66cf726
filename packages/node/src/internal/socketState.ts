import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"

/** The state of the socket that a client of undici has: a client has one at a time. */
export class SocketState {
  #error: Error | undefined

  /** Called with each new socket, before undici uses it. */
  open(socket: Socket | TLSSocket): void {
    this.#error = undefined
    // Added before undici's listener, which ends a response that the connection delimits when it is reset.
    socket.on("error", (error) => {
      this.#error ??= error
    })
  }

  /** The error of the socket. */
  get error(): Error | undefined {
    return this.#error
  }
}
