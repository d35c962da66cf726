/** The receive window of flow control: the bytes that the server may send before they are read (RFC 9113 §5.2). */
export class ReceiveWindow {
  readonly #size: number
  readonly #sendUpdate: (increment: number) => void
  #available: number
  #consumed = 0

  /** @param sendUpdate - sends WINDOW_UPDATE. */
  constructor(size: number, sendUpdate: (increment: number) => void) {
    this.#size = size
    this.#available = size
    this.#sendUpdate = sendUpdate
  }

  /** @returns whether the window allowed these bytes. */
  receive(bytes: number): boolean {
    this.#available -= bytes
    return this.#available >= 0
  }

  /** Called when bytes were read. The server may send as many again, and gets a WINDOW_UPDATE in large steps. */
  release(bytes: number): void {
    this.#consumed += bytes
    if (this.#consumed < this.#size / 2) return
    this.#available += this.#consumed
    this.#sendUpdate(this.#consumed)
    this.#consumed = 0
  }
}
