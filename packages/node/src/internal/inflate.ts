import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Headers from "@effect/platform/Headers"
import * as Stream from "effect/Stream"
import type { Duplex } from "node:stream"
import { constants, createBrotliDecompress, createGunzip, createInflate } from "node:zlib"

/** What this transport asks for, and can undo. */
export const acceptEncoding = "gzip, deflate, br"

/** More codings than one are rare, more than two a trick to make much of little. */
const mostCodings = 2

// A body that ends with its connection may lack the trailer of its coding; what there is of it is whole nevertheless.
const lenient = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }
const brotli = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH }

const inflater = (coding: string): (() => Duplex) | undefined => {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return () => createGunzip(lenient)
    case "deflate":
      return () => createInflate(lenient)
    case "br":
      return () => createBrotliDecompress(brotli)
    default:
      return undefined
  }
}

const through =
  (make: () => Duplex) =>
  (body: Stream.Stream<Uint8Array, unknown>): Stream.Stream<Uint8Array, unknown> =>
    NodeStream.pipeThroughDuplex<never, unknown, Uint8Array, unknown>(body, make, (cause) => cause)

interface Inflated {
  readonly body: Stream.Stream<Uint8Array, unknown>
  readonly headers: Headers.Headers
}

/**
 * Undoes a body's codings, as it is read: no faster than its reader takes it, so that a small body which would become
 * a huge one costs what is read of it. A coding that is not known, or one too many, is left as it is, and so are the
 * header fields that tell of it.
 *
 * Specification: RFC 9110 §8.4.
 */
export const inflated = (
  body: Stream.Stream<Uint8Array, unknown>,
  headers: Headers.Headers,
  fields: ReadonlyArray<string>
): Inflated => {
  const codings = fields
    .flatMap((field) => field.split(","))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity")
  const inflaters = codings.map(inflater)
  const known = inflaters.filter((make) => make !== undefined)
  if (codings.length === 0 || codings.length > mostCodings || known.length < inflaters.length) return { body, headers }
  return {
    // The last coding was applied last.
    body: known.reduceRight((inner, make) => through(make)(inner), body),
    headers: Headers.remove(headers, ["content-encoding", "content-length"])
  }
}
