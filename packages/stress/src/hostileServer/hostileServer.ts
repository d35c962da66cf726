/** A server that responds slowly, never, or with more data than fits into memory. */
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { round } from "@countersign/bench/Numbers"
import type { HostileServer } from "../programs/hostileServer.js"
import type { CallResult, ClientProcess } from "../programs/clientProcess.js"
import * as Remote from "@countersign/bench/Remote"
import { stage } from "@countersign/bench/Staging"
import { attacks } from "./attacks.js"
import * as Stress from "../Stress.js"
import type { ClientUnderTest } from "./clientsUnderTest.js"
import { bounds } from "./clientsUnderTest.js"

const mebibyte = 1024 * 1024

/** Figures. Times are in milliseconds. */
export interface HostileServerResult extends Stress.Measurements {
  readonly calls: number
  readonly attacks: number
  /** Calls with another result than expected: none, a defect, or another error. */
  readonly wrongResults: number
  /** Descriptions of some calls with a wrong result or a wrong end time. */
  readonly examples: string
  /** Calls that waited until the call timeout, and until the timeout of a request that was not retried. */
  readonly waitedForCall: number
  readonly waitedForExchange: number
  /** Largest difference between the end of a call and its deadline, after and before it. */
  readonly latest: number
  readonly earliest: number
  readonly inflatedMebibytes: number
  readonly smallestBomb: number
  readonly peakGrowthMebibytes: number
  readonly growthMebibytes: number
  /** Connections that the client kept after a hostile response, and the attacks. */
  readonly kept: number
  readonly keptOf: string
  /** Longest turn of the event loop while a client with a full cookie jar reads text of the server, and that text. */
  readonly longestTurnMillis: number
  readonly longestTurnOf: string
  /** Left after the client was closed: sockets of the server, resources that keep the process alive, and fibers. */
  readonly socketsLeft: number
  readonly resourcesLeft: number
  readonly fibersLeft: number
}

/**
 * The deadline of a call. A POST is not retried, so it ends with the timeout of its request. If the retry budget of the
 * origin is exhausted, a GET also ends with the timeout of its last request.
 */
const deadlineOf = ({ attack, scope, sent }: CallResult): number => {
  if (attacks[attack]?.method === "POST") return bounds.exchange
  return scope === "exchange" ? Math.min(sent + bounds.exchange, bounds.call) : bounds.call
}

const lateness = (ended: CallResult): number => ended.millis - deadlineOf(ended)

/** Tolerance around a deadline, in milliseconds. */
const slack = 100

const hasExpectedResult = ({ attack, ending }: CallResult): boolean => attacks[attack]?.ends.includes(ending) ?? false

const hasTimedOut = ({ ending }: CallResult): boolean => ending === "Timeout" || ending === "Endless"

const isInTime = (ended: CallResult): boolean =>
  lateness(ended) <= slack && (!hasTimedOut(ended) || lateness(ended) >= -slack)

/**
 * Whether a call shows the behaviour of the client. It does not if the machine ran other programs for so long that the call
 * ended late, or timed out before the response had arrived.
 */
const isConclusive = (ended: CallResult): boolean => {
  if (ended.ending === "Endless" || ended.waitedMillis <= slack || (hasExpectedResult(ended) && isInTime(ended)))
    return true
  const late = lateness(ended)
  return late > slack ? late > slack + ended.waitedMillis : !hasTimedOut(ended) || late < -slack
}

/** Default maximum of repetitions of inconclusive calls. The last result counts in any case. */
const maxRepeats = 10

/** Makes a call with each attack, at most `atATime` at the same time. */
export type Attack = (names: ReadonlyArray<string>, atATime: number) => Promise<ReadonlyArray<CallResult>>

