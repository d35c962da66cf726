import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"

/** Adds a `Date` header (RFC 9110 §6.6.1) of Effect's Clock plus `offset` milliseconds. */
export const dated = <E, R>(app: HttpApp.Default<E, R>, offset: number): HttpApp.Default<E, R> =>
  Effect.zipWith(app, Effect.clock, (response, clock) => {
    const now = DateTime.unsafeMake(clock.unsafeCurrentTimeMillis() + offset)
    return HttpServerResponse.setHeader(response, "date", DateTime.toDateUtc(now).toUTCString())
  })
