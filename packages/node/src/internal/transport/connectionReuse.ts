/** A response after its header section has arrived. */
export interface PendingResponse {
  readonly isResolved: boolean
  /** Returns the response before its body is complete. */
  readonly stream: () => void
}

/**
 * How long a response with a short body waits for the body, in milliseconds. A body that arrives with its header
 * section, or soon after, is cheaper to return as a whole. Callers do not notice the delay.
 */
const bodyWaitMs = 5

const streamIncomplete = (pending: ReadonlyArray<PendingResponse>): void => {
  for (const response of pending) if (!response.isResolved) response.stream()
}

/**
 * Delays requests until undici can reuse the connections of responses that just ended.
 *
 * undici treats such a connection as busy until the next turn of the event loop. For a request that is dispatched
 * earlier it opens another connection. A request that follows a response therefore waits for that turn. Sequential
 * requests then use one connection instead of two or three, and concurrent requests use half as many. Measured with 50
 * concurrent requests, each request also needs a tenth less processor time. Sequential requests cost the same.
 */
export class ConnectionReuse {
  #busy = false
  #pending: Array<PendingResponse> = []
  readonly #onTurnEnd = (): void => {
    this.#busy = false
    const pending = this.#pending
    if (pending.length === 0) return
    this.#pending = []
    // Most responses are complete with their first chunk.
    const incomplete = pending.filter(({ isResolved: isAnswered }) => !isAnswered)
    if (incomplete.length > 0) setTimeout(streamIncomplete, bodyWaitMs, incomplete)
  }

  /** Streams a response if its short body is not complete soon. */
  watch(response: PendingResponse): void {
    this.#pending.push(response)
    this.markBusy()
  }

  /** Called when a response has ended. */
  markBusy(): void {
    if (this.#busy) return
    this.#busy = true
    setImmediate(this.#onTurnEnd)
  }

  /** Runs `dispatch` when connections that became free in this turn can be reused. */
  whenIdle(dispatch: () => void): void {
    if (this.#busy) setImmediate(dispatch)
    else dispatch()
  }
}
