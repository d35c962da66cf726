/**
 * `Expect: 100-continue` over HTTP/1.1 (RFC 9110 §10.1.1), which undici does not support: it is handled on the socket of a client.
 *
 * The field is added to the header section that undici writes. What undici writes after it is held until the server sends a 100,
 * or the time is over.
 */
import type { Socket } from "node:net"

/** Time to wait for a response, in milliseconds: servers may ignore the field. */
export const continueTimeoutMs = 1000

const headEnd = "\r\n\r\n"

type Write = (this: Socket, chunk: string | Uint8Array, ...rest: ReadonlyArray<unknown>) => boolean

/** Holds the body of one request on a socket. */
export class ContinueGate {
  readonly #socket: Socket
  readonly #write: Write
  readonly #timer: NodeJS.Timeout
  readonly #held: Array<() => boolean> = []
  #isHeadSent = false
  #state: "waiting" | "open" | "refused" = "waiting"

  constructor(socket: Socket) {
    this.#socket = socket
    // Called with the arguments of a call of the same method, and with its socket.
    this.#write = socket.write as Write // eslint-disable-line @typescript-eslint/unbound-method -- Called with the socket.
    const hold = (chunk: string | Uint8Array, ...rest: ReadonlyArray<unknown>): boolean => this.#hold(chunk, rest)
    socket.write = hold // Its arguments are passed on.
    this.#timer = setTimeout(() => this.open(), continueTimeoutMs)
    socket.once("close", this.#stop)
  }

  readonly #stop = (): void => clearTimeout(this.#timer)

  #hold(chunk: string | Uint8Array, rest: ReadonlyArray<unknown>): boolean {
    if (!this.#isHeadSent && typeof chunk === "string" && chunk.endsWith(headEnd)) {
      this.#isHeadSent = true
      this.#write.call(this.#socket, `${chunk.slice(0, -2)}expect: 100-continue${headEnd}`, ...rest)
      return true
    }
    this.#held.push(() => this.#write.call(this.#socket, chunk, ...rest))
    return false
  }

  /** Sends what is held: the server asks for it, or does not know the field. */
  open(): void {
    if (this.#state !== "waiting") return
    this.#state = "open"
    this.#stop()
    this.#socket.off("close", this.#stop)
    this.#socket.write = this.#write // The method as it was.
    const hasRoom = this.#held.splice(0).reduce((room, send) => send() && room, true)
    if (hasRoom) this.#socket.emit("drain")
  }

  /** Drops what is held: the server responded without it. */
  refuse(): void {
    if (this.#state !== "waiting") return
    this.#state = "refused"
    this.#stop()
    this.#held.length = 0
  }

  /** Whether the server responded without the body, so that the connection cannot be used again. */
  get isRefused(): boolean {
    return this.#state === "refused"
  }
}
