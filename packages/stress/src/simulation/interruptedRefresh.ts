/**
 * Thousands of runs in which whoever has begun to refresh a token is interrupted, or its process ends, at some step of
 * that: the server never gives a refresh token twice, and forgives none that it sees twice. Each run is the work of its seed.
 */
import * as TokenSource from "@countersign/auth/TokenSource"
import * as Effect from "effect/Effect"
import { round } from "@countersign/bench/Numbers"
import type { Phase } from "./refreshOwners.js"
import { phases } from "./refreshOwners.js"
import type { Make, Outcome } from "./trial.js"
import * as Trial from "./trial.js"
import * as Stress from "../Stress.js"

/** What came of the runs. */
export interface Interruption extends Stress.Measurements {
  readonly runs: number
  readonly calls: number
  readonly refreshes: number
  /** Runs in which a leader was interrupted before its refresh was over. */
  readonly interrupted: number
  /** How many leaders were, by how far the refresh had got. */
  readonly phases: Stress.Measurements & Readonly<Record<Phase, number>>
  /** Runs after which the account had to sign in again. */
  readonly lost: number
  readonly firstLostSeed: number | "none"
  /** Runs that came to no end. */
  readonly stuck: number
  /** Calls that failed though nobody had interrupted them, and neither the server nor the disk had failed; also bugs. */
  readonly failed: number
  readonly defects: number
  /** How many runs were made twice, and whether the two were the same, turn for turn. */
  readonly replays: number
  readonly replayed: boolean
  readonly seconds: number
}

/** Of so many runs, one is made twice. */
const replaysOneIn = 10

/** So many runs are made before others of this program get their turn. */
const batch = 50

const sum = (outcomes: ReadonlyArray<Counted>, of: (outcome: Counted) => number): number =>
  outcomes.reduce((total, outcome) => total + of(outcome), 0)

/** What is kept of a run. */
type Counted = Omit<Outcome, "trace"> & { readonly seed: number; readonly isReplay: boolean | undefined }

const counted = (seed: number, make: Make): Counted => {
  const { trace, ...outcome } = Trial.run(seed, make)
  const isReplay = seed % replaysOneIn === 0 ? Trial.run(seed, make).trace.join("\n") === trace.join("\n") : undefined
  return { ...outcome, seed, isReplay }
}

const inFlight = ({ interrupted }: Counted): boolean =>
  phases.some((phase) => phase !== "after" && interrupted.has(phase))

const summed = (runs: ReadonlyArray<Counted>, seconds: number): Interruption => {
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
      "before the answer": inPhase("before the answer"),
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

/** Makes the runs, with a source of tokens that is made so. */
export const measure =
  (make: Make, shortly = 300) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Interruption> =>
    Effect.gen(function* () {
      const seeds = short ? shortly : 5000
      const begun = performance.now()
      const runs: Array<Counted> = []
      for (let seed = 0; seed < seeds; seed++) {
        if (seed % batch === 0) yield* Effect.yieldNow()
        if (seed % 1000 === 0) yield* reportProgress(`seeds ${seed} to ${Math.min(seed + 1000, seeds) - 1}`)
        runs.push(counted(seed, make))
      }
      return summed(runs, round((performance.now() - begun) / 1000, 1))
    })

/** What is promised of them. */
export const promises: Stress.Assertions<Interruption> = {
  "no family of tokens is lost": ({ lost }) => lost === 0,
  "in one run of three or more, a leader is interrupted in the middle of its refresh": ({ interrupted, runs }) =>
    interrupted >= runs / 3,
  "leaders are interrupted in every phase of it": (figures) => phases.every((phase) => figures.phases[phase] > 0),
  "every run comes to an end": ({ stuck }) => stuck === 0,
  "where nothing else goes wrong, nobody fails who is not interrupted": ({ failed }) => failed === 0,
  "nobody's interruption reaches another, and nobody dies": ({ defects }) => defects === 0,
  "a seed replays identically": ({ replayed, replays }) => replayed && replays > 0
}

/** The case. */
export const interruptedRefresh: Stress.Stress = Stress.make("interrupted-refresh", measure(TokenSource.make), promises)
