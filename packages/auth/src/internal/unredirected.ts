import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Has a request answered by whom it was sent to. A transport follows no redirects; the platform's over `fetch` does by itself,
 * and would take the word of wherever it was sent for the server's own.
 */
export const unredirected = <A, E, R>(exchange: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.serviceOption(FetchHttpClient.RequestInit), (theirs) =>
    Effect.provideService(exchange, FetchHttpClient.RequestInit, {
      ...Option.getOrUndefined(theirs),
      redirect: "manual"
    })
  )
