/** Bodies that arrived with their response, and bodies that are read piece by piece, without running a platform stream. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { openPullIn } from "../runtime/platform.js"

/** See `Transport.bufferedBody`. */
export const bufferedBody: unique symbol = Symbol.for("@countersign/client/Transport/bufferedBody")

/** The bytes of a body that arrived with its response. Undefined if the body is still being received or broke off. */
export const bufferedBodyOf = (response: HttpClientResponse): Uint8Array | undefined => {
  const bytes: unknown = bufferedBody in response ? response[bufferedBody] : undefined
  return bytes instanceof Uint8Array ? bytes : undefined
}

/** See `Transport.BodyReader`. */
export interface BodyReader<out E = HttpClientError.ResponseError> {
  /** The next pieces of the body, at least one. Fails with `None` after the last one. */
  readonly next: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<E>>
  /** Stops reading. Before the end of the body this releases its connection. Later it does nothing. */
  readonly close: Effect.Effect<void>
}

/** A reader of this package. */
export interface Reader<out E> extends BodyReader<E> {
  /** The whole body, if it is in memory. */
  readonly whole?: Uint8Array | undefined
}

/** See `Transport.bodyReader`. */
export const bodyReader: unique symbol = Symbol.for("@countersign/client/Transport/bodyReader")

/** A response of a transport that has its own reader. */
export interface WithBodyReader {
  readonly [bodyReader]?: (() => BodyReader) | undefined
}

/** A writer reports an error for an empty piece, because it writes no bytes. */
const hasBytes = (piece: Uint8Array): boolean => piece.length > 0

/** The body of a response of any transport. It is opened by the first read. */
const readStream = <E>(stream: Stream.Stream<Uint8Array, E>): BodyReader<E> => {
  const scope = Effect.runSync(Scope.make())
  const open = openPullIn(Stream.filter(stream, hasBytes), scope)
  let pull: BodyReader<E>["next"] | undefined
  const next = Effect.suspend(() => pull ?? Effect.flatMap(open, (opened) => (pull = opened)))
  return { next, close: Scope.close(scope, Exit.void) }
}

/** Reads bytes that are in memory. */
export const readBytes = (whole: Uint8Array): Reader<never> => {
  let isAtEnd = whole.length === 0
  const next = Effect.suspend(() => {
    if (isAtEnd) return Effect.fail(Option.none())
    isAtEnd = true
    return Effect.succeed(Chunk.of(whole))
  })
  return { next, close: Effect.void, whole }
}

/** Maps the errors of a reader. */
export const mapReaderError = <E, E2>(
  { close, next, whole }: Reader<E>,
  f: (error: E) => Option.Option<E2>
): Reader<E2> => ({ next: Effect.mapError(next, (end) => Option.flatMap(end, f)), close, whole })

/** The body as a stream. It is closed with the stream. */
export const streamOf = <E>({ close, next }: BodyReader<E>): Stream.Stream<Uint8Array, E> =>
  Stream.ensuring(Stream.repeatEffectChunkOption(next), close)

/** Succeeds at the end of a body. */
const atEnd = <E>(end: Option.Option<E>): Effect.Effect<void, E> =>
  Option.isNone(end) ? Effect.void : Effect.fail(end.value)

/** Reads a body up to its end, or up to the first piece for which `isLast` returns true, and closes the reader. */
export const readUntil = <E>(
  { close, next }: BodyReader<E>,
  isLast: (piece: Uint8Array) => boolean
): Effect.Effect<void, E> => {
  const loop: Effect.Effect<void, Option.Option<E>> = Effect.flatMap(next, (chunk) =>
    Chunk.some(chunk, isLast) ? Effect.void : loop
  )
  return Effect.ensuring(Effect.catchAll(loop, atEnd), close)
}

/** The reader of a response: that of its transport, or one over its stream. Reading begins with the first `next`. */
export const readerOf = (response: HttpClientResponse & WithBodyReader): Reader<HttpClientError.ResponseError> => {
  const bytes = bufferedBodyOf(response)
  return bytes === undefined ? (response[bodyReader]?.() ?? readStream(response.stream)) : readBytes(bytes)
}

type OnPiece<E, R> = (piece: Uint8Array) => Effect.Effect<unknown, E, R>

const each = <E, R>(chunk: Chunk.Chunk<Uint8Array>, onPiece: OnPiece<E, R>): Effect.Effect<unknown, E, R> =>
  chunk.length === 1 ? onPiece(Chunk.unsafeHead(chunk)) : Effect.forEach(chunk, onPiece, { discard: true })

/** Calls an effect with each piece of a body, up to its end, and closes the reader. */
export const forEachPiece = <E, E2, R>(
  { close, next, whole }: Reader<E>,
  onPiece: OnPiece<E2, R>
): Effect.Effect<void, E | E2, R> => {
  if (whole !== undefined) return whole.length === 0 ? Effect.void : Effect.asVoid(onPiece(whole))
  const loop: Effect.Effect<void, Option.Option<E | E2>, R> = Effect.flatMap(next, (chunk) =>
    Effect.zipRight(Effect.mapError(each(chunk, onPiece), Option.some), loop)
  )
  return Effect.ensuring(Effect.catchAll(loop, atEnd), close)
}
