import { BodyQueue } from "./bodyQueue.js"
import type { BodyEnd } from "./bodyQueue.js"
import type { MakeDecoder, BodySink } from "./contentDecoding.js"
import { ContentDecoder } from "./contentDecoding.js"

/** A streamed body: the decoders between the socket and the queue that its reader reads. */
export class StreamedBody implements BodySink {
  readonly queue: BodyQueue
  readonly #entry: BodySink
  readonly #stages: ReadonlyArray<ContentDecoder>

  /**
   * @param resume - called when there is room again, after `push` returned false.
   * @param abort - called when the rest of the body will not be read.
   * @param decoders - the decoders in the order of decoding.
   */
  constructor(resume: () => void, abort: () => void, decoders: ReadonlyArray<MakeDecoder>) {
    const stages: Array<ContentDecoder> = []
    this.#stages = stages
    const upstream = (at: number): (() => void) => (at === 0 ? resume : () => stages[at - 1]?.resume())
    this.queue = new BodyQueue(upstream(decoders.length), () => this.cancel(abort))
    let next: BodySink = this.queue
    for (let at = decoders.length - 1; at >= 0; at--) {
      const make = decoders[at]
      if (make !== undefined) next = stages[at] = new ContentDecoder(make, next, upstream(at))
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

  end(end: BodyEnd): void {
    this.#entry.end(end)
  }
}
