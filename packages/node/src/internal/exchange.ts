import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { Dispatcher } from "undici"
import { errors } from "undici"
import type { BodyQueue, End } from "./bodyQueue.js"
import * as Inflate from "./inflate.js"
import { StreamedResponse, WholeResponse } from "./nodeResponse.js"
import type { RawHeaders } from "./rawHeaders.js"
import * as Raw from "./rawHeaders.js"
import type { Settling } from "./settling.js"
import { StreamedBody } from "./streamedBody.js"

/** What comes of an exchange: an `Exit`. */
export type Outcome = Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError>

/** A body of known length up to this is awaited with its headers; a longer one, or one of unknown length, is streamed. */
const mostAwaited = 64 * 1024

const nothing = Buffer.alloc(0)
const none: ReadonlyArray<string> = []
const noFields: RawHeaders = []

/** The length that an answer's framing promises: 0 for one that cannot have a body, undefined where it does not say. */
const lengthOf = (method: string, status: number, raw: RawHeaders): number | undefined => {
  if (method === "HEAD" || status === 204 || status === 304) return 0
  const [length] = Raw.valuesOf(raw, "content-length")
  const parsed = length === undefined ? Number.NaN : Number(length)
  return Number.isSafeInteger(parsed) ? parsed : undefined
}

/** Where nobody is to be told any more. */
const toNobody = (): void => undefined

/**
 * An unread body whose response nobody holds any more keeps its connection from everybody else: the collector of
 * garbage is the last who can tell.
 */
const forgotten = new FinalizationRegistry<BodyQueue>((queue) => queue.cancel())

/** What the exchanges of one transport have in common. */
export interface Common {
  readonly settling: Settling
  /** How long answers that announce an answer (103 and the like) may go on, in milliseconds; 0 for ever. */
  readonly headersTimeout: number
}

/**
 * One request on its way through the dispatcher, and what comes back. The dispatcher calls the `on…` methods; it
 * knows the older names of them, which hand over header fields as bytes, so that nobody parses what nobody reads.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #common: Common
  readonly #request: HttpClientRequest
  readonly #inflates: boolean
  #resume: (outcome: Outcome) => void
  #abort: ((error?: Error) => void) | undefined
  #cancelled = false
  #status = 0
  #raw: RawHeaders = noFields
  /** The first piece of a body that is awaited: most have no second. */
  #first: Buffer | undefined
  #rest: Array<Buffer> | undefined
  #body: StreamedBody | undefined
  #interim: NodeJS.Timeout | undefined

  /**
   * @param resume - called once, with the answer or the failure.
   * @param inflates - whether a coding that the body has is ours to undo: we asked for it, and not the caller.
   */
  constructor(common: Common, request: HttpClientRequest, resume: (outcome: Outcome) => void, inflates: boolean) {
    this.#common = common
    this.#request = request
    this.#resume = resume
    this.#inflates = inflates
  }

  /** Ends it, wherever it is: a request that waits for a connection is not sent, a connection that is in use is cut. */
  cancel(): void {
    this.#cancelled = true
    this.#resume = toNobody
    this.#abort?.()
  }

  get isCancelled(): boolean {
    return this.#cancelled
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#cancelled) return abort()
    this.#abort = abort
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return this.#announced()
    clearTimeout(this.#interim)
    this.#status = status
    this.#raw = raw
    const length = lengthOf(this.#request.method, status, raw)
    const codings = this.#inflates && length !== 0 ? Raw.valuesOf(raw, "content-encoding") : none
    if (codings.length > 0 || length === undefined || length > mostAwaited) this.#stream(resume, codings)
    return true
  }

  /** To undici, each of these begins its wait for the header anew: a server could go on with them for ever. */
  #announced(): boolean {
    const { headersTimeout } = this.#common
    if (headersTimeout > 0) {
      this.#interim ??= setTimeout(() => this.#abort?.(new errors.HeadersTimeoutError()), headersTimeout)
    }
    return true
  }

  /** Gives the answer out now, with a body that follows. */
  #stream(resume: () => void, codings: ReadonlyArray<string>): void {
    const inflaters = Inflate.inflaters(codings)
    const body = new StreamedBody(resume, () => this.#abort?.(), inflaters ?? [])
    this.#body = body
    const response = new StreamedResponse(this.#request, this.#status, this.#raw, body.queue, inflaters !== undefined)
    forgotten.register(response, body.queue, body)
    this.#answer(Effect.succeed(response))
  }

  onData(chunk: Buffer): boolean {
    if (this.#body !== undefined) return this.#body.push(chunk)
    if (this.#first === undefined) this.#first = chunk
    else (this.#rest ??= [this.#first]).push(chunk)
    return true
  }

  onComplete(): void {
    this.#common.settling.begin()
    if (this.#body === undefined) this.#answer(Effect.succeed(this.#whole(undefined)))
    else this.#finish(this.#body, { whole: true })
  }

  onError(cause: Error): void {
    clearTimeout(this.#interim)
    if (this.#body !== undefined) return this.#finish(this.#body, { whole: false, cause })
    // Once the header is there it is an answer, if a broken one: reading its body tells.
    if (this.#status !== 0) return this.#answer(Effect.succeed(this.#whole(this.#isWhole(cause) ? undefined : cause)))
    this.#answer(Effect.fail(new HttpClientError.RequestError({ request: this.#request, reason: "Transport", cause })))
  }

  /** A 304 may give the length that the body would have had (RFC 9110 §8.6): to undici that one is missing. */
  #isWhole(cause: Error): boolean {
    return this.#status === 304 && cause instanceof errors.ResponseContentLengthMismatchError
  }

  #finish(body: StreamedBody, end: End): void {
    forgotten.unregister(body)
    body.end(end)
  }

  #whole(broken: unknown): WholeResponse {
    const bytes = this.#rest === undefined ? (this.#first ?? nothing) : Buffer.concat(this.#rest)
    return new WholeResponse(this.#request, this.#status, this.#raw, bytes, broken)
  }

  /** Whoever can cancel it holds it, for longer than it lasts: a fiber does until it waits again. */
  #forget(): void {
    this.#abort = undefined
    this.#raw = noFields
    this.#first = undefined
    this.#rest = undefined
  }

  /** Lets go of who waited, too: through him undici would hold the response, and nobody could find it forgotten. */
  #answer(outcome: Outcome): void {
    const resume = this.#resume
    this.#resume = toNobody
    if (this.#body === undefined) this.#forget()
    resume(outcome)
  }
}
