import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type * as Duration from "effect/Duration"
import { scriptedTokens, source, times, token } from "./support/tokenSource.js"

/** An API that accepts a token `lag` after it was issued. */
const knowingAfter = (
  lag: Duration.DurationInput,
  options: { readonly propagationDelay?: Duration.DurationInput } = {}
) =>
  Effect.gen(function* () {
    const known = new Set<string>()
    const { calls, mint } = scriptedTokens((n) =>
      Effect.tap(token(n), () =>
        Effect.forkDaemon(
          Effect.delay(
            Effect.sync(() => known.add(`Bearer canary-${n}`)),
            lag
          )
        )
      )
    )
    const { client, mock } = yield* MockClient.make(({ headers }) =>
      MockClient.respond(known.has(headers["authorization"] ?? "") ? 200 : 401)
    )
    const tokens = yield* source(mint, { propagationDelay: "3 seconds", ...options })
    const api = yield* Effect.provideService(
      ApiClient.make({
        baseUrl: "https://api.test",
        auth: Bearer.fromSource(tokens),
        timeout: { call: false, exchange: false }
      }),
      HttpClient.HttpClient,
      client
    )
    const sentAt = Effect.map(mock.sent, (sent) => sent.map(({ at }) => at))
    return { api, calls, known, sentAt }
  })

describe("propagationDelay", () => {
  it.scoped.each([
    ["300 millis", [0, 500]],
    ["2 seconds", [0, 500, 3_000]]
  ] as const)("sends a new token again without a refresh if the API rejects it for %s", ([lag, sends]) =>
    Effect.gen(function* () {
      const { api, calls, sentAt } = yield* knowingAfter(lag)
      const asking = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(asking)).status).toBe(200)
      expect([calls.length, yield* sentAt]).toEqual([1, sends])
    })
  )

  it.scoped("refreshes once for 20 requests if the API rejects a new token for 3 seconds", () =>
    Effect.gen(function* () {
      const { api, calls, known, sentAt } = yield* knowingAfter("1 hour")
      const asking = yield* Effect.fork(times(20, api.get("/")))
      yield* TestClock.adjust("2900 millis")
      known.add("Bearer canary-2")
      yield* TestClock.adjust("100 millis")
      expect((yield* Fiber.join(asking)).every(({ status }) => status === 200)).toBe(true)
      expect(calls.map(({ at }) => at)).toEqual([0, 3_000])
      // The first request is rejected once more. The others send the refreshed token at once.
      expect((yield* sentAt).filter((at) => at === 3_000)).toHaveLength(21)
    })
  )

  it.scoped("fails with Unauthorized after one refresh per 30 seconds if the API rejects all tokens", () =>
    Effect.gen(function* () {
      const { api, calls, sentAt } = yield* knowingAfter("1 hour")
      const asking = yield* Effect.fork(Effect.flip(api.get("/")))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "Unauthorized", reason: "RejectedAfterRefresh" })
      expect(yield* sentAt).toEqual([0, 500, 3_000, 3_000])
      for (let n = 0; n < 100; n++) yield* Effect.flip(api.get("/"))
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("refreshes a rejected old token at once, and sends the new one until the API accepts it", () =>
    Effect.gen(function* () {
      const { api, calls, known, sentAt } = yield* knowingAfter("400 millis")
      const first = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(first)
      known.clear()
      const second = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("500 millis")
      expect((yield* Fiber.join(second)).status).toBe(200)
      expect([calls.length, yield* sentAt]).toEqual([2, [0, 500, 60_000, 60_000, 60_500]])
    })
  )

  it.scoped("refreshes a rejected new token at once for a propagationDelay of 0", () =>
    Effect.gen(function* () {
      const { api, calls, sentAt } = yield* knowingAfter("1 hour", { propagationDelay: 0 })
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Unauthorized")
      expect([calls.length, yield* sentAt]).toEqual([2, [0, 0]])
    })
  )
})
