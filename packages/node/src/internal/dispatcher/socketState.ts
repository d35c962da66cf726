import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import { ResponseHeadRewriter } from "./responseHeadRewriter.js"

/** undici reads a socket with `read`: what that gives has its heads rewritten. */
const rewriteHeads = (socket: Socket): ResponseHeadRewriter => {
  const heads = new ResponseHeadRewriter()
  // Without an encoding, a socket gives bytes.
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null
  socket.read = (size?: number): Buffer | null => {
    const piece = read(size)
    return piece === null ? null : heads.rewrite(piece)
  }
  return heads
}

/** The state of the socket that a client of undici has: a client has one at a time. */
export class SocketState {
  readonly #pipelines: boolean
  #error: Error | undefined
  #heads: ResponseHeadRewriter | undefined

  /** @param allowsPipelining - whether a response may begin in the same piece in which another one ends. */
  constructor(allowsPipelining: boolean) {
    this.#pipelines = allowsPipelining
  }

  /** Called with each new socket, before undici uses it. */
  open(socket: Socket | TLSSocket): void {
    this.#error = undefined
    // Added before undici's listener, which ends a response that the connection delimits when it is reset.
    socket.on("error", (error) => {
      this.#error ??= error
    })
    this.#heads = this.#pipelines ? undefined : rewriteHeads(socket)
  }

  /** Called after each response that is complete. */
  onResponseEnd(): void {
    this.#heads?.startNextResponse()
  }

  /** The error of the socket. */
  get error(): Error | undefined {
    return this.#error
  }
}
