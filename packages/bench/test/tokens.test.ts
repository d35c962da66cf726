// For each promise of `interruption`, a source of tokens or a figure that breaks it. The short forms run in `stress.test.ts`.
import * as TokenSource from "@countersign/auth/TokenSource"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Interruption from "../src/stress/interruption.js"
import * as Naive from "../src/stress/simulation/naive.js"
import type { Make } from "../src/stress/simulation/trial.js"
import * as Trial from "../src/stress/simulation/trial.js"
import * as Stress from "../src/stress/Stress.js"

const short: Stress.Run = { short: true, say: () => Effect.void }
const patience = 120_000

/** Every promise is broken by one change or another of good figures, and by none of them all. */
const expectEachBroken = <F extends Stress.Figures>(promises: Stress.Promises<F>, good: F, bad: ReadonlyArray<F>) => {
  expect(Stress.check(promises, good)).toEqual([])
  for (const figures of bad) expect(Stress.check(promises, figures)).not.toEqual([])
  expect(new Set(bad.flatMap((figures) => Stress.check(promises, figures)))).toEqual(new Set(Object.keys(promises)))
}

describe("interruption", () => {
  const brokenBy = (make: Make) =>
    Effect.map(Interruption.measure(make)(short), (figures) => Stress.check(Interruption.promises, figures))

  /** Ours, with another way to get a token. */
  const minting =
    (change: (mint: TokenSource.Options["mint"]) => TokenSource.Options["mint"]): Make =>
    (options) =>
      TokenSource.make({ ...options, mint: change(options.mint) })

  it.live(
    "catches the naive source, which refreshes in the fiber of whoever asks",
    () =>
      Effect.gen(function* () {
        const figures = yield* Interruption.measure(Naive.make)(short)
        expect(figures.lost).toBeGreaterThan(figures.runs / 3)
        const broken = Stress.check(Interruption.promises, figures)
        expect(broken).toContain("no family of tokens is lost")
        expect(broken).not.toContain("every run comes to an end")
        expect(broken).not.toContain("a seed replays identically")
        const seed = Number(figures.firstLostSeed)
        expect([Trial.run(seed, Naive.make).isLost, Trial.run(seed).isLost]).toEqual([true, false])
      }),
    patience
  )

  it.live(
    "catches a source that lets an interruption through to those who wait for the same token",
    () =>
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
      }),
    patience
  )

  it.live(
    "catches what is not decided by the seed, and what waits for something outside of its world",
    () =>
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
      }),
    patience
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
