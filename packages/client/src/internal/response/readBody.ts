/** Reading a body within bounds, and letting go of one that nobody wants. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Content from "@countersign/protocol/Content"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { wholeBodyOf } from "./bufferedBody.js"
import { Buffered } from "./clientResponse.js"

/** What is read of a body that is only thrown away, or shown in an error: more is cheaper to cut off than to read. */
const mostDiscarded = 64 * 1024

/** A server that drips a body which nobody wants loses its connection; the caller does not wait for it. */
const discardTime = 1000

/** Also where the caller cannot be interrupted, as while a resource is released: the time has an end there too. */
const inDiscardTime = <A, E, R>(
  reading: Effect.Effect<A, E, R>,
  ms = discardTime
): Effect.Effect<A, E | Cause.TimeoutException, R> => Effect.timeout(Effect.interruptible(reading), ms)

const isEmpty = (error: HttpClientError.ResponseError) => error.reason === "EmptyBody"

/** What is there of a body, up to `limit` bytes and one chunk; `whole` tells whether that is all of it. */
const collect = (
  response: HttpClientResponse,
  limit: number
): Effect.Effect<{ readonly bytes: Uint8Array; readonly whole: boolean }, HttpClientError.ResponseError> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let length = 0
    return response.stream.pipe(
      // Ending the stream early closes its source: the transport drops the connection and reads no more.
      Stream.takeUntil((chunk) => {
        chunks.push(chunk)
        length += chunk.length
        return length > limit
      }),
      Stream.runDrain,
      Effect.catchIf(isEmpty, () => Effect.void),
      Effect.map(() => ({ bytes: concat(chunks, length), whole: length <= limit }))
    )
  })

export const concat = (
  chunks: ReadonlyArray<Uint8Array>,
  length: number = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
): Uint8Array => {
  const [only] = chunks
  if (only !== undefined && chunks.length === 1) return only
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** The length that the framing promises, where no coding can make more of it. */
const framedLength = (response: HttpClientResponse): number | undefined => {
  const { "content-encoding": coding, "content-length": length } = response.headers
  if (length === undefined || (coding !== undefined && coding !== "identity")) return undefined
  const parsed = Number(length)
  return Number.isSafeInteger(parsed) && parsed >= 0 ? parsed : undefined
}

/** Whether a response can have content, whatever its header fields say. */
const mayHaveContent = ({ request, status }: HttpClientResponse): boolean => Content.isPossible(request.method, status)

const empty = (response: HttpClientResponse): Option.Option<Buffered> =>
  Option.some(new Buffered(response, new Uint8Array(0)))

/** Reads a body that is still on its way: one of at most `limit` bytes as they are after inflation; `None` when it is larger, and it is let go. */
export const read = (
  response: HttpClientResponse,
  limit: number
): Effect.Effect<Option.Option<Buffered>, HttpClientError.ResponseError> => {
  // Some transports wait for the content that the header fields describe, and fail without it.
  if (!mayHaveContent(response)) return Effect.map(release(response), () => empty(response))
  const length = framedLength(response)
  // The transport enforces the framing, so one read is enough where it fits; one that inflates and keeps the length
  // without the coding is found out afterwards.
  if (length !== undefined && length <= limit) {
    return Effect.map(response.arrayBuffer, (buffer) =>
      buffer.byteLength <= limit ? Option.some(new Buffered(response, new Uint8Array(buffer))) : Option.none()
    )
  }
  if (length !== undefined) return Effect.as(release(response), Option.none())
  return Effect.map(collect(response, limit), ({ bytes, whole }) =>
    whole ? Option.some(new Buffered(response, bytes)) : Option.none()
  )
}

/** What an error may show of a body: its beginning, read in a second at most, with the connection free afterwards. */
export const settle = (response: HttpClientResponse): Effect.Effect<Buffered> => {
  if (response instanceof Buffered) return Effect.succeed(response)
  const here = wholeBodyOf(response)
  const settled = (bytes: Uint8Array) => new Buffered(response, bytes)
  return here !== undefined
    ? Effect.succeed(settled(here.subarray(0, mostDiscarded)))
    : collect(response, mostDiscarded).pipe(
        inDiscardTime,
        Effect.map(({ bytes }) => settled(bytes.subarray(0, mostDiscarded))),
        Effect.orElseSucceed(() => settled(new Uint8Array(0)))
      )
}

/**
 * Lets go of a response whose body nobody will read: its connection is free, or closed, when this is done. Whoever
 * sends again, waits or gives up calls this first: a pool of one connection would otherwise never send again.
 *
 * @param most - how long it may take, in milliseconds; a second where that is less.
 */
export const release = (response: HttpClientResponse, most = discardTime): Effect.Effect<void> =>
  wholeBodyOf(response) !== undefined
    ? Effect.void
    : response.stream.pipe(
        Stream.mapAccum(0, (length, chunk) => [length + chunk.length, length + chunk.length]),
        Stream.takeUntil((length) => length > mostDiscarded),
        Stream.runDrain,
        (reading) => inDiscardTime(reading, Math.min(most, discardTime)),
        Effect.ignore
      )
