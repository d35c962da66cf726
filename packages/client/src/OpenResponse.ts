/**
 * Responses with a body that is still arriving: the result of `api.open`.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import type * as OpenResponse from "@countersign/client/OpenResponse"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * class Api extends ApiClient.Tag("app/Api")<Api>() {}
 *
 * // Counts the bytes of a body without keeping them in memory.
 * const sizeOf = ({ stream }: OpenResponse.OpenResponse) =>
 *   Stream.runFold(stream, 0, (size, bytes) => size + bytes.length)
 *
 * // When the scope closes, a body that is still arriving is cancelled.
 * const program = Effect.gen(function* () {
 *   const api = yield* Api
 *   const video = yield* api.open("/videos/{id}", { path: { id: 42 }, idle: "30 seconds" })
 *   return { type: video.headers["content-type"], size: yield* sizeOf(video) }
 * }).pipe(Effect.scoped)
 *
 * @since 0.1.0
 */
import * as openResponse from "./internal/response/openResponse.js"

/**
 * Default value of the option `idle` of `api.open`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: typeof openResponse.defaults = openResponse.defaults

export type { OpenResponse } from "./internal/response/openResponse.js"