/** Makes a call with each attack, and repeats inconclusive calls. */
export const conclusive = async (
  attack: Attack,
  names: ReadonlyArray<string>,
  atATime: number,
  atMost = maxRepeats
): Promise<ReadonlyArray<CallResult>> => {
  let all = await attack(names, atATime)
  for (let repeats = 0; repeats < atMost && !all.every(isConclusive); repeats++) {
    const again = all.filter((ended) => !isConclusive(ended)).map(({ attack }) => attack)
    all = [...all.filter(isConclusive), ...(await attack(again, Math.min(atATime, 2)))]
  }
  return all
}

const summarize = (all: ReadonlyArray<CallResult>) => {
  const examples = all
    .filter((ended) => !hasExpectedResult(ended) || !isInTime(ended))
    .map(({ attack, ending, millis, sent }) => {
      return `${attack}: ${ending} after ${Math.round(millis)} ms, last sent at ${Math.round(sent)}`
    })
  const waited = all.filter(hasTimedOut)
  const overExchange = waited.filter(({ scope }) => scope === "exchange").length
  return {
    calls: all.length,
    attacks: new Set(all.map(({ attack }) => attack)).size,
    wrongResults: all.filter((ended) => !hasExpectedResult(ended)).length,
    examples: [...new Set(examples)].slice(0, 10).join("; "),
    waitedForCall: waited.length - overExchange,
    waitedForExchange: overExchange,
    latest: round(Math.max(...all.map(lateness)), 1),
    earliest: round(Math.min(...waited.map(lateness)), 1)
  }
}

/** Polls a count until it is 0, or until the client has had enough time to close connections. */
const untilNone = async (count: () => Promise<number>): Promise<number> => {
  const last = performance.now() + 3500
  let left = await count()
  while (left > 0 && performance.now() < last) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    left = await count()
  }
  return left
}

/** Maximum duration of one turn of the event loop, in milliseconds. */
const maxTurnMs = 50

const reading = (rounds: number) => (rounds === 1 ? { rounds: 5, step: 5 } : { rounds: 10, step: 1 })

interface RunOptions {
  readonly server: Remote.Remote<HostileServer>
  readonly clientProcess: Remote.Remote<ClientProcess>
  readonly name: ClientUnderTest
  readonly rounds: number
  /** Attacks to make, and the maximum of repetitions of inconclusive calls. */
  readonly names: ReadonlyArray<string>
  readonly repeats: number
  /** Path of a Unix socket for the server. */
  readonly path: string
  readonly reportProgress: (message: string) => Promise<void>
}

const runAttacks = async ({
  name,
  names,
  path,
  repeats,
  rounds,
  reportProgress,
  server,
  clientProcess
}: RunOptions): Promise<HostileServerResult> => {
  const { inflated, port, sizes } = await server.call("listen")
  await clientProcess.call("open", { baseUrl: `http://127.0.0.1:${port}`, clientName: name })
  const bombs = names.filter((name) => /^(?:gzip|br)/.test(name))
  const others = names.filter((name) => !bombs.includes(name))
  let all: ReadonlyArray<CallResult> = []
  for (let number = 1; number <= rounds; number++) {
    await reportProgress(`round ${number} of ${rounds}, ${names.length} attacks`)
    const attack =
      (maxMs: number): Attack =>
      (names, atATime) =>
        clientProcess.call("attack", { names, atATime, maxMs })
    const otherResults = await conclusive(attack(4_000), others, 8, repeats)
    // The brotli window alone needs 16 MiB for each response that is being read, whatever the limit of the body is.
    // A client without limits needs its time for a whole body.
    const bombResults = await conclusive(attack(20_000), bombs, 2, repeats)
    all = [...all, ...otherResults, ...bombResults]
  }
  let keptAttacks: ReadonlyArray<string> = []
  const kept = await untilNone(async () => (keptAttacks = (await server.call("counts")).poisoned).length)
  const { fibers, growth, peakGrowth, resources } = await clientProcess.call("close")
  await reportProgress("reading texts that may be slow to parse")
  await server.call("listenAt", path)
  const longest = await clientProcess.call("turns", {
    path,
    clientName: name,
    reading: { ...reading(rounds), stopAbove: maxTurnMs }
  })
  const socketsLeft = await untilNone(async () => (await server.call("counts")).sockets)
  return {
    ...summarize(all),
    inflatedMebibytes: inflated / mebibyte,
    smallestBomb: Math.min(...Object.values(sizes)),
    peakGrowthMebibytes: round(peakGrowth / mebibyte, 1),
    growthMebibytes: round(growth / mebibyte, 1),
    kept,
    keptOf: [...new Set(keptAttacks)].join(", "),
    longestTurnMillis: round(longest.millis, 1),
    longestTurnOf: longest.of,
    socketsLeft,
    resourcesLeft: resources,
    fibersLeft: fibers
  }
}

