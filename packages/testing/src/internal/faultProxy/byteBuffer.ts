import * as Effect from "effect/Effect"
import type { Socket } from "node:net"

/** A chunk with its arrival time in milliseconds. The last one marks the end and has no bytes. */
export interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
  readonly isEnd: boolean
}

/** Maximum number of buffered bytes. Beyond it, the sender must wait. */
const most = 1024 * 1024

const nothing = new Uint8Array(0)

/** Buffers the chunks of a socket with their arrival times. Latency counts from arrival, also for waiting chunks. */
export class Inlet {
  readonly #pieces: Array<Piece> = []
  readonly #socket: Socket
  #held = 0
  #wake: (() => void) | undefined

  constructor(socket: Socket, now: () => number) {
    this.#socket = socket
    socket.on("data", (bytes: Buffer) => {
      this.#held += bytes.length
      if (this.#held > most) socket.pause()
      this.#add({ at: now(), bytes, isEnd: false })
    })
    socket.on("end", () => this.#add({ at: now(), bytes: nothing, isEnd: true }))
  }

  #add(piece: Piece): void {
    this.#pieces.push(piece)
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #take(): Piece | undefined {
    const piece = this.#pieces.shift()
    if (piece === undefined) return undefined
    this.#held -= piece.bytes.length
    if (this.#held <= most && this.#socket.isPaused()) this.#socket.resume()
    return piece
  }

  /** Waits for the next chunk. It supports one reader at a time. */
  readonly take: Effect.Effect<Piece> = Effect.async((resume) => {
    const give = () => {
      const piece = this.#take()
      if (piece !== undefined) resume(Effect.succeed(piece))
      return piece !== undefined
    }
    if (!give()) this.#wake = give
  })
}
