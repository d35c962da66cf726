/** Processes that share one account in a store, disturbed in one way, and what the server saw of them. */
import { UnknownException } from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { round } from "@countersign/bench/Numbers"
import { bundle } from "@countersign/bench/Staging"
import type { InjectFaults, IsOver } from "./processFaults.js"
import type { ProcessGroup } from "./processGroup.js"
import * as ProcessGroups from "./processGroup.js"
import type * as SharedStore from "./sharedStore.js"
import type { Reader } from "./storeVariants.js"
import * as Stress from "../Stress.js"

/** Figures of one variant. Times are in milliseconds. */
export interface VariantResult extends Stress.Measurements {
  readonly processes: number
  readonly seconds: number
  /** Refresh tokens that were redeemed, and those that the server accepted a second time. */
  readonly refreshes: number
  readonly replays: number
  /** Calls that the API accepted, its 401 responses, calls that failed in the end, and their errors. */
  readonly calls: number
  readonly rejected: number
  readonly failed: number
  readonly failures: string
  readonly waitMedianMs: number
  readonly waitMaxMs: number
  /** Time from the commit of the server until it receives the new token in a request, a bit after the token was stored. */
  readonly windowMedianMs: number
  readonly windowMaxMs: number
  readonly stops: number
  readonly longestStopMs: number
  readonly kills: number
  /** Token families that were revoked although the client could have kept them. */
  readonly revocations: number
  /**
   * Families that were lost by a kill between the commit of the server and the write of the store. No client can prevent it.
   */
  readonly unavoidable: number
  /** Whether the store has the current refresh token at the end. */
  readonly isInSync: boolean
}

/** How the processes run. Times are in milliseconds. */
export interface Variant {
  readonly processes: number
  readonly seconds: number
  /** How long the server accepts a used refresh token once more. */
  readonly grace: number
  /** By how much the clock of the first process is ahead. */
  readonly ahead: number
  readonly reader: Reader
}

/** A store, and what disturbs the processes that share it. */
export interface Setting {
  readonly place: SharedStore.Place
  readonly disturb: InjectFaults
}

/** Makes the store. Temporary files belong in the folder. */
export type MakeSetting = (folder: string) => Effect.Effect<Setting, unknown, Scope.Scope>

const lifetime = 40

const median = (values: ReadonlyArray<number>): number =>
  round(values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0, 1)

const largest = (values: ReadonlyArray<number>): number =>
  round(
    values.reduce((most, value) => Math.max(most, value), 0),
    1
  )

/** Minimum number of refreshes of a conclusive run. */
export const minRefreshes = 5

/** Maximum extension of a run on a busy machine until it is conclusive, in milliseconds. */
const maxExtensionMs = 60_000

/** The run ends after `seconds`. An inconclusive run is extended. */
const endAfter = ({ server }: ProcessGroup, seconds: number): IsOver => {
  const end = performance.now() + seconds * 1000
  return (faults) => {
    const now = performance.now()
    const isConclusive = faults > 0 && server.counts.refreshes >= minRefreshes
    return now >= end && (isConclusive || now >= end + maxExtensionMs)
  }
}

const measureGroup = async (
  group: ProcessGroup,
  disturb: InjectFaults,
  { processes, seconds }: Variant
): Promise<VariantResult> => {
  await group.begin()
  const done = await disturb(group, endAfter(group, seconds))
  const isInSync = await group.end()
  const { failures, waits, windows, ...counts } = group.server.counts
  return {
    processes,
    seconds,
    ...counts,
    failures: failures.join(", "),
    waitMedianMs: median(waits),
    waitMaxMs: largest(waits),
    windowMedianMs: median(windows),
    windowMaxMs: largest(windows),
    ...done,
    revocations: group.revocations,
    unavoidable: group.unavoidable,
    isInSync
  }
}

const runGroup = async (variant: Variant, { disturb, place }: Setting, folder: string): Promise<VariantResult> => {
  const { ahead, grace, processes, reader } = variant
  const staged = await bundle("stress", `processes-${reader}`, "sharedAccountProcess")
  const offsets = Array.from({ length: processes }, (_, index) => (index === 0 ? ahead : 0))
  const group = await ProcessGroups.make({ staged, place, folder, reader, rules: { lifetime, grace }, ahead: offsets })
  try {
    return await measureGroup(group, disturb, variant)
  } finally {
    await group.stop()
  }
}

const newFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-processes-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** Runs processes over a new store, in a new folder. */
export const run = (variant: Variant, makeSetting: MakeSetting): Effect.Effect<VariantResult, Stress.CannotRun> =>
  Effect.gen(function* () {
    const folder = yield* newFolder
    const setting = yield* makeSetting(folder)
    return yield* Effect.tryPromise(() => runGroup(variant, setting, folder))
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => Stress.cannotRun(error instanceof UnknownException ? error.error : error))
  )
