/** One case in a separate process: `load CASE URL [CONNECTIONS]`. It is idle between method calls. */
import { createHistogram } from "node:perf_hooks"
import { setTimeout as sleep } from "node:timers/promises"
import { type Client, CallCounter } from "../Case.js"
import { load, names, type Name } from "../cases/index.js"
import { used } from "../Heap.js"
import { answer } from "../Remote.js"

const [, , given, url = "", connections] = process.argv

const nameOf = (text: string | undefined): Name => {
  const name = names.find((one) => one === text)
  if (name === undefined) throw new Error(`There is no case ${text}: ${names.join(", ")}`)
  return name
}

const open = async (): Promise<Client> => {
  const make = await load[nameOf(given)]()
  return make({ url, connections: connections === undefined ? undefined : Number(connections) })
}

let client: Promise<Client> | undefined
const opened = (): Promise<Client> => (client ??= open())
// Loading takes time. The first method call fails if loading failed.
opened().catch(() => undefined)

/** Durations in milliseconds: warm-up (opens connections, compiles code), and measurement. */
export interface Turn {
  readonly inFlight: number
  readonly leadIn: number
  readonly window: number
}

/** Results: calls that ended within the measurement, processor time for each, and latencies. */
export interface Counted {
  readonly requestsPerSecond: number
  readonly cpuMicros: number
  readonly p50Millis: number
  readonly p99Millis: number
}

const turn = async ({ inFlight, leadIn, window }: Turn): Promise<Counted> => {
  const { load: run } = await opened()
  const gauge = new CallCounter()
  const working = run(gauge, inFlight)
  await Promise.race([working, sleep(leadIn)])
  const latency = createHistogram()
  gauge.latency = latency
  const [cpu, begun, before] = [process.cpuUsage(), performance.now(), gauge.done]
  await Promise.race([working, sleep(window)])
  const { system, user } = process.cpuUsage(cpu)
  const [elapsed, done] = [performance.now() - begun, gauge.done - before]
  gauge.latency = undefined
  gauge.running = false
  await working
  if (done === 0) throw new Error("no call ended within the measurement")
  return {
    requestsPerSecond: (done / elapsed) * 1000,
    cpuMicros: (user + system) / done,
    p50Millis: latency.percentile(50) / 1000,
    p99Millis: latency.percentile(99) / 1000
  }
}

/** Makes a fixed number of calls. Some may fail. */
export interface Calls {
  readonly inFlight: number
  readonly calls: number
}

const calls = async ({ calls: left, inFlight }: Calls) => {
  const { tolerant } = await opened()
  const gauge = new CallCounter()
  gauge.left = left
  const begun = performance.now()
  await tolerant(gauge, inFlight)
  return { done: gauge.done, failed: gauge.failed, seconds: (performance.now() - begun) / 1000 }
}

let idle = 0
let pending: Promise<unknown> | undefined

/** Starts calls that the server does not answer until it releases them. */
const hold = async (inFlight: number): Promise<void> => {
  const { burst } = await opened()
  idle = used()
  pending = burst(inFlight)
  pending.catch(() => undefined)
}

/** The growth of memory since {@link hold}. */
const grown = (): number => used() - idle

const released = async (): Promise<void> => {
  await pending
}

const methods = { turn, calls, hold, grown, released }

/** The methods of the process. */
export type Loader = typeof methods

answer(methods)
