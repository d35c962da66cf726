/** One download: requests until the file is whole. */
import type { ApiClient } from "@countersign/client/ApiClient"
import type * as Call from "@countersign/client/Call"
import type * as Continuation from "@countersign/client/Continuation"
import { ClientError, TransportError } from "@countersign/client/Errors"
import type { OpenResponse } from "@countersign/client/OpenResponse"
import type { Digest } from "@countersign/protocol/ReprDigest"
import * as Headers from "@effect/platform/Headers"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import type { DownloadReason } from "./downloadError.js"
import { DownloadError } from "./downloadError.js"
import type { AnyOptions } from "./options.js"
import type { PartialFile } from "./partialFile.js"
import { isStrong } from "./partialRecord.js"
import { decide } from "./responseDecision.js"
import { digestOf, verify } from "./verify.js"

/** See `Download.Result`. */
export interface Result {
  /** Length of the file in bytes. */
  readonly bytes: number
  /** Bytes of an earlier run that were used. */
  readonly resumedFrom: number
  /** The `ETag` of the last response. */
  readonly etag: string | undefined
  /** The hash function of the digest that was verified. Undefined if there was no digest. */
  readonly verified: Digest["algorithm"] | undefined
}

/** What a download requests. */
export interface Job<E> {
  readonly api: ApiClient<E>
  readonly url: string | URL
  readonly request: string
  readonly options: AnyOptions
}

const ownNames = ["resume", "onProgress", "digest", "maxBytes", "mode", "lockTimeout"] as const

/** More parts of one file are no progress. A server may answer an open range with a part of it. */
const maxParts = 10_000

type Failure<E> = E | TransportError | DownloadError

/** The state of a download between its requests. */
export class Transfer<E> {
  readonly #job: Job<E>
  readonly #file: PartialFile
  readonly #more: Continuation.Continuation
  #resumedFrom: number
  /** The furthest position of this run. A request made progress only beyond it. */
  #furthest: number
  #parts = 0
  #etag: string | undefined
  #digest: Digest | undefined
  #total: number | undefined

  constructor(job: Job<E>, file: PartialFile, more: Continuation.Continuation) {
    this.#job = job
    this.#file = file
    this.#more = more
    this.#resumedFrom = file.position
    this.#furthest = file.position
  }

  /** Requests the file, and its rest after each failure that allows it. */
  get run(): Effect.Effect<Result, Failure<E>> {
    const once = Effect.suspend(() => Effect.scoped(this.#step))
    return Effect.flatMap(Effect.iterate(false, { while: (isDone) => !isDone, body: () => once }), () => this.#finish)
  }

  #fail(reason: DownloadReason, detail: string): DownloadError {
    return new DownloadError({ reason, path: this.#file.paths.path, detail })
  }

  get #open() {
    const { position, record } = this.#file
    return this.#request(
      record === undefined || position === 0 ? {} : { range: `bytes=${position}-`, "if-range": record.etag }
    )
  }

  #request(fields: Headers.Input, method = "GET") {
    const { api, options: own, url } = this.#job
    const headers = { ...Headers.fromInput(own.headers), "accept-encoding": "identity", ...Headers.fromInput(fields) }
    // The options of the scheme have its own errors. The signature of `Download.toFile` declares them.
    const call = { ...Struct.omit(own, ...ownNames), method, headers } as Call.OpenOptions<undefined> &
      Call.PathOptions<string>
    return api.open(url, call)
  }

  /** One request. Returns whether the file is whole. */
  get #step(): Effect.Effect<boolean, Failure<E>, Scope.Scope> {
    return Effect.matchEffect(this.#open, {
      onSuccess: (response): Effect.Effect<boolean, Failure<E>> => this.#receive(response),
      onFailure: (error): Effect.Effect<boolean, Failure<E>> => {
        // The stored bytes are not the beginning of the file any more.
        const isOutside = error instanceof ClientError && error.status === 416 && this.#file.position > 0
        return isOutside ? Effect.as(this.#begin(undefined), false) : Effect.fail(error)
      }
    })
  }

