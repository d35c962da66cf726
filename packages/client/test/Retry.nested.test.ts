/** A retry within another one's attempt leaves it to that one, wherever the two come from. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import { TokenError } from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { api, base, failure, run } from "./scripted.js"

const { fail, respond } = MockClient
const down = () => respond(503, "busy")

class Inner extends ApiClient.Tag("test/Inner")<Inner>() {}
class Outer extends ApiClient.Tag("test/Outer")<Outer>() {}

/** Runs something whenever a request is signed, within the attempt. */
const signing = (whenSigned: Effect.Effect<unknown>): Auth.Service => ({
  sign: (request) => Effect.as(whenSigned, { request, credential: 0 }),
  renew: () => Effect.succeed(false)
})

describe("a retry within a retry, across two clients", () => {
  it.effect("one client as the transport of another: the sends are those of the outer one's retry", () =>
    Effect.gen(function* () {
      for (const [step, tag, sends] of [
        [down(), "Unavailable", 3],
        [respond(429), "RateLimited", 3],
        // What is no status comes out of platform's `HttpClient` as an error that nothing retries.
        [fail("ECONNRESET"), "InvalidRequest", 1]
      ] as const) {
        const { client, mock } = yield* MockClient.make(() => step)
        const layer = Outer.layer({ baseUrl: base, auth: Auth.none }).pipe(
          Layer.provide(Inner.layerHttpClient),
          Layer.provide(Inner.layer({ baseUrl: base, auth: Auth.none })),
          Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
        )
        const outer = Effect.flatMap(Outer, (api) => api.get("/x"))
        expect((yield* failure(Effect.provide(outer, layer)))._tag).toBe(tag)
        expect(yield* mock.sent).toHaveLength(sends)
      }
    })
  )

  it.effect("a token request within sign is sent once for each attempt of the request", () =>
    Effect.gen(function* () {
      const token = yield* api(down)
      const auth = signing(Effect.ignore(token.api.post("/token", { headers: { "idempotency-key": "t" } })))
      const client = yield* api(down, { auth })
      yield* failure(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(3)
      expect(yield* token.mock.sent).toHaveLength(3)
    })
  )

  it.effect("one that fails for good ends the request: it is not sent without a token", () =>
    Effect.gen(function* () {
      const token = yield* api(down)
      const asked = Effect.mapError(
        token.api.get("/token"),
        () => new TokenError({ reason: "Unavailable", detail: "it is down" })
      )
      const auth: Auth.Service = {
        sign: (request) => Effect.as(asked, { request, credential: 0 }),
        renew: () => Effect.succeed(false)
      }
      const client = yield* api(down, { auth })
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "TokenError" })
      expect([(yield* client.mock.sent).length, (yield* token.mock.sent).length]).toEqual([0, 1])
    })
  )

  it.effect("children that an attempt forks are within it", () =>
    Effect.gen(function* () {
      const other = yield* api(down)
      const two = Effect.all([Effect.exit(other.api.get("/a")), Effect.exit(other.api.get("/b"))], {
        concurrency: "unbounded"
      })
      const client = yield* api(() => respond(200), { auth: signing(two) })
      yield* run(client.api.get("/x"))
      expect(yield* other.mock.sent).toHaveLength(2)
    })
  )

  it.effect("a daemon that outlives the call retries for itself, with the time of its own call", () =>
    Effect.gen(function* () {
      const other = yield* api(down)
      const later = Effect.delay(Effect.exit(other.api.get("/later")), "2 minutes")
      const client = yield* api(() => respond(200), { auth: signing(Effect.forkDaemon(later)) })
      yield* run(client.api.get("/x"))
      yield* TestClock.adjust("2 minutes")
      yield* run(Effect.sleep("1 minute"))
      expect(yield* other.mock.sent).toHaveLength(3)
    })
  )
})
