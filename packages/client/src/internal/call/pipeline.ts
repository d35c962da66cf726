/** Clients and policies of this package, which pass the context of the call on with the request. */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { CallContext } from "./context.js"
import { contextOf, inFiber } from "./context.js"
import { runExternal } from "./externalCode.js"
import { globalState } from "../runtime/fiber.js"

/**
 * The rest of the pipeline: sends a request through all inner policies and the transport. It is called when the effect
 * runs, in the fiber of the context, so it may read clocks and state.
 */
export type Send<E, R> = (request: HttpClientRequest, context: CallContext) => Effect.Effect<HttpClientResponse, E, R>

/**
 * A client made of a function from a request to its response. The platform's combinators work on it. Its `execute` is
 * the function itself, where the platform's `execute` would add two effects per request and policy.
 */
export const fromExecute = <E, R>(
  execute: (request: HttpClientRequest) => Effect.Effect<HttpClientResponse, E, R>
): HttpClient.HttpClient.With<E, R> =>
  Object.assign(
    HttpClient.makeWith<never, never, E, R>((request) => Effect.flatMap(request, execute), Effect.succeed),
    { execute }
  )

/** The `Send` of each client. Two copies of this package share it; the version changes with {@link CallContext}. */
const sends: WeakMap<object, Send<never, never>> = globalState("@countersign/client/sends/1", () => new WeakMap())

/** A client that takes the context. Its `execute` is the start of a call, or a part of the call of its fiber. */
export const clientOf = <E, R>(send: Send<E, R>): HttpClient.HttpClient.With<E, R> => {
  const client = fromExecute<E, R>((request) => Effect.withFiberRuntime((fiber) => send(request, contextOf(fiber))))
  // The types of errors and requirements are those of the client, with which `sendOf` returns it.
  sends.set(client, send as Send<never, never>)
  return client
}

/** How to send through a client with the context. A client of another package finds the context in its fiber. */
const sendOf = <E, R>(client: HttpClient.HttpClient.With<E, R>): Send<E, R> =>
  // Only `clientOf` adds an entry, for a client that has these errors and requirements.
  (sends.get(client) as Send<E, R> | undefined) ?? ((request, context) => runExternal(client.execute(request), context))

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
