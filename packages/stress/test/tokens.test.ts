// For each promise of `interrupted-refresh`, `token-stampede` and `outage`, a source of tokens or a figure that breaks it. The short forms run in `stress.test.ts`.
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Interruption from "../src/simulation/interruptedRefresh.js"
import * as Naive from "../src/simulation/naiveTokenSource.js"
import type { Make } from "../src/simulation/trial.js"
import * as Trial from "../src/simulation/trial.js"
import * as Storm from "../src/tokenStampede.js"
import * as Stress from "../src/Stress.js"
import * as Outage from "../src/tokenOutage/tokenOutage.js"
import type { Kind } from "../src/tokenOutage/server.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

/** Every promise is broken by one change or another of good figures, and by none of them all. */
const expectEachBroken = <F extends Stress.Measurements>(
  promises: Stress.Assertions<F>,
  good: F,
  bad: ReadonlyArray<F>
) => {
  expect(Stress.check(promises, good)).toEqual([])
  for (const figures of bad) expect(Stress.check(promises, figures)).not.toEqual([])
  expect(new Set(bad.flatMap((figures) => Stress.check(promises, figures)))).toEqual(new Set(Object.keys(promises)))
}

describe("interrupted-refresh", () => {
  const brokenBy = (make: Make) =>
    Effect.map(Interruption.measure(make, 120)(short), (figures) => Stress.check(Interruption.promises, figures))

  /** Ours, with another way to get a token. */
  const minting =
    (change: (mint: TokenSource.Options["mint"]) => TokenSource.Options["mint"]): Make =>
    (options) =>
      TokenSource.make({ ...options, mint: change(options.mint) })

  it.live("catches the naive source, which refreshes in the fiber of whoever asks", () =>
    Effect.gen(function* () {
      const figures = yield* Interruption.measure(Naive.make, 120)(short)
      expect(figures.lost).toBeGreaterThan(figures.runs / 3)
      const broken = Stress.check(Interruption.promises, figures)
      expect(broken).toContain("no family of tokens is lost")
      expect(broken).not.toContain("every run comes to an end")
      expect(broken).not.toContain("a seed replays identically")
      const seed = Number(figures.firstLostSeed)
      expect([Trial.run(seed, Naive.make).isLost, Trial.run(seed).isLost]).toEqual([true, false])
    })
  )

  it.live("catches a source that lets an interruption through to those who wait for the same token", () =>
    Effect.gen(function* () {
      const sharing: Make = (options) =>
        Effect.map(TokenSource.make(options), (source) => {
          let asking: Deferred.Deferred<TokenSource.Held, Effect.Effect.Error<TokenSource.Service["get"]>> | undefined
          const first: TokenSource.Service["get"] = Effect.suspend(() => {
            const mine = (asking = Deferred.unsafeMake(FiberId.none))
            const told = Effect.zipRight(Effect.intoDeferred(source.get, mine), Deferred.await(mine))
            return Effect.ensuring(
              told,
              Effect.sync(() => (asking = undefined))
            )
          })
          return { ...source, get: Effect.suspend(() => (asking === undefined ? first : Deferred.await(asking))) }
        })
      expect(yield* brokenBy(sharing)).toContain("nobody's interruption reaches another, and nobody dies")
    })
  )

  it.live("catches what is not decided by the seed, and what waits for something outside of its world", () =>
    Effect.gen(function* () {
      let calls = 0
      const forgetful = minting((mint) => (previous) => Effect.delay(mint(previous), ++calls % 7))
      expect(yield* brokenBy(forgetful)).toEqual(["a seed replays identically"])
      const outside: Make = (options) =>
        Effect.zipRight(
          Effect.promise(() => Promise.resolve()),
          TokenSource.make(options)
        )
      expect(yield* brokenBy(outside)).toContain("every run comes to an end")
    })
  )

  it("holds every figure against its promise", () => {
    const phases = {
      "before lock": 9,
      "in lock": 9,
      "before POST": 9,
      "before the answer": 9,
      "before save": 9,
      "in save": 9,
      after: 9
    }
    const good: Interruption.Interruption = {
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
    expectEachBroken(Interruption.promises, good, [
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
  it.live("catches a source that gets a token for each who asks", () =>
    Effect.gen(function* () {
      const apart: Make = ({ mint }) =>
        Effect.sync(() => {
          let held: TokenSource.Held | undefined
          const another = Effect.suspend(() => mint(Option.map(Option.fromNullable(held), ({ token }) => token))).pipe(
            Effect.map((token) => (held = { token, generation: (held?.generation ?? 0) + 1 }))
          )
          return {
            get: Effect.clockWith((clock) =>
              held !== undefined && Token.isFresh(held.token, clock.unsafeCurrentTimeMillis())
                ? Effect.succeed(held)
                : another
            ),
            renew: () => Effect.as(another, true),
            gaveUp: () => Effect.void
          }
        })
      const figures = yield* Storm.measure(apart, 200)(short)
      expect(figures.cold.tokenCalls).toBeGreaterThanOrEqual(figures.cold.fibers)
      const broken = Stress.check(Storm.promises, figures)
      expect(broken).toContain("a storm costs one token call")
      expect(broken).toContain("every fiber gets its answer")
    })
  )

  it.live("catches a source that replaces a token only when it has to, in front of those who wait", () =>
    Effect.gen(function* () {
      const late: Make = (options) => TokenSource.make({ ...options, early: 0 })
      const broken = Stress.check(Storm.promises, yield* Storm.measure(late, 200)(short))
      expect(broken).toContain("a storm costs one token call")
      const slow: Make = (options) =>
        Effect.map(TokenSource.make(options), (source) => ({
          ...source,
          ready: undefined,
          get: Effect.delay(source.get, "70 millis")
        }))
      const waited = Stress.check(Storm.promises, yield* Storm.measure(slow, 200)(short))
      expect(waited).toEqual([
        "nobody waits for more than the token call and its own sends",
        "nobody waits for a token that is replaced early"
      ])
    })
  )

  it("holds every figure against its promise", () => {
    const one = { fibers: 100, succeeded: 100, tokenCalls: 1, sends: 100, refused: 0, longestMs: 20 }
    const good: Storm.Storm = { cold: one, expiring: one, early: one, refused: { ...one, sends: 200, refused: 100 } }
    expectEachBroken(Storm.promises, good, [
      { ...good, cold: { ...one, succeeded: 99 } },
      { ...good, early: { ...one, tokenCalls: 2 } },
      { ...good, refused: { ...good.refused, sends: 201 } },
      { ...good, expiring: { ...one, refused: 1, sends: 101 } },
      { ...good, expiring: { ...one, longestMs: 171 } },
      { ...good, early: { ...one, longestMs: 21 } }
    ])
  })
})

describe("outage", () => {
  it.live("catches a source that asks a server that is down again and again, and one that is dead", () =>
    Effect.gen(function* () {
      const down = yield* Outage.around(Naive.make, "busy", Outage.plans.long, 5_000)
      expect(down.failed).toBeGreaterThan(0)
      const cold = yield* Outage.cold(Naive.make, "refusing")
      expect([cold.unavailable, cold.tokenCalls]).toEqual([1000, 1000])
      const refused = yield* Outage.forgotten(Naive.make, "dead", 60)
      expect([refused.reauthorize, refused.tokenCalls]).toEqual([1000, 1000])
    })
  )

  it("holds every figure against its promise", () => {
    const of = <A>(one: A, odd: A = one): Readonly<Record<Kind, A>> => ({
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
      long: of(down),
      brief: of(brief),
      shortLived: of(down),
      cold: of(dead),
      served,
      refused
    }
    expectEachBroken(Outage.promises, good, [
      { ...good, long: of(down, { ...down, failed: 1 }) },
      { ...good, shortLived: of(down, { ...down, failed: 1 }) },
      { ...good, long: of(down, { ...down, failedLater: 0 }) },
      { ...good, brief: of(brief, { ...brief, untyped: 1 }) },
      { ...good, brief: of(brief, { ...brief, recoveryMs: 1 }) },
      { ...good, long: of(down, { ...down, recoveryMs: 60_001 }) },
      { ...good, long: of(down, { ...down, tokenCalls: 33 }) },
      { ...good, shortLived: of(down, { ...down, tokenCalls: 19 }) },
      { ...good, cold: of(dead, { ...dead, tokenCalls: 0 }) },
      { ...good, cold: of(dead, { ...dead, tokenCalls: 15 }) },
      { ...good, cold: of(dead, { ...dead, unavailable: 999, other: 1 }) },
      { ...good, refused: { ...refused, tokenCalls: 2 } },
      { ...good, served: { ...served, succeeded: 399, other: 1 } }
    ])
  })
})
