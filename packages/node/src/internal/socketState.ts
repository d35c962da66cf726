import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"

const isHttp2 = (socket: Socket | TLSSocket): boolean => "alpnProtocol" in socket && socket.alpnProtocol === "h2"

/** The state of the socket that a client of undici has: a client has one at a time. */
export class SocketState {
  #error: Error | undefined
  #isHttp2 = false

  /** Called with each new socket, before undici uses it. */
  open(socket: Socket | TLSSocket): void {
    this.#error = undefined
    this.#isHttp2 = isHttp2(socket)
    // Added before undici's listener, which ends a response that the connection delimits when it is reset.
    socket.on("error", (error) => {
      this.#error ??= error
    })
  }

  /** The error of the socket. */
  get error(): Error | undefined {
    return this.#error
  }

  /** Whether the connection speaks HTTP/2, where undici does not report when it writes the header. */
  get isHttp2(): boolean {
    return this.#isHttp2
  }
}
