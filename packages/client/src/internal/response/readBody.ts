/** Reading a body within bounds, and letting go of one that nobody wants. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Content from "@countersign/protocol/Content"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { bufferedBodyOf } from "./bufferedBody.js"
import { BufferedResponse } from "./clientResponse.js"

/** What is read of a body that is only thrown away, or shown in an error: more is cheaper to cut off than to read. */
const maxDrainBytes = 64 * 1024

/** A server that drips a body which nobody wants loses its connection; the caller does not wait for it. */
const drainTimeoutMs = 1000

/** Also where the caller cannot be interrupted, as while a resource is released: the time has an end there too. */
const withDrainTimeout = <A, E, R>(
  reading: Effect.Effect<A, E, R>,
  ms = drainTimeoutMs
): Effect.Effect<A, E | Cause.TimeoutException, R> => Effect.timeout(Effect.interruptible(reading), ms)

const isEmpty = (error: HttpClientError.ResponseError) => error.reason === "EmptyBody"

/** What is there of a body, up to `limit` bytes and one chunk; `whole` tells whether that is all of it. */
const collect = (
  response: HttpClientResponse,
  limit: number
): Effect.Effect<{ readonly bytes: Uint8Array; readonly isComplete: boolean }, HttpClientError.ResponseError> =>
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
      Effect.map(() => ({ bytes: concat(chunks, length), isComplete: length <= limit }))
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

const emptyBody = (response: HttpClientResponse): Option.Option<BufferedResponse> =>
  Option.some(new BufferedResponse(response, new Uint8Array(0)))

/** Reads a body that is still on its way: one of at most `limit` bytes as they are after inflation; `None` when it is larger, and it is let go. */
export const readBounded = (
  response: HttpClientResponse,
  limit: number
): Effect.Effect<Option.Option<BufferedResponse>, HttpClientError.ResponseError> => {
  // Some transports wait for the content that the header fields describe, and fail without it.
  if (!mayHaveContent(response)) return Effect.map(drain(response), () => emptyBody(response))
  const length = framedLength(response)
  // The transport enforces the framing, so one read is enough where it fits; one that inflates and keeps the length
  // without the coding is found out afterwards.
  if (length !== undefined && length <= limit) {
    return Effect.map(response.arrayBuffer, (buffer) =>
      buffer.byteLength <= limit ? Option.some(new BufferedResponse(response, new Uint8Array(buffer))) : Option.none()
    )
  }
  if (length !== undefined) return Effect.as(drain(response), Option.none())
  return Effect.map(collect(response, limit), ({ bytes, isComplete }) =>
    isComplete ? Option.some(new BufferedResponse(response, bytes)) : Option.none()
  )
}

/** What an error may show of a body: its beginning, read in a second at most, with the connection free afterwards. */
export const bufferErrorBody = (response: HttpClientResponse): Effect.Effect<BufferedResponse> => {
  if (response instanceof BufferedResponse) return Effect.succeed(response)
  const available = bufferedBodyOf(response)
  const toBuffered = (bytes: Uint8Array) => new BufferedResponse(response, bytes)
  return available !== undefined
    ? Effect.succeed(toBuffered(available.subarray(0, maxDrainBytes)))
    : collect(response, maxDrainBytes).pipe(
        withDrainTimeout,
        Effect.map(({ bytes }) => toBuffered(bytes.subarray(0, maxDrainBytes))),
        Effect.orElseSucceed(() => toBuffered(new Uint8Array(0)))
      )
}

/**
 * Lets go of a response whose body nobody will read: its connection is free, or closed, when this is done. Whoever
 * sends again, waits or gives up calls this first: a pool of one connection would otherwise never send again.
 *
 * @param maxMs - how long it may take, in milliseconds; a second where that is less.
 */
export const drain = (response: HttpClientResponse, maxMs = drainTimeoutMs): Effect.Effect<void> =>
  bufferedBodyOf(response) !== undefined
    ? Effect.void
    : response.stream.pipe(
        Stream.mapAccum(0, (length, chunk) => [length + chunk.length, length + chunk.length]),
        Stream.takeUntil((length) => length > maxDrainBytes),
        Stream.runDrain,
        (reading) => withDrainTimeout(reading, Math.min(maxMs, drainTimeoutMs)),
        Effect.ignore
      )
