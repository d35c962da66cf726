/**
 * A disk that refuses, from the moment a refresh is under way: the old file stays, the new token serves from memory,
 * somebody hears of it, and the token is saved when the disk takes it.
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
import type { Saver } from "./storeVariants.js"
import * as Stress from "../Stress.js"

/** What came of one fault; times in milliseconds. */
export interface Faulty extends Stress.Measurements {
  /** By what means it came about; none where the machine has none. */
  readonly by: string
  readonly rounds: number
  /** Rounds in which the file held what it had held, while the disk refused. */
  readonly intact: number
  /** Rounds in which whoever asked got the new token. */
  readonly served: number
  /** Rounds in which an event told that it was not stored, and named the system's reason. */
  readonly told: number
  /** Rounds in which that went on when the API refused it, and those in which the lock for yet another was to be had. */
  readonly goesOn: number
  readonly renewed: number
  /** Rounds in which the newest was in the file in the end, with an event; and the longest that took. */
  readonly saved: number
  readonly savedAfterMs: number
}

/** The figures. */
export interface Disks extends Stress.Measurements {
  readonly full: Faulty
  readonly unflushed: Faulty
  readonly readOnly: Faulty
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A token that could not be stored is tried again after a second, two, four and so on. */
const patience = 8_000

type Round = { readonly [K in "intact" | "served" | "told" | "goesOn" | "renewed" | "saved"]: boolean } & {
  readonly savedAfterMs: number
}

const isServed = async (keeper: Remote.Remote<TokenKeeperProcess>): Promise<boolean> => {
  const [current, minted] = await keeper.call("current")
  return current === minted
}

/** Waits until the file holds the last token that was given out. */
const isSaved = async (keeper: Remote.Remote<TokenKeeperProcess>, path: string): Promise<boolean> => {
  const [, minted] = await keeper.call("current")
  const end = performance.now() + patience
  while (performance.now() < end) {
    if (readFileSync(path, "utf8").includes(`"${minted}"`)) return true
    await sleep(20)
  }
  return false
}

const hasEvent = async (keeper: Remote.Remote<TokenKeeperProcess>, kind: string, reason: string): Promise<boolean> => {
  const end = performance.now() + 1000
  while (performance.now() < end) {
    const events = await keeper.call("told")
    if (events.some(({ error, event }) => event === kind && error.includes(reason))) return true
    await sleep(20)
  }
  return false
}

interface Place {
  readonly keeper: Remote.Remote<TokenKeeperProcess>
  readonly disk: Disk
  readonly thread: string
  readonly path: string
  readonly fault: Fault
}

/** The disk breaks when the server has been asked, and is mended when even the next token has come or not. */
const once = async ({ disk, fault, keeper, path, thread }: Place): Promise<Round> => {
  await keeper.call("told")
  await keeper.call("renew")
  const before = readFileSync(path)
  const { mend, stay } = await disk.breaks(thread)
  try {
    await keeper.call("finish")
    const served = await isServed(keeper)
    const told = await hasEvent(keeper, "SaveFailed", fault)
    stay()
    const renewed = (await keeper.call("renew")) && (await keeper.call("finish"))
    const goesOn = await isServed(keeper)
    // The first time that it is tried again must come to nothing, too.
    await sleep(1200)
    const intact = before.equals(readFileSync(path))
    await mend()
    const begun = performance.now()
    const isThere = await isSaved(keeper, path)
    const savedAfterMs = Math.round(performance.now() - begun)
    return {
      intact,
      served,
      told,
      goesOn,
      renewed,
      saved: isThere && (await hasEvent(keeper, "Saved", "")),
      savedAfterMs
    }
  } finally {
    await mend()
  }
}

const count = (rounds: ReadonlyArray<Round>, what: Exclude<keyof Round, "savedAfterMs">): number =>
  rounds.filter((round) => round[what]).length

const sumUp = (by: string, rounds: ReadonlyArray<Round>): Faulty => ({
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

interface Setting {
  readonly staged: string
  readonly parent: string
  readonly saver: Saver
  readonly rounds: number
}

const play = async (fault: Fault, { parent, rounds, saver, staged }: Setting): Promise<Faulty> => {
  const disk = Faults.make(fault, parent)
  if (disk === undefined) return sumUp("none", [])
  const keeper = Remote.start<TokenKeeperProcess>(staged, "tokenKeeperProcess", [], [], { UV_THREADPOOL_SIZE: "1" })
  try {
    const path = join(disk.folder, "tokens.json")
    const thread = await keeper.call("open", { path, saver })
    const all: Array<Round> = []
    for (let round = 0; round < rounds; round++) all.push(await once({ keeper, disk, thread, path, fault }))
    return sumUp(disk.by, all)
  } finally {
    await keeper.stop()
    disk.remove()
  }
}

const playOnce = async (fault: Fault, saver: Saver, short: boolean): Promise<Faulty> => {
  const parent = mkdtempSync(join(tmpdir(), "countersign-disk-"))
  try {
    return await play(fault, {
      staged: await bundle("stress", `disk-${saver}`, "tokenKeeperProcess"),
      parent,
      saver,
      rounds: short ? 1 : 10
    })
  } finally {
    rmSync(parent, { recursive: true, force: true })
  }
}

const unable = "strace is needed, to have system calls fail: install strace"

/** Has the disk under a saver break in one way. Where the machine has no means to, the short form goes without. */
export const measureOne =
  (fault: Fault, saver: Saver = "ours") =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Faulty, Stress.CannotRun> =>
    Effect.gen(function* () {
      yield* reportProgress(fault)
      const found = yield* Effect.tryPromise({ try: () => playOnce(fault, saver, short), catch: Stress.cannotRun })
      if (found.by === "none" && !short) return yield* new Stress.CannotRun({ message: unable })
      if (found.by === "none") yield* reportProgress(`skipped: ${unable}`)
      return found
    })

/** Has it break in every way. */
const measure = (run: Stress.Run): Effect.Effect<Disks, Stress.CannotRun> =>
  Effect.all({
    full: measureOne("ENOSPC")(run),
    unflushed: measureOne("EIO")(run),
    readOnly: measureOne("EROFS")(run)
  })

const each =
  (isKept: (fault: Faulty) => boolean) =>
  ({ full, readOnly, unflushed }: Disks): boolean =>
    [full, unflushed, readOnly].every(isKept)

/** What is promised of it. */
export const promises: Stress.Assertions<Disks> = {
  "the old file stays as it was": each(({ intact, rounds }) => intact === rounds),
  "the new token serves from memory": each(({ rounds, served }) => served === rounds),
  "an event tells of it, with the system's reason": each(({ rounds, told }) => told === rounds),
  "it goes on to serve while no other is to be had": each(({ goesOn, rounds }) => goesOn === rounds),
  "it is saved later, by itself": each(({ rounds, saved }) => saved === rounds)
}

/** The case. */
export const diskFaults: Stress.Stress = Stress.make("disk-faults", measure, promises)
