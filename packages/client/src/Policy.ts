/**
 * The one primitive of the pipeline: a policy wraps a client and nests as it reads.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Effect from "effect/Effect"
import { fromExecute } from "./internal/call/httpClient.js"

/**
 * What a policy does to a client: it may add errors `E` and requirements `R`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy<out E = never, out R = never> {
  <E1, R1>(client: HttpClient.HttpClient.With<E1, R1>): HttpClient.HttpClient.With<E1 | E, R1 | R>
}

/**
 * The rest of the pipeline, as a policy sees it: everything between it and the wire.
 *
 * @since 0.1.0
 * @category models
 */
export type Next<E, R> = (request: HttpClientRequest) => Effect.Effect<HttpClientResponse, E, R>

/**
 * Makes a policy of a function over one request and the rest of the pipeline. It may call `next` never, once or many
 * times, with this request or another. Unlike the platform's `mapRequest` and `transform`, which all form one list
 * that runs once, policies nest: the last one in a `pipe` is the outermost.
 *
 * The function runs when the effect of a call is made, and that effect may run any number of times: what a policy looks at
 * or counts for one run belongs into an effect (`Effect.suspend`), not beside it.
 *
 * @example
 * // Asks for JSON, whatever the caller asked for.
 * const acceptJson = Policy.make((request, next) => next(HttpClientRequest.acceptJson(request)))
 *
 * @since 0.1.0
 * @category constructors
 */
export const make =
  <E = never, R = never>(
    f: <E1, R1>(request: HttpClientRequest, next: Next<E1, R1>) => Effect.Effect<HttpClientResponse, E1 | E, R1 | R>
  ): Policy<E, R> =>
  (client) =>
    fromExecute((request) => f(request, client.execute))
