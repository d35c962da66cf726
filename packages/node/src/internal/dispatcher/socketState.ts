import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import { ResponseHeads } from "./responseHeads.js"

/** undici reads a socket with `read`: what that gives has its heads rewritten. */
const rewriting = (socket: Socket): ResponseHeads => {
  const heads = new ResponseHeads()
  // Without an encoding, a socket gives bytes.
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null
  socket.read = (size?: number): Buffer | null => {
    const piece = read(size)
    return piece === null ? null : heads.pass(piece)
  }
  return heads
}

/** The state of the socket that a client of undici has: a client has one at a time. */
export class SocketState {
  readonly #pipelines: boolean
  #error: Error | undefined
  #heads: ResponseHeads | undefined

  /** @param pipelines - whether a response may begin in the same piece in which another one ends. */
  constructor(pipelines: boolean) {
    this.#pipelines = pipelines
  }

  /** Called with each new socket, before undici uses it. */
  open(socket: Socket | TLSSocket): void {
    this.#error = undefined
    // Added before undici's listener, which ends a response that the connection delimits when it is reset.
    socket.on("error", (error) => {
      this.#error ??= error
    })
    this.#heads = this.#pipelines ? undefined : rewriting(socket)
  }

  /** Called after each response that is complete. */
  onResponseEnd(): void {
    this.#heads?.next()
  }

  /** The error of the socket. */
  get error(): Error | undefined {
    return this.#error
  }
}
