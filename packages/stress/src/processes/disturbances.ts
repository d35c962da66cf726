/** What disturbs the processes that share an account, and the guarantees that hold nevertheless. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { InjectFaults } from "./processFaults.js"
import { killing, noFaults, stopping } from "./processFaults.js"
import type { Reader } from "./storeVariants.js"
import type { MakeSetting, Setting, VariantResult } from "./variant.js"
import { minRefreshes, run } from "./variant.js"
import type * as Stress from "../Stress.js"

/** Figures of one store, one result for each disturbance. */
export interface StoreFigures extends Stress.Measurements {
  readonly plain: VariantResult
  /** Lock holders are stopped and continued. */
  readonly stopped: VariantResult
  /** Lock holders are killed, at a server without and with a grace period for used tokens. */
  readonly killed: VariantResult
  readonly graced: VariantResult
  /** The clock of one process is an hour ahead or behind. */
  readonly ahead: VariantResult
  readonly behind: VariantResult
}

/** Name of a disturbance. */
export type Name = "plain" | "stopped" | "killed" | "graced" | "ahead" | "behind"

/** A store, and how long the processes run. */
export interface SharedBy {
  readonly makePlace: (folder: string) => Effect.Effect<Setting["place"], unknown, Scope.Scope>
  /** Stops of lock holders, in milliseconds. */
  readonly stops: ReadonlyArray<number>
  readonly processes: number
  readonly seconds: (name: Name) => number
}

interface Disturbance {
  readonly disturb: InjectFaults
  readonly grace: number
  readonly ahead: number
}

const hour = 3_600_000

const plain: Disturbance = { disturb: noFaults, grace: 0, ahead: 0 }

const disturbances = (stops: ReadonlyArray<number>): Readonly<Record<Name, Disturbance>> => ({
  plain,
  stopped: { ...plain, disturb: stopping(stops) },
  killed: { ...plain, disturb: killing },
  graced: { ...plain, disturb: killing, grace: 30_000 },
  ahead: { ...plain, ahead: hour },
  behind: { ...plain, ahead: -hour }
})

/** Measures a store with one disturbance. */
export const measureOne = (
  name: Name,
  { makePlace, processes, seconds, stops }: SharedBy,
  reader: Reader = "second"
): Effect.Effect<VariantResult, Stress.CannotRun> => {
  const { ahead, disturb, grace } = disturbances(stops)[name]
  const makeSetting: MakeSetting = (folder) => Effect.map(makePlace(folder), (place) => ({ place, disturb }))
  return run({ processes, seconds: seconds(name), grace, ahead, reader }, makeSetting)
}

/** Measures a store with all disturbances, one after the other. */
export const measureAll = (
  shared: SharedBy,
  report: (name: Name) => Effect.Effect<void>
): Effect.Effect<StoreFigures, Stress.CannotRun> => {
  const one = (name: Name) => Effect.zipRight(report(name), measureOne(name, shared))
  return Effect.all({
    plain: one("plain"),
    stopped: one("stopped"),
    killed: one("killed"),
    graced: one("graced"),
    ahead: one("ahead"),
    behind: one("behind")
  })
}

const all = ({ ahead, behind, graced, killed, plain, stopped }: StoreFigures): ReadonlyArray<VariantResult> => [
  plain,
  stopped,
  killed,
  graced,
  ahead,
  behind
]

const withoutKills = ({ ahead, behind, plain, stopped }: StoreFigures): ReadonlyArray<VariantResult> => [
  plain,
  stopped,
  ahead,
  behind
]

/** Assertions on the figures. The first two verify that there was something to lose. */
export const assertions: Stress.Assertions<StoreFigures> = {
  "each variant refreshes at least five times": (figures) =>
    all(figures).every(({ refreshes }) => refreshes >= minRefreshes),
  "lock holders are stopped and killed": ({ graced, killed, stopped }) =>
    stopped.stops > 0 && killed.kills > 0 && graced.kills > 0,
  "no token family is revoked that the client could have kept": (figures) =>
    all(figures).every(({ revocations }) => revocations === 0),
  "no token family is lost without a kill": (figures) =>
    withoutKills(figures).every(({ unavoidable: unclosable }) => unclosable === 0),
  "no token family is lost if the server has a grace period": ({ graced }) => graced.unavoidable === 0,
  "at most one token family is lost per kill": ({ killed }) => killed.unavoidable <= killed.kills,
  "the store has the current refresh token at the end": (figures) =>
    withoutKills(figures).every(({ isInSync: inStep }) => inStep),
  "at most 1 % of the calls fail without stops and kills": ({ ahead, behind, plain }) =>
    [plain, ahead, behind].every(({ calls, failed }) => failed * 100 <= Math.max(calls, 100))
}
