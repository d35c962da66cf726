import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"

/**
 * A client that is nothing but a function from a request to its answer: the platform's combinators work on it. Its
 * `execute` is that function itself; the platform's would wrap each request in two effects for each policy.
 */
export const fromExecute = <E, R>(
  execute: (request: HttpClientRequest) => Effect.Effect<HttpClientResponse, E, R>
): HttpClient.HttpClient.With<E, R> =>
  Object.assign(
    HttpClient.makeWith<never, never, E, R>((request) => Effect.flatMap(request, execute), Effect.succeed),
    { execute }
  )

/** A client whose `execute` never throws: what a policy throws where it makes its effect is a defect of that effect. */
export const total = <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> =>
  fromExecute((request) => {
    try {
      return client.execute(request)
    } catch (defect) {
      return Effect.die(defect)
    }
  })
