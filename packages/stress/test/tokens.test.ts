// Token sources and figures that fail the assertions of `interrupted-refresh`, `token-stampede` and `outage`.
// `.ci/run` runs their short forms.
import * as TokenSource from "@countersign/auth/TokenSource"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as InterruptedRefresh from "../src/simulation/interruptedRefresh.js"
import * as Naive from "../src/simulation/naiveTokenSource.js"
import type { Make } from "../src/simulation/trial.js"
import * as Trial from "../src/simulation/trial.js"
import * as TokenStampede from "../src/tokenStampede.js"
import * as Stress from "../src/Stress.js"
import * as Outage from "../src/tokenOutage/tokenOutage.js"
import type { Kind } from "../src/tokenOutage/server.js"
import { expectEachBroken } from "./support/assertions.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

describe("interrupted-refresh", () => {
  const brokenBy = (make: Make) =>
    Effect.map(InterruptedRefresh.measure(make, 120)(short), (figures) =>
      Stress.check(InterruptedRefresh.assertions, figures)
    )

  /** Our token source with a changed `mint`. */
  const withMint =
    (change: (mint: TokenSource.Options["acquireToken"]) => TokenSource.Options["acquireToken"]): Make =>
    (options) =>
      TokenSource.make({ ...options, acquireToken: change(options.acquireToken) })

  it.live("catches the naive source, which refreshes in the fiber of its caller", () =>
    Effect.gen(function* () {
      const figures = yield* InterruptedRefresh.measure(Naive.make, 120)(short)
      expect(figures.lost).toBeGreaterThan(figures.runs / 3)
      const broken = Stress.check(InterruptedRefresh.assertions, figures)
      expect(broken).toContain("no token family is lost")
      expect(broken).not.toContain("every run ends")
      expect(broken).not.toContain("the same seed gives the same run")
      const seed = Number(figures.firstLostSeed)
      expect([Trial.run(seed, Naive.make).isLost, Trial.run(seed).isLost]).toEqual([true, false])
    })
  )

  it.live("catches a source that passes an interruption on to other callers that wait for the same token", () =>
    Effect.gen(function* () {
      const sharingCalls: Make = (options) =>
        Effect.map(TokenSource.make(options), (source) => {
          let pending:
            Deferred.Deferred<TokenSource.CachedToken, Effect.Effect.Error<TokenSource.Service["get"]>> | undefined
          const first: TokenSource.Service["get"] = Effect.suspend(() => {
            const own = (pending = Deferred.unsafeMake(FiberId.none))
            const result = Effect.zipRight(Effect.intoDeferred(source.get, own), Deferred.await(own))
            return Effect.ensuring(
              result,
              Effect.sync(() => (pending = undefined))
            )
          })
          return { ...source, get: Effect.suspend(() => (pending === undefined ? first : Deferred.await(pending))) }
        })
      expect(yield* brokenBy(sharingCalls)).toContain(
        "no interruption reaches another caller, and there are no defects"
      )
    })
  )

  it.live(
    "catches a source that does not depend on the seed alone, and one that waits for something outside the scheduler",
    () =>
      Effect.gen(function* () {
        let calls = 0
        const varyingDelay = withMint((mint) => (previous) => Effect.delay(mint(previous), ++calls % 7))
        expect(yield* brokenBy(varyingDelay)).toEqual(["the same seed gives the same run"])
        const outside: Make = (options) =>
          Effect.zipRight(
            Effect.promise(() => Promise.resolve()),
            TokenSource.make(options)
          )
        expect(yield* brokenBy(outside)).toContain("every run ends")
      })
  )

  it("fails each assertion for some bad figures", () => {
    const phases = {
      "before lock": 9,
      "in lock": 9,
      "before POST": 9,
      "before response": 9,
      "before save": 9,
      "in save": 9,
      after: 9
    }
    const good: InterruptedRefresh.InterruptedRefreshes = {
      runs: 100,
      calls: 1000,
      refreshes: 400,
      interrupted: 90,
      phases,
      lost: 0,
      firstLostSeed: "none",
      stuck: 0,
      failed: 0,
      defects: 0,
      replays: 10,
      replayed: true,
      seconds: 1
    }
    expectEachBroken(InterruptedRefresh.assertions, good, [
      { ...good, lost: 1 },
      { ...good, interrupted: 33 },
      { ...good, phases: { ...phases, "in save": 0 } },
      { ...good, stuck: 1 },
      { ...good, failed: 1 },
      { ...good, defects: 1 },
      { ...good, replayed: false },
      { ...good, replays: 0 }
    ])
  })
})

