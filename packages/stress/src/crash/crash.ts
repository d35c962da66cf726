/** Processes that are killed while they save: the file is the old one or the new one, and nothing of them is left. */
import * as Effect from "effect/Effect"
import { randomInt } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundle } from "@countersign/bench/Staging"
import type { Aftermath } from "./crashInspection.js"
import * as Aftermaths from "./crashInspection.js"
import type { Order } from "./savingProcess.js"
import * as Saver from "./savingProcess.js"
import * as Tracer from "./tracer.js"
import type { Writer } from "./storeVariants.js"
import * as Stress from "../Stress.js"

/** The figures. */
export interface Crash extends Stress.Measurements {
  /** Kills at random moments, and how many saves were told to be durable before them. */
  readonly kills: number
  readonly acknowledged: number
  /** System calls of a save, and kills at them; both are 0 where there is no tracer. */
  readonly calls: number
  readonly traced: number
  /** Saves that came to their end although they were to be killed at a call. */
  readonly survived: number
  /** Kills that left something beside the file: those were in the middle of a save. */
  readonly left: number
  /** Times that the file could not be read, or was no whole version. */
  readonly torn: number
  /** Times that the file held less than what had been told to be durable. */
  readonly lost: number
  /** Files that were left after the next start, and those of them that hold a secret. */
  readonly strays: number
  readonly secrets: number
}

type Found = Pick<Crash, "left" | "torn" | "lost" | "strays" | "secrets">

const nothing: Found = { left: 0, torn: 0, lost: 0, strays: 0, secrets: 0 }

const found = (aftermath: Aftermath, acknowledged: number): Found => ({
  left: aftermath.left > 0 ? 1 : 0,
  torn: aftermath.isTorn ? 1 : 0,
  lost: !aftermath.isTorn && aftermath.version < acknowledged ? 1 : 0,
  strays: aftermath.strays,
  secrets: aftermath.secrets
})

const sum = (one: Found, other: Found): Found => ({
  left: one.left + other.left,
  torn: one.torn + other.torn,
  lost: one.lost + other.lost,
  strays: one.strays + other.strays,
  secrets: one.secrets + other.secrets
})

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Looks at what is left; what cannot be gone on with is removed. Gives the version that the next one begins with, too. */
const judge = async (path: string, acknowledged: number): Promise<readonly [found: Found, next: number]> => {
  const aftermath = await Effect.runPromise(Aftermaths.of(path))
  if (aftermath.isTorn) Aftermaths.clear(path)
  return [found(aftermath, acknowledged), aftermath.version + 1]
}

const programOf = async (writer: Writer): Promise<string> =>
  join(await bundle("stress", `crash-${writer}`, "savingProcess"), "src/programs/savingProcess.js")

type Say = (what: string) => Promise<void>

/** Whether what was found ends the run: a writer that is known to be wrong is killed no further. */
type IsEnough = (found: Found) => boolean

interface Plan {
  readonly kills: number
  readonly isEnough: IsEnough
  readonly say: Say
}

/** Kills one process after the other while it saves over and over; the next comes up in the meantime. */
const killAtRandom = async (
  order: Order,
  { isEnough, kills, say }: Plan
): Promise<Found & Pick<Crash, "acknowledged" | "kills">> => {
  let all = nothing
  let acknowledged = 0
  let kill = 0
  let next = 1
  let saver = Saver.start(order, "loop")
  while (kill < kills && !isEnough(all)) {
    kill++
    await saver.ready
    saver.save(next)
    const following = kill < kills ? Saver.start(order, "loop") : saver
    await saver.first
    await sleep(randomInt(0, 40))
    process.kill(saver.pid, "SIGKILL")
    const last = await saver.ended
    acknowledged += Math.max(0, last - next + 1)
    const [one, after] = await judge(order.path, Math.max(last, next - 1))
    all = sum(all, one)
    next = after
    saver = following
    if (kill % 100 === 0) await say(`${kill} of ${kills} kills`)
  }
  saver.end()
  return { ...all, acknowledged, kills: kill }
}

/** The calls of the thread that files are written in, from before a save until after it. */
const callsOf = async (order: Order): Promise<ReadonlyArray<Tracer.Call>> => {
  const saver = Saver.start(order, "once")
  return Tracer.calls(await saver.ready, `${order.path}.trace`, async () => {
    saver.save(1)
    await saver.first
    saver.end()
    await saver.ended
  })
}

interface Traced extends Found, Pick<Crash, "calls" | "traced" | "survived"> {}

/** Kills a save at each of its system calls, or at some that are spread over all. */
const killAtCalls = async (order: Order, { isEnough, kills, say }: Plan): Promise<Traced> => {
  const calls = await callsOf(order)
  const stride = Math.max(1, Math.floor(calls.length / kills))
  const chosen = calls.filter((_, index) => index % stride === 0)
  let all = nothing
  let survived = 0
  let [, next] = await judge(order.path, 1)
  for (const [index, call] of chosen.entries()) {
    if (isEnough(all)) break
    const saver = Saver.start(order, "once")
    await Tracer.killAt(await saver.ready, call)
    saver.save(next)
    await saver.first
    const last = saver.acknowledged()
    saver.end()
    await saver.ended
    if (last > 0) survived += 1
    const [one, after] = await judge(order.path, Math.max(last, next - 1))
    all = sum(all, one)
    next = after
    if (index % 20 === 19) await say(`${index + 1} of ${chosen.length} system calls`)
  }
  return { ...all, calls: calls.length, traced: chosen.length, survived }
}

const untraced: Traced = { ...nothing, calls: 0, traced: 0, survived: 0 }

const kill = async (writer: Writer, short: boolean, say: Say, isEnough: IsEnough): Promise<Crash> => {
  const program = await programOf(writer)
  const folder = mkdtempSync(join(tmpdir(), "countersign-crash-"))
  const at = (name: string): string => mkdtempSync(join(folder, name))
  const order = (name: string): Order => ({ program, writer, path: join(at(name), "tokens.json") })
  const canTrace = Tracer.isThere()
  if (!canTrace && !short) throw new Error("strace is needed, to kill a save at its system calls: install strace")
  if (!canTrace) await say("skipped: strace is needed, to kill a save at its system calls: install strace")
  const plan = (kills: number): Plan => ({ kills, isEnough, say })
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

/** Kills processes that save in a certain way, until enough was found. */
export const measure =
  (writer: Writer, isEnough: IsEnough = () => false) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Crash, Stress.CannotRun> =>
    Effect.tryPromise({
      try: () => kill(writer, short, (what) => Effect.runPromise(reportProgress(what)), isEnough),
      catch: Stress.cannotRun
    })

/** What is promised of them. The first says that there was something to be torn. */
export const promises: Stress.Assertions<Crash> = {
  "many a kill leaves something behind": ({ kills, left, traced }) => left * 10 > kills + traced,
  "who is to be killed at a system call is killed": ({ survived }) => survived === 0,
  "the file is whole after each kill": ({ torn }) => torn === 0,
  "what was told to be durable is there after each kill": ({ acknowledged, lost }) => acknowledged > 0 && lost === 0,
  "no secret is left beside the file after the next start": ({ secrets }) => secrets === 0,
  "nothing else is left beside it either": ({ strays }) => strays === 0
}

/** The case. */
export const crash: Stress.Stress = Stress.make("crash", measure("ours"), promises)
