/**
 * Seeded runs of several accounts over the HTTP cache, in memory and over a store that fails: changes, outages, validations,
 * clocks that are set. A model of the server knows for each answer which account may get it, and until when.
 */
import { round } from "@countersign/bench/Numbers"
import * as Effect from "effect/Effect"
import * as Stress from "../Stress.js"
import type { Caches, Result } from "./trial.js"
import * as Trial from "./trial.js"

/** Figures of all runs. */
export interface CacheFigures extends Stress.Measurements {
  readonly runs: number
  readonly calls: number
  readonly requests: number
  /** Answers of the cache, and those of them that were stale. */
  readonly hits: number
  readonly stale: number
  /** Answers that the server confirmed with a 304. */
  readonly confirmed: number
  readonly failedWrites: number
  /** Answers of another account. */
  readonly foreign: number
  /** Answers of another URL or language. */
  readonly mixed: number
  /** Answers that the server did not send. */
  readonly invented: number
  /** Answers from before a change by the same client. */
  readonly outdated: number
  /** Answers that are older than server and caller allow. */
  readonly old: number
  readonly overfull: number
  readonly sentAnyway: number
  readonly failed: number
  readonly firstWrongSeed: number | "none"
  readonly seconds: number
}

const isWrong = ({ counts }: Result): boolean =>
  Object.values(counts.faults).some((count) => count > 0) || counts.failed + counts.sentAnyway + counts.overfull > 0

const summed = (results: ReadonlyArray<Result>, seconds: number): CacheFigures => {
  const sum = (of: (result: Result) => number): number => results.reduce((total, result) => total + of(result), 0)
  const firstWrong = results.findIndex(isWrong)
  return {
    runs: results.length,
    calls: sum(({ counts }) => counts.calls),
    requests: sum(({ requests }) => requests),
    hits: sum(({ counts }) => counts.hits),
    stale: sum(({ counts }) => counts.stale),
    confirmed: sum(({ confirmed }) => confirmed),
    failedWrites: sum(({ failedWrites }) => failedWrites),
    foreign: sum(({ counts }) => counts.faults.foreign),
    mixed: sum(({ counts }) => counts.faults.mixed),
    invented: sum(({ counts }) => counts.faults.invented),
    outdated: sum(({ counts }) => counts.faults.outdated),
    old: sum(({ counts }) => counts.faults.old),
    overfull: sum(({ counts }) => counts.overfull),
    sentAnyway: sum(({ counts }) => counts.sentAnyway),
    failed: sum(({ counts }) => counts.failed),
    firstWrongSeed: firstWrong === -1 ? "none" : firstWrong,
    seconds
  }
}

/** Makes the runs with the caches that `caches` makes. In the short form there are `shortly` of them. */
export const measure =
  (caches: Caches, shortly = 32) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<CacheFigures, Stress.CannotRun> =>
    Effect.gen(function* () {
      const seeds = short ? shortly : 1500
      const startedAt = performance.now()
      const results: Array<Result> = []
      for (let seed = 0; seed < seeds; seed++) {
        if (seed % 500 === 0) yield* reportProgress(`seeds ${seed} to ${Math.min(seed + 500, seeds) - 1}`)
        results.push(yield* Effect.mapError(Trial.run(seed, caches), Stress.cannotRun))
      }
      return summed(results, round((performance.now() - startedAt) / 1000, 1))
    })

/** Assertions on the figures. The first ones verify that the cache is used. */
export const assertions: Stress.Assertions<CacheFigures> = {
  "one of ten answers comes from the cache": ({ calls, hits }) => hits >= calls / 10,
  "stale answers are used, and answers are validated": ({ confirmed, stale }) => stale > 0 && confirmed > 0,
  "the store fails": ({ failedWrites }) => failedWrites > 0,
  "no account gets an answer of another one": ({ foreign }) => foreign === 0,
  "no answer is that of another URL or language": ({ mixed }) => mixed === 0,
  "the server has sent each answer": ({ invented }) => invented === 0,
  "no answer is from before a change by the same client": ({ outdated }) => outdated === 0,
  "no answer is older than the server and the caller allow": ({ old }) => old === 0,
  "the cache holds no more than its limits": ({ overfull }) => overfull === 0,
  "only-if-cached sends nothing": ({ sentAnyway }) => sentAnyway === 0,
  "no call fails unless the server fails": ({ failed }) => failed === 0
}

/** The case. */
export const cache: Stress.Stress = Stress.make("cache", measure(Trial.ours), assertions)
