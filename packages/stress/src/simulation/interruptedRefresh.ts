/**
 * Thousands of runs in which the caller that started a refresh is interrupted, or its process ends, at some step of the
 * refresh. The server issues each refresh token once and revokes the family of a reused one. The seed determines each run.
 */
import * as TokenSource from "@countersign/auth/TokenSource"
import * as Effect from "effect/Effect"
import { round } from "@countersign/bench/Numbers"
import type { Phase } from "./refreshOwners.js"
import { phases } from "./refreshOwners.js"
import type { Make, TrialResult } from "./trial.js"
import * as Trial from "./trial.js"
import * as Stress from "../Stress.js"

/** Figures of all runs. */
export interface InterruptedRefreshes extends Stress.Measurements {
  readonly runs: number
  readonly calls: number
  readonly refreshes: number
  /** Runs in which a caller was interrupted during its refresh. */
  readonly interrupted: number
  /** Interrupted callers by the phase of their refresh. */
  readonly phases: Stress.Measurements & Readonly<Record<Phase, number>>
  /** Runs after which the account needed a new sign-in. */
  readonly lost: number
  readonly firstLostSeed: number | "none"
  /** Runs that did not end. */
  readonly stuck: number
  /** Calls that failed without an interruption and without a fault of server or disk, and defects. */
  readonly failed: number
  readonly defects: number
  /** Runs that were repeated, and whether each pair had the same trace. */
  readonly replays: number
  readonly replayed: boolean
  readonly seconds: number
}

/** One of so many runs is repeated. */
const replaysOneIn = 10

/** After so many runs, other fibers of this program may run. */
const batch = 50

const sum = (results: ReadonlyArray<Counted>, of: (result: Counted) => number): number =>
  results.reduce((total, result) => total + of(result), 0)

/** The part of a result that is kept. */
type Counted = Omit<TrialResult, "trace"> & { readonly seed: number; readonly isReplay: boolean | undefined }

const counted = (seed: number, make: Make): Counted => {
  const { trace, ...result } = Trial.run(seed, make)
  const isReplay = seed % replaysOneIn === 0 ? Trial.run(seed, make).trace.join("\n") === trace.join("\n") : undefined
  return { ...result, seed, isReplay }
}

const inFlight = ({ interrupted }: Counted): boolean =>
  phases.some((phase) => phase !== "after" && interrupted.has(phase))

const summed = (runs: ReadonlyArray<Counted>, seconds: number): InterruptedRefreshes => {
  const inPhase = (phase: Phase) => sum(runs, ({ interrupted }) => interrupted.get(phase) ?? 0)
  const replays = runs.filter(({ isReplay }) => isReplay !== undefined)
  const lost = runs.filter(({ isLost }) => isLost)
  return {
    runs: runs.length,
    calls: sum(runs, ({ calls }) => calls),
    refreshes: sum(runs, ({ refreshes }) => refreshes),
    interrupted: runs.filter(inFlight).length,
    phases: {
      "before lock": inPhase("before lock"),
      "in lock": inPhase("in lock"),
      "before POST": inPhase("before POST"),
      "before response": inPhase("before response"),
      "before save": inPhase("before save"),
      "in save": inPhase("in save"),
      after: inPhase("after")
    },
    lost: lost.length,
    firstLostSeed: lost[0]?.seed ?? "none",
    stuck: runs.filter(({ isStuck }) => isStuck).length,
    failed: sum(runs, ({ failed }) => failed),
    defects: sum(runs, ({ defects }) => defects),
    replays: replays.length,
    replayed: replays.every(({ isReplay }) => isReplay),
    seconds
  }
}

/** Makes the runs with a token source that `make` creates. */
export const measure =
  (make: Make, shortly = 300) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<InterruptedRefreshes> =>
    Effect.gen(function* () {
      const seeds = short ? shortly : 5000
      const startedAt = performance.now()
      const runs: Array<Counted> = []
      for (let seed = 0; seed < seeds; seed++) {
        if (seed % batch === 0) yield* Effect.yieldNow()
        if (seed % 1000 === 0) yield* reportProgress(`seeds ${seed} to ${Math.min(seed + 1000, seeds) - 1}`)
        runs.push(counted(seed, make))
      }
      return summed(runs, round((performance.now() - startedAt) / 1000, 1))
    })

/** Assertions on the figures. */
export const assertions: Stress.Assertions<InterruptedRefreshes> = {
  "no token family is lost": ({ lost }) => lost === 0,
  "a caller is interrupted during its refresh in at least a third of the runs": ({ interrupted, runs }) =>
    interrupted >= runs / 3,
  "callers are interrupted in every phase of a refresh": (figures) =>
    phases.every((phase) => figures.phases[phase] > 0),
  "every run ends": ({ stuck }) => stuck === 0,
  "no call fails without an interruption or a fault of server or disk": ({ failed }) => failed === 0,
  "no interruption reaches another caller, and there are no defects": ({ defects }) => defects === 0,
  "the same seed gives the same run": ({ replayed, replays }) => replayed && replays > 0
}

/** The case. */
export const interruptedRefresh: Stress.Stress = Stress.make(
  "interrupted-refresh",
  measure(TokenSource.make),
  assertions
)
