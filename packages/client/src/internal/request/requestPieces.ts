/** Request bodies made of the bytes of an iterable. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as Stream from "effect/Stream"

/** See `IterableBody.Pieces`. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** The bytes of one send. */
export type Send = () => AsyncGenerator<Uint8Array, void>

const sends = new WeakMap<HttpBody.HttpBody, Send>()

/** The function that returns the pieces of one send of a body. Undefined for a body of another kind. */
export const piecesOf = (body: HttpBody.HttpBody): Send | undefined => sends.get(body)

const usedTwice =
  "the function of `IterableBody.make` returned the same iterable for a second send. Return a new one each time."
const notBytes = "a piece of `IterableBody.make` is not a Uint8Array. Encode texts with a TextEncoder."

const isBytes = (piece: unknown): piece is Uint8Array => piece instanceof Uint8Array

/** An iterable that was read is empty afterwards. A second send of it would look like an empty body. */
const makeSend = (pieces: () => Pieces): Send => {
  let last: Pieces | undefined
  return async function* () {
    const current = pieces()
    if (current === last && !Array.isArray(current)) throw new TypeError(usedTwice)
    last = current
    // A caller without types may pass any values. A loop reads both kinds of iterables.
    for await (const piece of current as AsyncIterable<unknown>) {
      if (!isBytes(piece)) throw new TypeError(notBytes)
      if (piece.length > 0) yield piece
    }
  }
}

/** See `IterableBody.make`. */
export const fromIterable = (pieces: () => Pieces, contentType?: string, contentLength?: number): HttpBody.Stream => {
  const send = makeSend(pieces)
  const stream = Stream.suspend(() => Stream.fromAsyncIterable(send(), (error) => error))
  const body = HttpBody.stream(stream, contentType, contentLength)
  sends.set(body, send)
  return body
}
