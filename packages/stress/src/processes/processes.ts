/**
 * Processes that share one account, at a server that revokes whatever is used twice: nobody's token is lost by another,
 * not while holders of the lock are stopped, killed, or go by a clock of their own.
 */
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { round } from "@countersign/bench/Numbers"
import { bundle } from "@countersign/bench/Staging"
import type { Disturb, IsOver } from "./processFaults.js"
import { killing, noFaults, stopping } from "./processFaults.js"
import type { ProcessGroup } from "./processGroup.js"
import * as Parties from "./processGroup.js"
import type { Reader } from "./storeVariants.js"
import * as Stress from "../Stress.js"

/** What came of one minute; times in milliseconds. */
export interface Shared extends Stress.Measurements {
  readonly processes: number
  readonly seconds: number
  /** Refresh tokens that the server has used up, and those that it has answered a second time. */
  readonly refreshes: number
  readonly replays: number
  /** Calls that the API answered, answers of 401 on the way, calls that failed in the end, and with what. */
  readonly calls: number
  readonly refused: number
  readonly failed: number
  readonly failures: string
  readonly waitMedianMs: number
  readonly waitMaxMs: number
  /** From the server's commit until the new token was stored, used and seen again by the server, which is a bit later. */
  readonly windowMedianMs: number
  readonly windowMaxMs: number
  readonly stops: number
  readonly longestStopMs: number
  readonly kills: number
  /** Families that were lost although the client could have kept them. */
  readonly revocations: number
  /** Families lost to a kill between the server's commit and the rename of the file: of those nobody has the tokens. */
  readonly unclosable: number
  /** Whether the file holds in the end what the server goes by. */
  readonly inStep: boolean
}

/** The figures. */
export interface Processes extends Stress.Measurements {
  readonly plain: Shared
  /** Holders of the lock are stopped and go on. */
  readonly stopped: Shared
  /** Holders are killed; then the same at a server that takes a used token once more for a while. */
  readonly killed: Shared
  readonly graced: Shared
  /** The clock of one process is an hour ahead, or behind. */
  readonly ahead: Shared
  readonly behind: Shared
}

const hour = 3_600_000
const lifetime = 40

interface Variant {
  readonly disturb: (short: boolean) => Disturb
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

const middle = (values: ReadonlyArray<number>): number =>
  round(values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0, 1)

const largest = (values: ReadonlyArray<number>): number =>
  round(
    values.reduce((most, value) => Math.max(most, value), 0),
    1
  )

interface Scene extends Variant {
  readonly staged: string
  readonly path: string
  readonly short: boolean
  readonly reader: Reader
}

/** The refreshes that make a run conclusive. */
const fewestRefreshes = 5

/** A busy machine gets so many more milliseconds for what makes a run conclusive. */
const longestExtension = 60_000

/** The time is over after `seconds`, but a run that is not conclusive yet goes on. */
const timeOf = ({ server }: ProcessGroup, seconds: number): IsOver => {
  const end = performance.now() + seconds * 1000
  return (disturbances) => {
    const now = performance.now()
    const isConclusive = disturbances > 0 && server.counts.refreshes >= fewestRefreshes
    return now >= end && (isConclusive || now >= end + longestExtension)
  }
}

const act = async (
  party: ProcessGroup,
  { disturb, short }: Scene,
  processes: number,
  seconds: number
): Promise<Shared> => {
  await party.begin()
  const done = await disturb(short)(party, timeOf(party, seconds))
  const inStep = await party.end()
  const { failures, waits, windows, ...counts } = party.server.counts
  return {
    processes,
    seconds,
    ...counts,
    failures: failures.join(", "),
    waitMedianMs: middle(waits),
    waitMaxMs: largest(waits),
    windowMedianMs: middle(windows),
    windowMaxMs: largest(windows),
    ...done,
    revocations: party.revocations,
    unclosable: party.unclosable,
    inStep
  }
}

const play = async (scene: Scene): Promise<Shared> => {
  const { ahead, grace, path, reader, short, staged } = scene
  const [processes, seconds] = short ? [3, 2] : [8, 60]
  const clocks = Array.from({ length: processes }, (_, index) => (index === 0 ? ahead : 0))
  const party = await Parties.make({ staged, path, reader, rules: { lifetime, grace }, ahead: clocks })
  try {
    return await act(party, scene, processes, seconds)
  } finally {
    await party.stop()
  }
}

/** Plays one variant, in a folder of its own. */
export const measureOne =
  (name: keyof typeof variants, reader: Reader = "second") =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Shared, Stress.CannotRun> =>
    Effect.gen(function* () {
      yield* reportProgress(name)
      return yield* Effect.tryPromise({
        try: async () => {
          const folder = mkdtempSync(join(tmpdir(), "countersign-processes-"))
          try {
            const staged = await bundle("stress", `processes-${reader}`, "sharedAccountProcess")
            return await play({ ...variants[name], staged, path: join(folder, "tokens.json"), short, reader })
          } finally {
            rmSync(folder, { recursive: true, force: true })
          }
        },
        catch: Stress.cannotRun
      })
    })

/** Plays them all. */
const measure = (run: Stress.Run): Effect.Effect<Processes, Stress.CannotRun> =>
  Effect.all({
    plain: measureOne("plain")(run),
    stopped: measureOne("stopped")(run),
    killed: measureOne("killed")(run),
    graced: measureOne("graced")(run),
    ahead: measureOne("ahead")(run),
    behind: measureOne("behind")(run)
  })

const all = ({ ahead, behind, graced, killed, plain, stopped }: Processes): ReadonlyArray<Shared> => [
  plain,
  stopped,
  killed,
  graced,
  ahead,
  behind
]

const unharmed = ({ ahead, behind, plain, stopped }: Processes): ReadonlyArray<Shared> => [
  plain,
  stopped,
  ahead,
  behind
]

/** What is promised of them. The first says that there was something to lose. */
export const promises: Stress.Assertions<Processes> = {
  "each time tokens are refreshed, five times and more": (figures) =>
    all(figures).every(({ refreshes }) => refreshes >= fewestRefreshes),
  "holders are stopped, and holders are killed": ({ graced, killed, stopped }) =>
    stopped.stops > 0 && killed.kills > 0 && graced.kills > 0,
  "no family is lost that a client could have kept": (figures) =>
    all(figures).every(({ revocations }) => revocations === 0),
  "nothing is lost at all where nobody is killed": (figures) =>
    unharmed(figures).every(({ unclosable }) => unclosable === 0),
  "nothing is lost at all where the server takes a used token once more": ({ graced }) => graced.unclosable === 0,
  "no more is lost than there were kills": ({ killed }) => killed.unclosable <= killed.kills,
  "the file holds in the end what the server goes by": (figures) => unharmed(figures).every(({ inStep }) => inStep),
  "one call in a hundred fails at most, where nobody is stopped or killed": ({ ahead, behind, plain }) =>
    [plain, ahead, behind].every(({ calls, failed }) => failed * 100 <= Math.max(calls, 100))
}

/** The case. */
export const processes: Stress.Stress = Stress.make("processes", measure, promises)
