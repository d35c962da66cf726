/** Policies of this package, which pass the context of the call on. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { Send } from "./client.js"
import { clientOf, sendOf } from "./client.js"
import type { CallContext } from "./context.js"
import { inFiber } from "./context.js"

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

/** Makes a policy that passes the context on. It waits for nothing beyond the deadline of the context. */
export const makePolicy =
  <E = never, R = never>(
    f: <E1, R1>(
      request: HttpClientRequest,
      next: Send<E1, R1>,
      context: CallContext
    ) => Effect.Effect<HttpClientResponse, E1 | E, R1 | R>
  ): Policy<E, R> =>
  <E1, R1>(client: HttpClient.HttpClient.With<E1, R1>) => {
    const next = sendOf(client)
    return clientOf<E1 | E, R1 | R>((request, context) => f(request, next, context))
  }

/** The rest of the pipeline for code that may call it in other fibers. */
export const nextOf =
  <E, R>(next: Send<E, R>, context: CallContext): Next<E, R> =>
  (request) =>
    Effect.withFiberRuntime((fiber) => next(request, inFiber(context, fiber)))
