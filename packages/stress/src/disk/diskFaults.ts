/**
 * A disk that fails during a refresh. The old file stays, the new token is used from memory, an event reports the failure,
 * and the token is saved once the disk works again.
 */
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TokenKeeperProcess } from "../programs/tokenKeeperProcess.js"
import * as Remote from "@countersign/bench/Remote"
import { bundle } from "@countersign/bench/Staging"
import type { Disk, Fault } from "./faultInjection.js"
import * as Faults from "./faultInjection.js"
import type { StoreVariant } from "./storeVariants.js"
import * as Stress from "../Stress.js"

/** Figures of one fault. Times are in milliseconds. */
export interface FaultResult extends Stress.Measurements {
  /** How the fault is caused, or `none` if this machine cannot cause it. */
  readonly by: string
  readonly rounds: number
  /** Rounds in which the file was unchanged during the fault. */
  readonly intact: number
  /** Rounds in which callers got the new token. */
  readonly served: number
  /** Rounds in which an event reported the failed write with the code of the system. */
  readonly told: number
  /** Rounds in which callers got the latest token after a further forced refresh, and in which that refresh succeeded. */
  readonly goesOn: number
  readonly renewed: number
  /** Rounds in which the latest token was in the file in the end, with an event, and the longest time until then. */
  readonly saved: number
  readonly savedAfterMs: number
}

