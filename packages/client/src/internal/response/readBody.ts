/** Reads a body up to a limit, or drains one that is not needed. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Content from "@countersign/protocol/Content"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { reasonOf } from "../runtime/transportFailure.js"
import { bufferedBodyOf, readerOf, readUntil } from "./bodyReader.js"
import { BufferedResponse } from "./clientResponse.js"

/**
 * Maximum bytes read of a body that is discarded or shown in an error. Beyond that, closing the connection is cheaper.
 */
export const maxErrorBytes: number = 64 * 1024

/**
 * Maximum time for draining a body. After that the connection is closed, so that a slow server does not delay the
 * caller.
 */
const drainTimeoutMs = 1000

/** Interruptible, so that the timeout also works in an uninterruptible region, such as the release of a resource. */
const withDrainTimeout = <A, E, R>(
  reading: Effect.Effect<A, E, R>,
  ms = drainTimeoutMs
): Effect.Effect<A, E | Cause.TimeoutException, R> => Effect.timeout(Effect.interruptible(reading), ms)

const isEmpty = (error: HttpClientError.ResponseError) => reasonOf(error) === "EmptyBody"

/** Reads up to `limit` bytes and one chunk. `isComplete` is true if that is the whole body. */
const collect = (
  response: HttpClientResponse,
  limit: number
): Effect.Effect<{ readonly bytes: Uint8Array; readonly isComplete: boolean }, HttpClientError.ResponseError> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let length = 0
    // A reader that stops early is closed, so the transport closes the connection.
    return readUntil(readerOf(response), (piece) => {
      chunks.push(piece)
      length += piece.length
      return length > limit
    }).pipe(
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

/** The length in the header, if the body has no content coding that could change its size. */
const framedLength = (response: HttpClientResponse): number | undefined => {
  const { "content-encoding": coding, "content-length": length } = response.headers
  if (length === undefined || (coding !== undefined && coding !== "identity")) return undefined
  const parsed = Number(length)
  return Number.isSafeInteger(parsed) && parsed >= 0 ? parsed : undefined
}

/** Whether a response can have content, whatever its headers say. */
const mayHaveContent = ({ request, status }: HttpClientResponse): boolean => Content.isPossible(request.method, status)

const emptyBody = (response: HttpClientResponse): Option.Option<BufferedResponse> =>
  Option.some(new BufferedResponse(response, new Uint8Array(0)))

/** Reads a body of at most `limit` bytes after decompression. Returns `None` if it is larger, and drains it. */
export const readBounded = (
  response: HttpClientResponse,
  limit: number
): Effect.Effect<Option.Option<BufferedResponse>, HttpClientError.ResponseError> => {
  // Some transports wait for the content that the headers announce, and fail without it.
  if (!mayHaveContent(response)) return Effect.map(drain(response), () => emptyBody(response))
  const length = framedLength(response)
  // The transport enforces the length, so one read suffices. Some transports decompress the body but keep the length
  // and remove the coding, so the size is checked again.
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

/** Responses with only a part of their body: it is too large for an error, took too long, or broke off. */
const cutResponses: WeakSet<HttpClientResponse> = new WeakSet()

/** Whether a response has only a part of its body. */
export const isCut = (response: HttpClientResponse): boolean => cutResponses.has(response)

const asCut = (response: BufferedResponse): BufferedResponse => {
  cutResponses.add(response)
  return response
}

/** Buffers the beginning of a body for an error, within one second. The connection is free afterwards. */
export const bufferErrorBody = (
  response: HttpClientResponse,
  maxMs = drainTimeoutMs
): Effect.Effect<BufferedResponse> => {
  if (response instanceof BufferedResponse) return Effect.succeed(response)
  const available = bufferedBodyOf(response)
  const toBuffered = (bytes: Uint8Array) =>
    bytes.length <= maxErrorBytes
      ? new BufferedResponse(response, bytes)
      : asCut(new BufferedResponse(response, bytes.subarray(0, maxErrorBytes)))
  return available !== undefined
    ? Effect.succeed(toBuffered(available))
    : collect(response, maxErrorBytes).pipe(
        (reading) => withDrainTimeout(reading, Math.min(maxMs, drainTimeoutMs)),
        Effect.map(({ bytes }) => toBuffered(bytes)),
        Effect.orElseSucceed(() => asCut(new BufferedResponse(response, new Uint8Array(0))))
      )
}

/**
 * Drains a response when its body is not needed. Its connection is then free or closed. Call it before sending again,
 * waiting or failing: otherwise a pool with one connection would never send again.
 *
 * @param maxMs - maximum time in milliseconds, at most one second.
 */
export const drain = (response: HttpClientResponse, maxMs = drainTimeoutMs): Effect.Effect<void> =>
  bufferedBodyOf(response) !== undefined
    ? Effect.void
    : Effect.suspend(() => {
        let length = 0
        return readUntil(readerOf(response), (piece) => (length += piece.length) > maxErrorBytes)
      }).pipe((reading) => withDrainTimeout(reading, Math.min(maxMs, drainTimeoutMs)), Effect.ignore)
