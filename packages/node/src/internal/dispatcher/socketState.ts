import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import { ContinueGate } from "./continueGate.js"
import { ResponseHeadRewriter } from "./responseHeadRewriter.js"

/** Rewrites the header sections that undici reads with `socket.read`. */
const rewriteHeads = (socket: Socket, onContinue: () => void): ResponseHeadRewriter => {
  const heads = new ResponseHeadRewriter(onContinue)
  // Without an encoding, `read` returns bytes.
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null
  socket.read = (size?: number): Buffer | null => {
    const piece = read(size)
    return piece === null ? null : heads.rewrite(piece)
  }
  return heads
}

/** The state of the socket of an undici client, which has one socket at a time. */
export class SocketState {
  readonly #allowsPipelining: boolean
  #error: Error | undefined
  #heads: ResponseHeadRewriter | undefined
  #socket: Socket | undefined
  #gate: ContinueGate | undefined

  /** @param allowsPipelining - whether a chunk may contain the end of one response and the start of the next. */
  constructor(allowsPipelining: boolean) {
    this.#allowsPipelining = allowsPipelining
  }

  /** Called with each new socket, before undici uses it. */
  open(socket: Socket | TLSSocket): void {
    this.#error = undefined
    this.#socket = socket
    this.#gate = undefined
    // Added before undici's listener, which treats a reset as the end of a response that is delimited by the
    // connection.
    socket.on("error", (error) => {
      this.#error ??= error
    })
    this.#heads = this.#allowsPipelining ? undefined : rewriteHeads(socket, () => this.#gate?.open())
  }

  /** Called before undici writes a request with a body, which is then held until the server asks for it. */
  expectContinue(): void {
    // With pipelining, a chunk may belong to several requests.
    if (this.#socket !== undefined && !this.#allowsPipelining) this.#gate = new ContinueGate(this.#socket)
  }

  /** Called with the header section of a final response. */
  onFinalResponse(): void {
    this.#gate?.refuse()
  }

  /** Called after each response that is complete. */
  onResponseEnd(): void {
    // The server may still wait for the body, or not: what it would read next is unknown.
    if (this.#gate?.isRefused === true) this.#socket?.destroy()
    this.#gate = undefined
    this.#heads?.startNextResponse()
  }

  /** The error of the socket. */
  get error(): Error | undefined {
    return this.#error
  }
}
