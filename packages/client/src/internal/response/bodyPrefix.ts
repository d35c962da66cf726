/** Reads the beginning of a body, and leaves the whole body readable. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { UrlParams } from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Json, StreamPull } from "../runtime/platform.js"
import { openPullIn } from "../runtime/platform.js"
import { bufferedBodyOf } from "./bodyReader.js"
import { BaseResponse, BufferedResponse } from "./clientResponse.js"
import { concat } from "./readBody.js"

type Bytes = Stream.Stream<Uint8Array, HttpClientError.ResponseError>

/** A longer body is not an error message. */
const maxPeekBytes = 64 * 1024

/** A response with a body that was read in part or broke off. Its reader gets the body from the start. */
class PartiallyReadResponse extends BaseResponse implements HttpClientResponse {
  readonly #body: Bytes

  constructor(source: HttpClientResponse, body: Bytes) {
    super(source)
    this.#body = body
  }

  get stream(): Bytes {
    return this.#body
  }

  get #buffered(): Effect.Effect<BufferedResponse, HttpClientError.ResponseError> {
    return Effect.map(Stream.runCollect(this.#body), (chunks) => new BufferedResponse(this.source, concat([...chunks])))
  }

  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#buffered, ({ text }) => text)
  }

  get json(): Effect.Effect<Json, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#buffered, ({ json }) => json)
  }

  get urlParamsBody(): Effect.Effect<UrlParams, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#buffered, ({ urlParamsBody }) => urlParamsBody)
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#buffered, ({ formData }) => formData)
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#buffered, ({ arrayBuffer }) => arrayBuffer)
  }
}

interface PeekResult {
  /** The whole body. Undefined if it is too long or broke off. */
  readonly text: string | undefined
  readonly response: HttpClientResponse
}

const decoder = new TextDecoder()

type Pull = StreamPull<Uint8Array, HttpClientError.ResponseError>

/**
 * Reads until the body ends or exceeds the limit. The scope is closed at the end of the body, here or by the body's
 * reader.
 */
const readPrefix = (response: HttpClientResponse, pull: Pull, close: Effect.Effect<void>): Effect.Effect<PeekResult> =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    let length = 0
    while (length <= maxPeekBytes) {
      const next = yield* Effect.either(pull)
      if (next._tag === "Right") {
        for (const chunk of next.right) {
          chunks.push(chunk)
          length += chunk.length
        }
        continue
      }
      yield* close
      if (Option.isSome(next.left)) {
        const broken = Stream.concat(Stream.fromIterable(chunks), Stream.fail(next.left.value))
        return { text: undefined, response: new PartiallyReadResponse(response, broken) }
      }
      const bytes = concat(chunks)
      return { text: decoder.decode(bytes), response: new BufferedResponse(response, bytes) }
    }
    const all = Stream.concat(Stream.fromIterable(chunks), Stream.repeatEffectChunkOption(pull))
    // Around the whole stream, because a reader may stop before the rest.
    return { text: undefined, response: new PartiallyReadResponse(response, Stream.ensuring(all, close)) }
  })

/** Reads a body of at most 64 KiB. A longer body stays readable from the start. */
export const peek = (response: HttpClientResponse): Effect.Effect<PeekResult> => {
  const bufferedBytes = bufferedBodyOf(response)
  if (bufferedBytes !== undefined) {
    const text = bufferedBytes.length > maxPeekBytes ? undefined : decoder.decode(bufferedBytes)
    return Effect.succeed({ text, response })
  }
  return Effect.flatMap(Scope.make(), (scope) => {
    const close = Scope.close(scope, Exit.void)
    return openPullIn(response.stream, scope).pipe(
      Effect.flatMap((pull) => readPrefix(response, pull, close)),
      Effect.onInterrupt(() => close)
    )
  })
}