describe("token-stampede", () => {
  it.live("catches a source that requests a token for each caller", () =>
    Effect.gen(function* () {
      const unshared: Make = ({ acquireToken }) =>
        Effect.sync(() => {
          let current: TokenSource.CachedToken | undefined
          const refreshAlways = Effect.suspend(() =>
            acquireToken(Option.map(Option.fromNullable(current), ({ token }) => token))
          ).pipe(Effect.map((token) => (current = { token, generation: (current?.generation ?? 0) + 1 })))
          return {
            get: Effect.clockWith((clock) =>
              current !== undefined && Naive.isFresh(current.token, clock.unsafeCurrentTimeMillis())
                ? Effect.succeed(current)
                : refreshAlways
            ),
            onRejected: () => Effect.as(refreshAlways, true),
            onReplayRejected: () => Effect.void
          }
        })
      const figures = yield* TokenStampede.measure(unshared, 200)(short)
      expect(figures.cold.tokenCalls).toBeGreaterThanOrEqual(figures.cold.fibers)
      const broken = Stress.check(TokenStampede.assertions, figures)
      expect(broken).toContain("each stampede causes one token request")
      expect(broken).toContain("every fiber gets a successful response")
    })
  )

  it.live("catches a source that refreshes only at expiry, and one that delays each caller", () =>
    Effect.gen(function* () {
      const late: Make = (options) => TokenSource.make({ ...options, refreshWindow: 0 })
      const broken = Stress.check(TokenStampede.assertions, yield* TokenStampede.measure(late, 200)(short))
      expect(broken).toContain("each stampede causes one token request")
      const slow: Make = (options) =>
        Effect.map(TokenSource.make(options), (source) => ({
          ...source,
          getCached: undefined,
          get: Effect.delay(source.get, "70 millis")
        }))
      const violated = Stress.check(TokenStampede.assertions, yield* TokenStampede.measure(slow, 200)(short))
      expect(violated).toEqual([
        "no fiber waits longer than for the token request and its own requests",
        "no fiber waits for a token that is refreshed before it expires"
      ])
    })
  )

  it("fails each assertion for some bad figures", () => {
    const one = { fibers: 100, succeeded: 100, tokenCalls: 1, sends: 100, rejected: 0, longestMs: 20 }
    const good: TokenStampede.StampedeResult = {
      cold: one,
      expiring: one,
      beforeExpiry: one,
      revoked: { ...one, sends: 200, rejected: 100 }
    }
    expectEachBroken(TokenStampede.assertions, good, [
      { ...good, cold: { ...one, succeeded: 99 } },
      { ...good, beforeExpiry: { ...one, tokenCalls: 2 } },
      { ...good, revoked: { ...good.revoked, sends: 201 } },
      { ...good, expiring: { ...one, rejected: 1, sends: 101 } },
      { ...good, expiring: { ...one, longestMs: 171 } },
      { ...good, beforeExpiry: { ...one, longestMs: 21 } }
    ])
  })
})

describe("outage", () => {
  it.live("catches a source that sends a token request for each call, also with an invalid refresh token", () =>
    Effect.gen(function* () {
      const down = yield* Outage.aroundExpiry(Naive.make, "busy", Outage.plans.long, 5_000)
      expect(down.failed).toBeGreaterThan(0)
      const cold = yield* Outage.cold(Naive.make, "refusing")
      expect([cold.unavailable, cold.tokenCalls]).toEqual([1000, 1000])
      const refused = yield* Outage.afterRevocation(Naive.make, "dead", 60)
      expect([refused.reauthorize, refused.tokenCalls]).toEqual([1000, 1000])
    })
  )

  it("fails each assertion for some bad figures", () => {
    const ofEach = <A>(one: A, odd: A = one): Readonly<Record<Kind, A>> => ({
      busy: one,
      limited: one,
      refusing: one,
      resetting: one,
      hanging: one,
      alternating: odd
    })
    const down = {
      calls: 100,
      failed: 0,
      longestMs: 100,
      failedLater: 9,
      untyped: 0,
      recoveryMs: 10_000,
      tokenCalls: 5
    }
    const brief = { ...down, failedLater: 0, recoveryMs: 0 }
    const dead = { calls: 1000, succeeded: 0, reauthorize: 0, unavailable: 1000, other: 0, tokenCalls: 2 }
    const refused = { ...dead, reauthorize: 1000, unavailable: 0, tokenCalls: 1 }
    const served = { ...refused, succeeded: 400, reauthorize: 600 }
    const good: Outage.Outage = {
      long: ofEach(down),
      brief: ofEach(brief),
      shortLived: ofEach(down),
      cold: ofEach(dead),
      served,
      refused
    }
    expectEachBroken(Outage.assertions, good, [
      { ...good, long: ofEach(down, { ...down, failed: 1 }) },
      { ...good, shortLived: ofEach(down, { ...down, failed: 1 }) },
      { ...good, long: ofEach(down, { ...down, failedLater: 0 }) },
      { ...good, brief: ofEach(brief, { ...brief, untyped: 1 }) },
      { ...good, brief: ofEach(brief, { ...brief, recoveryMs: 1 }) },
      { ...good, long: ofEach(down, { ...down, recoveryMs: 60_001 }) },
      { ...good, long: ofEach(down, { ...down, tokenCalls: 33 }) },
      { ...good, shortLived: ofEach(down, { ...down, tokenCalls: 19 }) },
      { ...good, cold: ofEach(dead, { ...dead, tokenCalls: 0 }) },
      { ...good, cold: ofEach(dead, { ...dead, tokenCalls: 15 }) },
      { ...good, cold: ofEach(dead, { ...dead, unavailable: 999, other: 1 }) },
      { ...good, refused: { ...refused, tokenCalls: 2 } },
      { ...good, served: { ...served, succeeded: 399, other: 1 } }
    ])
  })
})
