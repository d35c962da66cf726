/**
 * A connection whose answer has just ended counts as busy to undici until the event loop has come round; a request
 * that is dispatched before that opens another one. So whoever sends in answer to an answer waits for the same turn:
 * one connection for requests that follow each other where there were three, and no more of them than requests at a
 * time.
 */
export class Settling {
  #busy = false
  readonly #over = (): void => {
    this.#busy = false
  }

  /** An answer has ended. */
  begin(): void {
    if (this.#busy) return
    this.#busy = true
    setImmediate(this.#over)
  }

  /** Runs `dispatch` when the connections that have become free in this turn count as free. */
  then(dispatch: () => void): void {
    if (this.#busy) setImmediate(dispatch)
    else dispatch()
  }
}
