/** Processes that are killed while they store a token. The file has the old or the new token, and no files are left. */
import * as Effect from "effect/Effect"
import { randomInt } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundle } from "@countersign/bench/Staging"
import type { CrashInspection } from "./crashInspection.js"
import * as Inspection from "./crashInspection.js"
import type { SaveOptions } from "./savingProcess.js"
import * as Saver from "./savingProcess.js"
import * as Tracer from "./tracer.js"
import type { Writer } from "./storeVariants.js"
import * as Stress from "../Stress.js"

/** Figures. */
export interface Crash extends Stress.Measurements {
  /** Kills at random moments, and writes that were acknowledged as durable before them. */
  readonly kills: number
  readonly acknowledged: number
  /** System calls of a write, and kills at them. Both are 0 without strace. */
  readonly calls: number
  readonly traced: number
  /** Writes that completed although they were to be killed at a system call. */
  readonly survived: number
  /** Kills during a write: they left other files. */
  readonly left: number
  /** How often the file was unreadable or incomplete. */
  readonly torn: number
  /** How often the file lacked an acknowledged version. */
  readonly lost: number
  /** Other files after the next start, and those of them that contain a secret. */
  readonly strays: number
  readonly secrets: number
}

type Found = Pick<Crash, "left" | "torn" | "lost" | "strays" | "secrets">

const nothing: Found = { left: 0, torn: 0, lost: 0, strays: 0, secrets: 0 }

const found = (inspection: CrashInspection, acknowledged: number): Found => ({
  left: inspection.left > 0 ? 1 : 0,
  torn: inspection.isTorn ? 1 : 0,
  lost: !inspection.isTorn && inspection.version < acknowledged ? 1 : 0,
  strays: inspection.strays,
  secrets: inspection.secrets
})

const sum = (one: Found, other: Found): Found => ({
  left: one.left + other.left,
  torn: one.torn + other.torn,
  lost: one.lost + other.lost,
  strays: one.strays + other.strays,
  secrets: one.secrets + other.secrets
})

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Inspects the files after a kill. A broken file is removed. Returns the next version too. */
const inspectAfterKill = async (path: string, acknowledged: number): Promise<readonly [found: Found, next: number]> => {
  const inspection = await Effect.runPromise(Inspection.inspect(path))
  if (inspection.isTorn) Inspection.clear(path)
  return [found(inspection, acknowledged), inspection.version + 1]
}

const programOf = async (writer: Writer): Promise<string> =>
  join(await bundle("stress", `crash-${writer}`, "savingProcess"), "src/programs/savingProcess.js")

type ReportProgress = (message: string) => Promise<void>

/** Whether the run ends early: a faulty writer is killed only until its fault is found. */
type IsEnough = (found: Found) => boolean

interface Plan {
  readonly kills: number
  readonly isEnough: IsEnough
  readonly reportProgress: ReportProgress
}

/** Kills one process after another while it stores versions in a loop. The next process starts in the meantime. */
const killAtRandom = async (
  order: SaveOptions,
  { isEnough, kills, reportProgress }: Plan
): Promise<Found & Pick<Crash, "acknowledged" | "kills">> => {
  let all = nothing
  let acknowledged = 0
  let kill = 0
  let next = 1
  let savingProcess = Saver.start(order, "loop")
  while (kill < kills && !isEnough(all)) {
    kill++
    await savingProcess.ready
    savingProcess.save(next)
    const following = kill < kills ? Saver.start(order, "loop") : savingProcess
    await savingProcess.first
    await sleep(randomInt(0, 40))
    process.kill(savingProcess.pid, "SIGKILL")
    const last = await savingProcess.ended
    acknowledged += Math.max(0, last - next + 1)
    const [one, after] = await inspectAfterKill(order.path, Math.max(last, next - 1))
    all = sum(all, one)
    next = after
    savingProcess = following
    if (kill % 100 === 0) await reportProgress(`${kill} of ${kills} kills`)
  }
  savingProcess.end()
  return { ...all, acknowledged, kills: kill }
}

