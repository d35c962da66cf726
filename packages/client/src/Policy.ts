/**
 * Policies: functions that wrap a client. A pipeline is a list of nested policies.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Effect from "effect/Effect"
import { fromExecute } from "./internal/call/httpClient.js"

/**
 * Wraps a client with additional behaviour. It may add errors `E` and requirements `R`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy<out E = never, out R = never> {
  <E1, R1>(client: HttpClient.HttpClient.With<E1, R1>): HttpClient.HttpClient.With<E1 | E, R1 | R>
}

/**
 * The rest of the pipeline as a policy sees it: sends a request through all inner policies and the transport.
 *
 * @since 0.1.0
 * @category models
 */
export type Next<E, R> = (request: HttpClientRequest) => Effect.Effect<HttpClientResponse, E, R>

/**
 * Makes a policy from a function of one request and the rest of the pipeline.
 *
 * The function may call `next` never, once or several times, with this request or another. Policies nest: the last one in a
 * `pipe` is the outermost. The platform's `mapRequest` and `transform` do not nest, they form one list that runs once.
 *
 * The function runs when the effect of a call is made, and that effect may run several times. Read or change state inside an
 * effect (`Effect.suspend`), so that it happens once per run.
 *
 * @example
 * import * as Policy from "@countersign/client/Policy"
 * import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
 *
 * const acceptJson = Policy.make((request, next) => next(HttpClientRequest.acceptJson(request)))
 *
 * @param f - sends the request, or decides the result without sending it.
 * @since 0.1.0
 * @category constructors
 */
export const make =
  <E = never, R = never>(
    f: <E1, R1>(request: HttpClientRequest, next: Next<E1, R1>) => Effect.Effect<HttpClientResponse, E1 | E, R1 | R>
  ): Policy<E, R> =>
  (client) =>
    fromExecute((request) => f(request, client.execute))
