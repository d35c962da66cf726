import { BodyQueue } from "./bodyQueue.js"
import type { End } from "./bodyQueue.js"
import type { Inflater, Sink } from "./contentDecoding.js"
import { Inflating } from "./contentDecoding.js"

/** What a streamed body consists of: where the socket's bytes go in, and where its reader takes them out. */
export class StreamedBody implements Sink {
  readonly queue: BodyQueue
  readonly #entry: Sink
  readonly #stages: ReadonlyArray<Inflating>

  /**
   * @param resume - called when there is room again, after `push` said that there is none.
   * @param abort - called when nobody will read on.
   * @param inflaters - the codings to undo, the first first.
   */
  constructor(resume: () => void, abort: () => void, inflaters: ReadonlyArray<Inflater>) {
    const stages: Array<Inflating> = []
    this.#stages = stages
    const upstream = (at: number): (() => void) => (at === 0 ? resume : () => stages[at - 1]?.resume())
    this.queue = new BodyQueue(upstream(inflaters.length), () => this.cancel(abort))
    let next: Sink = this.queue
    for (let at = inflaters.length - 1; at >= 0; at--) {
      const make = inflaters[at]
      if (make !== undefined) next = stages[at] = new Inflating(make, next, upstream(at))
    }
    this.#entry = next
  }

  cancel(abort: () => void): void {
    for (const stage of this.#stages) stage.cancel()
    abort()
  }

  push(chunk: Uint8Array): boolean {
    return this.#entry.push(chunk)
  }

  end(end: End): void {
    this.#entry.end(end)
  }
}
