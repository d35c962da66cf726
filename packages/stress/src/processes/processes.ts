/**
 * Processes that share one account, at a server that revokes the tokens if a refresh token is reused. No process loses the
 * tokens, also while lock holders are stopped, killed, or have another clock.
 */
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { round } from "@countersign/bench/Numbers"
import { bundle } from "@countersign/bench/Staging"
import type { InjectFaults, IsOver } from "./processFaults.js"
import { killing, noFaults, stopping } from "./processFaults.js"
import type { ProcessGroup } from "./processGroup.js"
import * as ProcessGroups from "./processGroup.js"
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
   * Families that were lost by a kill between the commit of the server and the rename of the file. No client can prevent it.
   */
  readonly unavoidable: number
  /** Whether the file contains the current refresh token at the end. */
  readonly isInSync: boolean
}

/** Figures of all variants. */
export interface Processes extends Stress.Measurements {
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

const hour = 3_600_000
const lifetime = 40

interface Variant {
  readonly disturb: (short: boolean) => InjectFaults
  readonly grace: number
  readonly ahead: number
}

const plain: Variant = { disturb: () => noFaults, grace: 0, ahead: 0 }

const variants = {
  plain,
  stopped: { ...plain, disturb: (short: boolean) => stopping(short ? [30, 150, 600] : [30, 300, 2_000, 10_000]) },
  killed: { ...plain, disturb: () => killing },
  graced: { ...plain, disturb: () => killing, grace: 30_000 },
  ahead: { ...plain, ahead: hour },
  behind: { ...plain, ahead: -hour }
} as const

const median = (values: ReadonlyArray<number>): number =>
  round(values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0, 1)

const largest = (values: ReadonlyArray<number>): number =>
  round(
    values.reduce((most, value) => Math.max(most, value), 0),
    1
  )

interface RunOptions extends Variant {
  readonly staged: string
  readonly path: string
  readonly short: boolean
  readonly reader: Reader
}

/** Minimum number of refreshes of a conclusive run. */
const minRefreshes = 5

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
  { disturb, short }: RunOptions,
  processes: number,
  seconds: number
): Promise<VariantResult> => {
  await group.begin()
  const done = await disturb(short)(group, endAfter(group, seconds))
  const inStep = await group.end()
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
    isInSync: inStep
  }
}

const runVariant = async (options: RunOptions): Promise<VariantResult> => {
  const { ahead, grace, path, reader, short, staged } = options
  const [processes, seconds] = short ? [3, 2] : [8, 60]
  const offsets = Array.from({ length: processes }, (_, index) => (index === 0 ? ahead : 0))
  const group = await ProcessGroups.make({ staged, path, reader, rules: { lifetime, grace }, ahead: offsets })
  try {
    return await measureGroup(group, options, processes, seconds)
  } finally {
    await group.stop()
  }
}

/** Measures one variant in a new folder. */
export const measureOne =
  (name: keyof typeof variants, reader: Reader = "second") =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<VariantResult, Stress.CannotRun> =>
    Effect.gen(function* () {
      yield* reportProgress(name)
      return yield* Effect.tryPromise({
        try: async () => {
          const folder = mkdtempSync(join(tmpdir(), "countersign-processes-"))
          try {
            const staged = await bundle("stress", `processes-${reader}`, "sharedAccountProcess")
            return await runVariant({ ...variants[name], staged, path: join(folder, "tokens.json"), short, reader })
          } finally {
            rmSync(folder, { recursive: true, force: true })
          }
        },
        catch: Stress.cannotRun
      })
    })

/** Measures all variants. */
const measure = (run: Stress.Run): Effect.Effect<Processes, Stress.CannotRun> =>
  Effect.all({
    plain: measureOne("plain")(run),
    stopped: measureOne("stopped")(run),
    killed: measureOne("killed")(run),
    graced: measureOne("graced")(run),
    ahead: measureOne("ahead")(run),
    behind: measureOne("behind")(run)
  })

const all = ({ ahead, behind, graced, killed, plain, stopped }: Processes): ReadonlyArray<VariantResult> => [
  plain,
  stopped,
  killed,
  graced,
  ahead,
  behind
]

const withoutKills = ({ ahead, behind, plain, stopped }: Processes): ReadonlyArray<VariantResult> => [
  plain,
  stopped,
  ahead,
  behind
]

/** Assertions on the figures. The first two verify that there was something to lose. */
export const assertions: Stress.Assertions<Processes> = {
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
  "the file contains the current refresh token at the end": (figures) =>
    withoutKills(figures).every(({ isInSync: inStep }) => inStep),
  "at most 1 % of the calls fail without stops and kills": ({ ahead, behind, plain }) =>
    [plain, ahead, behind].every(({ calls, failed }) => failed * 100 <= Math.max(calls, 100))
}

/** The case. */
export const processes: Stress.Stress = Stress.make("processes", measure, assertions)
