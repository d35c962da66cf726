/** A server that keeps its clients waiting, or gives them more than they can hold. */
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { round } from "@countersign/bench/Numbers"
import type { Hostile } from "../programs/hostileServer.js"
import type { Ended, ClientProcess } from "../programs/clientProcess.js"
import * as Remote from "@countersign/bench/Remote"
import { stage } from "@countersign/bench/Staging"
import { attacks } from "./attacks.js"
import * as Stress from "../Stress.js"
import type { ClientUnderTest } from "./clientsUnderTest.js"
import { bounds } from "./clientsUnderTest.js"

const mebibyte = 1024 * 1024

/** The figures; times in milliseconds. */
export interface HostileServerResult extends Stress.Measurements {
  readonly calls: number
  readonly attacks: number
  /** Calls that did not end as they should: without an end, with a defect, with an error that says something else. */
  readonly misjudged: number
  /** Some of those, and of those that ended at another time than they should, in words. */
  readonly examples: string
  /** Calls that took until the deadline of the call, or of an exchange that was not to be sent again. */
  readonly waitedForCall: number
  readonly waitedForExchange: number
  /** How long after its deadline, or before it, the worst of all calls ended. */
  readonly latest: number
  readonly earliest: number
  readonly inflatedMebibytes: number
  readonly smallestBomb: number
  readonly peakGrowthMebibytes: number
  readonly growthMebibytes: number
  /** Connections of hostile answers that the client kept, and of which. */
  readonly kept: number
  readonly keptOf: string
  /** The longest turn of the event loop while a client whose jar is full reads text that the server chose, and which. */
  readonly longestTurnMillis: number
  readonly longestTurnOf: string
  /** What was left when the client was closed: sockets that the server sees, what keeps the process alive, fibers. */
  readonly socketsLeft: number
  readonly resourcesLeft: number
  readonly fibersLeft: number
}

/**
 * A POST is not sent again, so its exchange is its call. So is a GET's, from its last send on, when the origin's budget for
 * retries has run dry, as it does where nothing ends well: the call fails with that exchange.
 */
const deadlineOf = ({ attack, scope, sent }: Ended): number => {
  if (attacks[attack]?.method === "POST") return bounds.exchange
  return scope === "exchange" ? Math.min(sent + bounds.exchange, bounds.call) : bounds.call
}

const lateness = (ended: Ended): number => ended.millis - deadlineOf(ended)

/** How far off a deadline may be, in milliseconds. */
const slack = 100

const isRight = ({ attack, ending }: Ended): boolean => attacks[attack]?.ends.includes(ending) ?? false

const waits = ({ ending }: Ended): boolean => ending === "Timeout" || ending === "Endless"

const isInTime = (ended: Ended): boolean => lateness(ended) <= slack && (!waits(ended) || lateness(ended) >= -slack)

/**
 * Whether a call shows how the client behaves. It may show nothing if the machine ran other programs for so long that the
 * call ended late, or that its time was over before all of the response had come.
 */
const isConclusive = (ended: Ended): boolean => {
  if (ended.ending === "Endless" || ended.held <= slack || (isRight(ended) && isInTime(ended))) return true
  const late = lateness(ended)
  return late > slack ? late > slack + ended.held : !waits(ended) || late < -slack
}

/** How often the calls that show nothing are made again. The last ones count as they are. */
const mostRepeats = 10

/** Makes a call with each attack, at most so many at a time. */
export type Attack = (names: ReadonlyArray<string>, atATime: number) => Promise<ReadonlyArray<Ended>>

/** Makes a call with each attack, and again where a call shows nothing. */
export const conclusive = async (
  attack: Attack,
  names: ReadonlyArray<string>,
  atATime: number
): Promise<ReadonlyArray<Ended>> => {
  let all = await attack(names, atATime)
  for (let repeats = 0; repeats < mostRepeats && !all.every(isConclusive); repeats++) {
    const again = all.filter((ended) => !isConclusive(ended)).map(({ attack }) => attack)
    all = [...all.filter(isConclusive), ...(await attack(again, Math.min(atATime, 2)))]
  }
  return all
}

const judge = (all: ReadonlyArray<Ended>) => {
  const examples = all
    .filter((ended) => !isRight(ended) || !isInTime(ended))
    .map(({ attack, ending, millis, sent }) => {
      return `${attack}: ${ending} after ${Math.round(millis)} ms, last sent at ${Math.round(sent)}`
    })
  const waited = all.filter(waits)
  const overExchange = waited.filter(({ scope }) => scope === "exchange").length
  return {
    calls: all.length,
    attacks: new Set(all.map(({ attack }) => attack)).size,
    misjudged: all.filter((ended) => !isRight(ended)).length,
    examples: [...new Set(examples)].slice(0, 10).join("; "),
    waitedForCall: waited.length - overExchange,
    waitedForExchange: overExchange,
    latest: round(Math.max(...all.map(lateness)), 1),
    earliest: round(Math.min(...waited.map(lateness)), 1)
  }
}

/** Asks again until there is none, for as long as a client may take to let go of what it has given up. */
const untilNone = async (count: () => Promise<number>): Promise<number> => {
  const last = performance.now() + 3500
  let left = await count()
  while (left > 0 && performance.now() < last) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    left = await count()
  }
  return left
}

/** The longest that one turn of the event loop may take, in milliseconds. */
const turn = 50

