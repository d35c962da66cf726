/** The receive window of flow control: the bytes that the server may send before they are read (RFC 9113 §5.2). */
export class ReceiveWindow {
  readonly #size: number
  readonly #grant: (increment: number) => void
  #left: number
  #taken = 0

  /** @param sendUpdate - sends WINDOW_UPDATE. */
  constructor(size: number, sendUpdate: (increment: number) => void) {
    this.#size = size
    this.#left = size
    this.#grant = sendUpdate
  }

  /** @returns whether the window allowed these bytes. */
  receive(bytes: number): boolean {
    this.#left -= bytes
    return this.#left >= 0
  }

  /** Called when bytes were read. The server may send as many again, and gets a WINDOW_UPDATE in large steps. */
  release(bytes: number): void {
    this.#taken += bytes
    if (this.#taken < this.#size / 2) return
    this.#left += this.#taken
    this.#grant(this.#taken)
    this.#taken = 0
  }
}