/** By default, glibc keeps freed memory for later. These settings return it, so that only memory in use is measured. */
const returnFreedMemory = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "65536" }

const startProcesses = async (
  options: Pick<RunOptions, "name" | "names" | "repeats" | "reportProgress" | "rounds">
): Promise<HostileServerResult> => {
  const { name, reportProgress } = options
  await reportProgress("compiling the packages and the large bodies")
  const staged = await stage("stress", `hostile-${name}`)
  const server = Remote.start<HostileServer>(staged, "hostileServer")
  const clientProcess = Remote.start<ClientProcess>(staged, "clientProcess", [], ["--expose-gc"], returnFreedMemory)
  // The path of a Unix socket has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), "countersign-"))
  try {
    return await runAttacks({ ...options, server, clientProcess, path: join(folder, "socket") })
  } finally {
    await Promise.all([server.stop(), clientProcess.stop()])
    rmSync(folder, { recursive: true })
  }
}

/** Measures how a client copes with the attacks, by default with all. Inconclusive calls are repeated at most `repeats` times. */
export const measure =
  (name: ClientUnderTest, names: ReadonlyArray<string> = Object.keys(attacks), repeats = maxRepeats) =>
  (run: Stress.Run): Effect.Effect<HostileServerResult, Stress.CannotRun> => {
    const reportProgress = (message: string) => Effect.runPromise(run.reportProgress(message))
    return Effect.tryPromise({
      try: () => startProcesses({ name, names, repeats, rounds: run.short ? 1 : 25, reportProgress }),
      catch: Stress.cannotRun
    })
  }

/** Assertions on the figures. The first two verify that the attacks are effective. */
export const assertions: Stress.Assertions<HostileServerResult> = {
  "a compressed body under 1 KiB inflates to more than 64 MiB": ({ inflatedMebibytes, smallestBomb }) =>
    inflatedMebibytes > 64 && smallestBomb < 1024,
  "some calls end by timeout.call and some by timeout.exchange": ({ waitedForCall, waitedForExchange }) =>
    waitedForCall > 0 && waitedForExchange > 0,
  "every call ends with the expected result": ({ wrongResults: misjudged }) => misjudged === 0,
  "no call ends more than 100 ms after its deadline": ({ latest }) => latest <= slack,
  "no call times out more than 100 ms before its deadline": ({ earliest }) => earliest >= -slack,
  "memory grows by less than 64 MiB": ({ growthMebibytes }) => growthMebibytes < 64,
  "peak memory, garbage included, grows by less than one inflated body": ({ inflatedMebibytes, peakGrowthMebibytes }) =>
    peakGrowthMebibytes < inflatedMebibytes,
  "no connection is kept after a hostile response": ({ kept }) => kept === 0,
  "no text of a server blocks the event loop for more than 50 ms": ({ longestTurnMillis }) =>
    longestTurnMillis <= maxTurnMs,
  "a closed client leaves no socket": ({ socketsLeft }) => socketsLeft === 0,
  "a closed client leaves no timer or other resource that keeps the process alive": ({ resourcesLeft }) =>
    resourcesLeft === 0,
  "a closed client leaves no fiber": ({ fibersLeft }) => fibersLeft === 0
}

/** The case. */
export const hostile: Stress.Stress = Stress.make("hostile", measure("ours"), assertions)
