import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { Dispatcher } from "undici"
import { BodyQueue } from "./bodyQueue.js"
import * as Inflate from "./inflate.js"
import { StreamedResponse, WholeResponse } from "./nodeResponse.js"
import type { RawHeaders } from "./rawHeaders.js"
import * as Raw from "./rawHeaders.js"

type Outcome = Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError>

/** A body of known length up to this is awaited with its headers; a longer one, or one of unknown length, is streamed. */
const mostAwaited = 64 * 1024

const nothing = Buffer.alloc(0)

/** The length that an answer's framing promises: 0 for one that cannot have a body, undefined where it does not say. */
const lengthOf = (method: string, status: number, raw: RawHeaders): number | undefined => {
  if (method === "HEAD" || status === 204 || status === 304) return 0
  const [length] = Raw.valuesOf(raw, "content-length")
  const parsed = length === undefined ? Number.NaN : Number(length)
  return Number.isSafeInteger(parsed) ? parsed : undefined
}

/**
 * An unread body whose response nobody holds any more keeps its connection from everybody else: the collector of
 * garbage is the last who can tell.
 */
const forgotten = new FinalizationRegistry<BodyQueue>((queue) => queue.cancel())

/**
 * One request on its way through the dispatcher, and what comes back. The dispatcher calls the `on…` methods; it
 * knows the older names of them, which hand over header fields as bytes, so that nobody parses what nobody reads.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: HttpClientRequest
  readonly #resume: (outcome: Outcome) => void
  readonly #inflates: boolean
  #abort: ((error?: Error) => void) | undefined
  #cancelled = false
  #status = 0
  #raw: RawHeaders = []
  /** The first piece of a body that is awaited: most have no second. */
  #first: Buffer | undefined
  #rest: Array<Buffer> | undefined
  #queue: BodyQueue | undefined
  #answered = false

  /**
   * @param resume - called once, with the answer or the failure.
   * @param inflates - whether a coding that the body has is ours to undo: we asked for it, and not the caller.
   */
  constructor(request: HttpClientRequest, resume: (outcome: Outcome) => void, inflates: boolean) {
    this.#request = request
    this.#resume = resume
    this.#inflates = inflates
  }

  /** Ends it, wherever it is: a request that waits for a connection is not sent, a connection that is in use is cut. */
  cancel(): void {
    this.#cancelled = true
    this.#abort?.()
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#cancelled) return abort()
    this.#abort = abort
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return true
    this.#status = status
    this.#raw = raw
    const { method } = this.#request
    const length = lengthOf(method, status, raw)
    const codings = this.#inflates && length !== 0 ? Raw.valuesOf(raw, "content-encoding") : []
    if (codings.length === 0 && length !== undefined && length <= mostAwaited) return true
    this.#stream(resume, codings)
    return true
  }

  /** Gives the answer out now, with a body that follows. */
  #stream(resume: () => void, codings: ReadonlyArray<string>): void {
    const queue = new BodyQueue(resume, () => this.#abort?.())
    this.#queue = queue
    const { body, headers } = Inflate.inflated(queue.stream, Raw.parse(this.#raw), codings)
    const response = new StreamedResponse(this.#request, this.#status, this.#raw, headers, body)
    forgotten.register(response, queue, queue)
    this.#answer(Effect.succeed(response))
  }

  onData(chunk: Buffer): boolean {
    if (this.#queue !== undefined) return this.#queue.push(chunk)
    if (this.#first === undefined) this.#first = chunk
    else (this.#rest ??= [this.#first]).push(chunk)
    return true
  }

  onComplete(): void {
    const queue = this.#queue
    if (queue === undefined) return this.#answer(Effect.succeed(this.#whole(undefined)))
    forgotten.unregister(queue)
    queue.end({ whole: true })
  }

  onError(cause: Error): void {
    const queue = this.#queue
    if (queue !== undefined) {
      forgotten.unregister(queue)
      return queue.end({ whole: false, cause })
    }
    // Once the header is there it is an answer, if a broken one: reading its body tells.
    if (this.#status !== 0) return this.#answer(Effect.succeed(this.#whole(cause)))
    this.#answer(Effect.fail(new HttpClientError.RequestError({ request: this.#request, reason: "Transport", cause })))
  }

  #whole(broken: unknown): WholeResponse {
    const bytes = this.#rest === undefined ? (this.#first ?? nothing) : Buffer.concat(this.#rest)
    return new WholeResponse(this.#request, this.#status, this.#raw, bytes, broken)
  }

  #answer(outcome: Outcome): void {
    if (this.#answered) return
    this.#answered = true
    this.#resume(outcome)
  }
}