  #begin(record: PartialFile["record"]) {
    this.#resumedFrom = 0
    return this.#file.begin(record)
  }

  #receive(response: OpenResponse): Effect.Effect<boolean, TransportError | DownloadError> {
    const file = this.#file
    const decision = decide(response, file.position, file.record)
    switch (decision._tag) {
      case "Rejected":
        return Effect.fail(this.#fail(decision.reason, decision.detail))
      case "Anew":
        return Effect.as(this.#begin(undefined), false)
      case "Rest":
        return this.#store(response, decision.end, decision.length)
      case "Whole":
        return Effect.zipRight(
          this.#start(response, decision.length),
          this.#store(response, decision.length, decision.length)
        )
    }
  }

  /** Begins with the first byte of a whole file. */
  #start(response: OpenResponse, length: number | undefined) {
    const etag = response.headers["etag"]
    const digest = digestOf(response)
    this.#digest = digest
    const { request } = this.#job
    return this.#begin(isStrong(etag) ? { request, url: response.url, etag, length, digest } : undefined)
  }

  /** Stores a body up to the position `end`. Returns whether the file is whole. */
  #store(response: OpenResponse, end: number | undefined, length: number | undefined) {
    this.#etag = response.headers["etag"]
    this.#total = length
    const tooLarge = length === undefined ? undefined : this.#tooLarge(length)
    if (tooLarge !== undefined) return tooLarge
    const stored = Stream.runForEachChunk(response.stream, (chunk) => this.#write(chunk, end))
    return Effect.matchEffect(Effect.zipRight(this.#report, stored), {
      onFailure: (error) => (error instanceof TransportError ? this.#continueAfter(error) : Effect.fail(error)),
      onSuccess: () => this.#isWhole(end, length)
    })
  }

  #tooLarge(length: number) {
    const { maxBytes = Number.POSITIVE_INFINITY } = this.#job.options
    if (length <= maxBytes) return undefined
    const detail = `the file has more than ${maxBytes} bytes. Raise \`maxBytes\`, or check the URL.`
    return Effect.zipRight(this.#file.remove, this.#fail("TooLarge", detail))
  }

  #write(chunk: Chunk.Chunk<Uint8Array>, end: number | undefined): Effect.Effect<void, DownloadError> {
    const pieces = Chunk.toReadonlyArray(chunk)
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const position = this.#file.position + size
    if (end !== undefined && position > end) {
      return this.#fail(
        "LengthMismatch",
        `the server sent more than the ${end} bytes that it named. Download it again.`
      )
    }
    return this.#tooLarge(position) ?? Effect.zipRight(this.#file.write(pieces, size), this.#report)
  }

  get #report(): Effect.Effect<void> {
    const { onProgress } = this.#job.options
    return Effect.suspend(
      () =>
        onProgress?.({ bytes: this.#file.position, total: this.#total, resumedFrom: this.#resumedFrom }) ?? Effect.void
    )
  }

  /** After a complete body. A server may send a part of the rest only. */
  #isWhole(end: number | undefined, length: number | undefined): Effect.Effect<boolean, DownloadError> {
    const { position } = this.#file
    if (end !== undefined && position < end) {
      return this.#fail("LengthMismatch", `the server sent ${position} bytes, and named ${end}. Download it again.`)
    }
    if (length === undefined || position === length) return Effect.succeed(true)
    this.#parts += 1
    if (this.#parts < maxParts) return Effect.as(this.#progressed, false)
    return this.#fail("RangeMismatch", `the server sent more than ${maxParts} parts of the file. Check the server.`)
  }

  get #progressed(): Effect.Effect<void> {
    this.#furthest = Math.max(this.#furthest, this.#file.position)
    return this.#more.progressed
  }

  /** After a body that broke off. Failures in a row count: one that made progress begins the schedule anew. */
  #continueAfter(error: TransportError): Effect.Effect<boolean, TransportError | DownloadError> {
    const progressed = this.#file.position > this.#furthest ? this.#progressed : Effect.void
    const forgotten = this.#file.record === undefined ? this.#begin(undefined) : Effect.void
    return progressed.pipe(Effect.zipRight(this.#more.next(error)), Effect.zipRight(forgotten), Effect.as(false))
  }

  get #finish(): Effect.Effect<Result, Failure<E>> {
    const file = this.#file
    return Effect.gen(this, function* () {
      const bytes = file.position
      const digest = yield* this.#verified
      yield* file.complete(this.#job.options.mode)
      return { bytes, resumedFrom: this.#resumedFrom, etag: this.#etag, verified: digest?.algorithm }
    })
  }

  get #verified(): Effect.Effect<Digest | undefined, Failure<E>> {
    const file = this.#file
    const { digest: own } = this.#job.options
    const named = this.#digest ?? file.record?.digest
    if (own !== undefined) return verify(file, own)
    if (named === undefined) return Effect.succeed(undefined)
    return this.#total === undefined ? verify(file, named, this.#digestOfHead) : verify(file, named)
  }

  /**
   * The digest that the server names for the file without a content coding. A transport decodes a body that was encoded in
   * spite of the request, and then neither its length nor its coding is known. No body is decoded for a HEAD.
   */
  get #digestOfHead(): Effect.Effect<Digest | undefined> {
    return Effect.scoped(this.#request({}, "HEAD")).pipe(
      Effect.map((head) => (head.headers["etag"] === this.#etag ? digestOf(head) : undefined)),
      Effect.orElseSucceed(() => undefined)
    )
  }
}
