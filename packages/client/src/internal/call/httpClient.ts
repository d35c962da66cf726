import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"

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

/**
 * A client with an `execute` that never throws. If a policy throws while it makes its effect, the effect fails with a defect.
 */
export const total = <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> =>
  fromExecute((request) => {
    try {
      return client.execute(request)
    } catch (defect) {
      return Effect.die(defect)
    }
  })