const reading = (rounds: number) => (rounds === 1 ? { rounds: 5, step: 5 } : { rounds: 10, step: 1 })

interface Siege {
  readonly server: Remote.Remote<Hostile>
  readonly victim: Remote.Remote<ClientProcess>
  readonly name: ClientUnderTest
  readonly rounds: number
  /** Where the server listens in the file system. */
  readonly path: string
  readonly say: (what: string) => Promise<void>
}

const siege = async ({ name, path, rounds, say, server, victim }: Siege): Promise<HostileServerResult> => {
  const { inflated, port, sizes } = await server.call("listen")
  await victim.call("open", { baseUrl: `http://127.0.0.1:${port}`, victim: name })
  const names = Object.keys(attacks)
  const bombs = names.filter((name) => /^(?:gzip|br)/.test(name))
  const others = names.filter((name) => !bombs.includes(name))
  let all: ReadonlyArray<Ended> = []
  for (let number = 1; number <= rounds; number++) {
    await say(`round ${number} of ${rounds}, ${names.length} attacks`)
    const attack =
      (patience: number): Attack =>
      (names, atATime) =>
        victim.call("attack", { names, atATime, patience })
    const waits = await conclusive(attack(4_000), others, 8)
    // The window of brotli alone is 16 MiB for each answer that is being read, whatever bound the body has.
    // A client without bounds needs its time for all of a bomb.
    const blasts = await conclusive(attack(20_000), bombs, 2)
    all = [...all, ...waits, ...blasts]
  }
  let poisoned: ReadonlyArray<string> = []
  const kept = await untilNone(async () => (poisoned = (await server.call("counts")).poisoned).length)
  const { fibers, growth, peakGrowth, resources } = await victim.call("close")
  await say("texts that are slow to read")
  await server.call("listenAt", path)
  const longest = await victim.call("turns", { path, victim: name, reading: { ...reading(rounds), enough: turn } })
  const socketsLeft = await untilNone(async () => (await server.call("counts")).sockets)
  return {
    ...judge(all),
    inflatedMebibytes: inflated / mebibyte,
    smallestBomb: Math.min(...Object.values(sizes)),
    peakGrowthMebibytes: round(peakGrowth / mebibyte, 1),
    growthMebibytes: round(growth / mebibyte, 1),
    kept,
    keptOf: [...new Set(poisoned)].join(", "),
    longestTurnMillis: round(longest.millis, 1),
    longestTurnOf: longest.of,
    socketsLeft,
    resourcesLeft: resources,
    fibersLeft: fibers
  }
}

/** glibc keeps what was freed for whoever asks next; what is to be found out is what the client has not freed. */
const frugal = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "65536" }

const besiege = async (name: ClientUnderTest, rounds: number, say: Siege["say"]): Promise<HostileServerResult> => {
  await say("the packages are compiled, the bombs made")
  const staged = await stage("stress", `hostile-${name}`)
  const server = Remote.start<Hostile>(staged, "hostileServer")
  const victim = Remote.start<ClientProcess>(staged, "clientProcess", [], ["--expose-gc"], frugal)
  // The path of a socket has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), "countersign-"))
  try {
    return await siege({ server, victim, name, rounds, say, path: join(folder, "socket") })
  } finally {
    await Promise.all([server.stop(), victim.stop()])
    rmSync(folder, { recursive: true })
  }
}

/** Attacks a client. */
export const measure =
  (victim: ClientUnderTest) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<HostileServerResult, Stress.CannotRun> =>
    Effect.tryPromise({
      try: () => besiege(victim, short ? 1 : 25, (what) => Effect.runPromise(reportProgress(what))),
      catch: Stress.cannotRun
    })

/** What is promised of it. The first two say that there was something to be afraid of. */
export const promises: Stress.Assertions<HostileServerResult> = {
  "bombs of a kilobyte become more than memory may grow": ({ inflatedMebibytes, smallestBomb }) =>
    inflatedMebibytes > 64 && smallestBomb < 1024,
  "the deadlines of calls strike, and those of exchanges": ({ waitedForCall, waitedForExchange }) =>
    waitedForCall > 0 && waitedForExchange > 0,
  "each call ends with the error that is right": ({ misjudged }) => misjudged === 0,
  "no call ends more than 100 ms after its deadline": ({ latest }) => latest <= slack,
  "no timeout strikes more than 100 ms before its deadline": ({ earliest }) => earliest >= -slack,
  "memory grows by less than 64 MiB": ({ growthMebibytes }) => growthMebibytes < 64,
  "at its peak, with garbage and all, it grows by less than one bomb becomes": ({
    inflatedMebibytes,
    peakGrowthMebibytes
  }) => peakGrowthMebibytes < inflatedMebibytes,
  "no connection of a hostile answer is kept": ({ kept }) => kept === 0,
  "no text of a server holds the event loop up for more than 50 ms": ({ longestTurnMillis }) =>
    longestTurnMillis <= turn,
  "a client that is closed leaves no socket": ({ socketsLeft }) => socketsLeft === 0,
  "a client that is closed leaves no timer, nor anything else that keeps a process alive": ({ resourcesLeft }) =>
    resourcesLeft === 0,
  "a client that is closed leaves no fiber": ({ fibersLeft }) => fibersLeft === 0
}

/** The case. */
export const hostile: Stress.Stress = Stress.make("hostile", measure("ours"), promises)