/** Figures of all faults. */
export interface DiskFaults extends Stress.Measurements {
  readonly full: FaultResult
  readonly unflushed: FaultResult
  readonly readOnly: FaultResult
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A failed write is retried after one second, two, four and so on. */
const maxSaveMs = 8_000

type Round = { readonly [K in "intact" | "served" | "told" | "goesOn" | "renewed" | "saved"]: boolean } & {
  readonly savedAfterMs: number
}

const isServed = async (keeper: Remote.Remote<TokenKeeperProcess>): Promise<boolean> => {
  const [current, minted] = await keeper.call("current")
  return current === minted
}

/** Waits until the file contains the last token that was issued. */
const isSaved = async (keeper: Remote.Remote<TokenKeeperProcess>, path: string): Promise<boolean> => {
  const [, minted] = await keeper.call("current")
  const end = performance.now() + maxSaveMs
  while (performance.now() < end) {
    if (readFileSync(path, "utf8").includes(`"${minted}"`)) return true
    await sleep(20)
  }
  return false
}

const hasEvent = async (keeper: Remote.Remote<TokenKeeperProcess>, kind: string, reason: string): Promise<boolean> => {
  const end = performance.now() + 1000
  while (performance.now() < end) {
    const events = await keeper.call("takeEvents")
    if (events.some(({ error, event }) => event === kind && error.includes(reason))) return true
    await sleep(20)
  }
  return false
}

interface RoundOptions {
  readonly keeper: Remote.Remote<TokenKeeperProcess>
  readonly disk: Disk
  readonly thread: string
  readonly path: string
  readonly fault: Fault
}

/** One round: the disk fails when the token endpoint was called, and is repaired after a further refresh. */
const once = async ({ disk, fault, keeper, path, thread }: RoundOptions): Promise<Round> => {
  await keeper.call("takeEvents")
  await keeper.call("renew")
  const before = readFileSync(path)
  const { mend, stay } = await disk.breaks(thread)
  try {
    await keeper.call("finish")
    const served = await isServed(keeper)
    const told = await hasEvent(keeper, "StoreFailed", fault)
    stay()
    const renewed = (await keeper.call("renew")) && (await keeper.call("finish"))
    const goesOn = await isServed(keeper)
    // The first retry must fail too.
    await sleep(1200)
    const intact = before.equals(readFileSync(path))
    await mend()
    const startedAt = performance.now()
    const isInFile = await isSaved(keeper, path)
    const savedAfterMs = Math.round(performance.now() - startedAt)
    return {
      intact,
      served,
      told,
      goesOn,
      renewed,
      saved: isInFile && (await hasEvent(keeper, "Stored", "")),
      savedAfterMs
    }
  } finally {
    await mend()
  }
}

const count = (rounds: ReadonlyArray<Round>, what: Exclude<keyof Round, "savedAfterMs">): number =>
  rounds.filter((round) => round[what]).length

const summarize = (by: string, rounds: ReadonlyArray<Round>): FaultResult => ({
  by,
  rounds: rounds.length,
  intact: count(rounds, "intact"),
  served: count(rounds, "served"),
  told: count(rounds, "told"),
  goesOn: count(rounds, "goesOn"),
  renewed: count(rounds, "renewed"),
  saved: count(rounds, "saved"),
  savedAfterMs: Math.max(0, ...rounds.map(({ savedAfterMs }) => savedAfterMs))
})

interface RunOptions {
  readonly staged: string
  readonly parent: string
  readonly variant: StoreVariant
  readonly rounds: number
}

const runRounds = async (fault: Fault, { parent, rounds, variant, staged }: RunOptions): Promise<FaultResult> => {
  const disk = Faults.make(fault, parent)
  if (disk === undefined) return summarize("none", [])
  const keeper = Remote.start<TokenKeeperProcess>(staged, "tokenKeeperProcess", [], [], { UV_THREADPOOL_SIZE: "1" })
  try {
    const path = join(disk.folder, "tokens.json")
    const thread = await keeper.call("open", { path, variant })
    const all: Array<Round> = []
    for (let round = 0; round < rounds; round++) all.push(await once({ keeper, disk, thread, path, fault }))
    return summarize(disk.by, all)
  } finally {
    await keeper.stop()
    disk.remove()
  }
}

const runInFolder = async (fault: Fault, variant: StoreVariant, short: boolean): Promise<FaultResult> => {
  const parent = mkdtempSync(join(tmpdir(), "countersign-disk-"))
  try {
    return await runRounds(fault, {
      staged: await bundle("stress", `disk-${variant}`, "tokenKeeperProcess"),
      parent,
      variant,
      rounds: short ? 1 : 10
    })
  } finally {
    rmSync(parent, { recursive: true, force: true })
  }
}

const missingStrace = "cannot make system calls fail: strace is missing. Install strace."

/** Measures one fault with a store variant. The short form skips a fault that this machine cannot cause. */
export const measureOne =
  (fault: Fault, variant: StoreVariant = "ours") =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<FaultResult, Stress.CannotRun> =>
    Effect.gen(function* () {
      yield* reportProgress(fault)
      const found = yield* Effect.tryPromise({ try: () => runInFolder(fault, variant, short), catch: Stress.cannotRun })
      if (found.by === "none" && !short) return yield* new Stress.CannotRun({ message: missingStrace })
      if (found.by === "none") yield* reportProgress(`skipped: ${missingStrace}`)
      return found
    })

/** Measures all faults. */
const measure = (run: Stress.Run): Effect.Effect<DiskFaults, Stress.CannotRun> =>
  Effect.all({
    full: measureOne("ENOSPC")(run),
    unflushed: measureOne("EIO")(run),
    readOnly: measureOne("EROFS")(run)
  })

const each =
  (holds: (fault: FaultResult) => boolean) =>
  ({ full, readOnly, unflushed }: DiskFaults): boolean =>
    [full, unflushed, readOnly].every(holds)

/** Assertions on the figures. */
export const assertions: Stress.Assertions<DiskFaults> = {
  "the old file is unchanged": each(({ intact, rounds }) => intact === rounds),
  "the new token is used from memory": each(({ rounds, served }) => served === rounds),
  "an event reports the failed write with the code of the system": each(({ rounds, told }) => told === rounds),
  "the latest token is used after a further refresh": each(({ goesOn, rounds }) => goesOn === rounds),
  "the token is saved later without another call": each(({ rounds, saved }) => saved === rounds)
}

/** The case. */
export const diskFaults: Stress.Stress = Stress.make("disk-faults", measure, assertions)