/** System calls of the file thread during a write. */
const callsOf = async (order: SaveOptions): Promise<ReadonlyArray<Tracer.Call>> => {
  const savingProcess = Saver.start(order, "once")
  return Tracer.calls(await savingProcess.ready, `${order.path}.trace`, async () => {
    savingProcess.save(1)
    await savingProcess.first
    savingProcess.end()
    await savingProcess.ended
  })
}

interface Traced extends Found, Pick<Crash, "calls" | "traced" | "survived"> {}

/** Kills a write at each of its system calls, or at some of them in regular distances. */
const killAtCalls = async (order: SaveOptions, { isEnough, kills, reportProgress }: Plan): Promise<Traced> => {
  const calls = await callsOf(order)
  const stride = Math.max(1, Math.floor(calls.length / kills))
  const selected = calls.filter((_, index) => index % stride === 0)
  let all = nothing
  let survived = 0
  let [, next] = await inspectAfterKill(order.path, 1)
  for (const [index, call] of selected.entries()) {
    if (isEnough(all)) break
    const savingProcess = Saver.start(order, "once")
    await Tracer.killAt(await savingProcess.ready, call)
    savingProcess.save(next)
    await savingProcess.first
    const last = savingProcess.acknowledged()
    savingProcess.end()
    await savingProcess.ended
    if (last > 0) survived += 1
    const [one, after] = await inspectAfterKill(order.path, Math.max(last, next - 1))
    all = sum(all, one)
    next = after
    if (index % 20 === 19) await reportProgress(`${index + 1} of ${selected.length} system calls`)
  }
  return { ...all, calls: calls.length, traced: selected.length, survived }
}

const untraced: Traced = { ...nothing, calls: 0, traced: 0, survived: 0 }

const kill = async (
  writer: Writer,
  short: boolean,
  reportProgress: ReportProgress,
  isEnough: IsEnough
): Promise<Crash> => {
  const program = await programOf(writer)
  const folder = mkdtempSync(join(tmpdir(), "countersign-crash-"))
  const at = (name: string): string => mkdtempSync(join(folder, name))
  const order = (name: string): SaveOptions => ({ program, writer, path: join(at(name), "tokens.json") })
  const canTrace = Tracer.isAvailable()
  if (!canTrace && !short)
    throw new Error("cannot kill a write at its system calls: strace is missing. Install strace.")
  if (!canTrace)
    await reportProgress("skipped: cannot kill a write at its system calls: strace is missing. Install strace.")
  const plan = (kills: number): Plan => ({ kills, isEnough, reportProgress })
  try {
    const { acknowledged, kills, ...random } = await killAtRandom(order("random-"), plan(short ? 20 : 1000))
    const { calls, survived, traced, ...rest } =
      canTrace && !isEnough(random)
        ? await killAtCalls(order("traced-"), plan(short ? 24 : Number.POSITIVE_INFINITY))
        : untraced
    return { kills, acknowledged, calls, traced, survived, ...sum(random, rest) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Kills processes that store tokens with a writer, until `isEnough`. */
export const measure =
  (writer: Writer, isEnough: IsEnough = () => false) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Crash, Stress.CannotRun> =>
    Effect.tryPromise({
      try: () => kill(writer, short, (message) => Effect.runPromise(reportProgress(message)), isEnough),
      catch: Stress.cannotRun
    })

/** Assertions on the figures. The first verifies that kills hit writes. */
export const assertions: Stress.Assertions<Crash> = {
  "more than a tenth of the kills leave other files": ({ kills, left, traced }) => left * 10 > kills + traced,
  "every process is killed at its chosen system call": ({ survived }) => survived === 0,
  "the file is complete after each kill": ({ torn }) => torn === 0,
  "every acknowledged token is stored after each kill": ({ acknowledged, lost }) => acknowledged > 0 && lost === 0,
  "no other file contains a secret after the next start": ({ secrets }) => secrets === 0,
  "no other file is left after the next start": ({ strays }) => strays === 0
}

/** The case. */
export const crash: Stress.Stress = Stress.make("crash", measure("ours"), assertions)
