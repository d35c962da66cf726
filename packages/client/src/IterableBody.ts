/**
 * Request bodies from iterables: arrays, generators, streams of Node and of the web.
 *
 * @since 0.1.0
 */
import type { HttpBody } from "@effect/platform/HttpBody"
import * as RequestPieces from "./internal/request/requestPieces.js"
import * as RequestBody from "./RequestBody.js"

/**
 * The bytes of a request, one piece after another: an array, a generator, a stream of Node or of the web.
 *
 * @since 0.1.0
 * @category models
 */
export type Pieces = RequestPieces.Pieces

/**
 * Makes the body of a request from the pieces of an iterable, for the option `body` of a call.
 *
 * The body is replayable: the function is called for each send, and must return a new iterable each time. An iterable that
 * throws, a piece that is no `Uint8Array`, and an iterable that was returned before fail the request with a `TransportError` of
 * the reason `RequestBodyFailed`. Over `NodeTransport`, a small body takes a fraction of the time of a `Stream`.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as IterableBody from "@countersign/client/IterableBody"
 * import * as Effect from "effect/Effect"
 *
 * function* rows() {
 *   for (let row = 0; row < 1000; row++) yield new TextEncoder().encode(`${row},`)
 * }
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none })
 *   return yield* api.post("/rows", { body: IterableBody.make(rows, "text/csv") })
 * })
 *
 * @param pieces - returns the pieces of one send.
 * @param contentType - the `content-type` of the request (`application/octet-stream`).
 * @param contentLength - the sum of their lengths in bytes. Without it the request is chunked.
 * @since 0.1.0
 * @category constructors
 */
export const make = (pieces: () => Pieces, contentType?: string, contentLength?: number): HttpBody =>
  RequestBody.markReplayable(RequestPieces.fromIterable(pieces, contentType, contentLength))

/**
 * The function that returns the pieces of one send, for a transport that sends them without a `Stream`. Undefined for a body that
 * {@link make} did not make.
 *
 * @since 0.1.0
 * @category transports
 */
export const piecesOf: (body: HttpBody) => (() => AsyncGenerator<Uint8Array, void>) | undefined = RequestPieces.piecesOf
