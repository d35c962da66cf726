/** Throughput, latency and memory with 1 to 10 000 calls in flight. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Name } from "../cases/index.js"
import { median, round } from "../Numbers.js"
import type { Loader } from "../programs/load.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Results of one case with a number of calls in flight. */
export interface Row {
  readonly name: Name
  readonly inFlight: number
  readonly requestsPerSecond: number
  readonly p50Millis: number
  readonly p99Millis: number
  /** Growth of heap and buffers per waiting call. Null for few calls, because noise hides it. */
  readonly bytesInFlight: number | null
}

/** Maximum number of connections. Other calls wait for one of them. */
export const connections = 100

const measured: ReadonlyArray<Name> = ["undici.request", "ours.default", "ours.full"]

/** Waits until the server has as many requests as connections allow, and the other calls are queued. */
const allHeld = async ({ server }: Bench, inFlight: number): Promise<void> => {
  const expected = Math.min(inFlight, connections)
  while ((await server.call("held")) < expected) await sleep(20)
  await sleep(200)
}

const letGo = async ({ server }: Bench, loader: Remote.Remote<Loader>): Promise<void> => {
  let over = false
  const released = loader.call("released").finally(() => (over = true))
  while (!over) {
    await server.call("release")
    await Promise.race([released, sleep(1)])
  }
  await released
}

const bytesInFlight = async (bench: Bench, name: Name, inFlight: number): Promise<number> => {
  const args = [name, `${bench.url}/held`, String(connections)]
  const loader = Remote.start<Loader>(bench.staged, "load", args, ["--expose-gc"])
  const grown = async (): Promise<number> => {
    await loader.call("hold", inFlight)
    await allHeld(bench, inFlight)
    const bytes = await loader.call("grown")
    await letGo(bench, loader)
    return bytes
  }
  try {
    // The first run opens connections and compiles code, which stay in memory.
    await grown()
    return Math.round(median([await grown(), await grown(), await grown()]) / inFlight)
  } finally {
    await loader.stop()
  }
}

/** Runs the section: about two minutes. */
export const run = async (bench: Bench): Promise<ReadonlyArray<Row>> => {
  const { quick, say, staged, url } = bench
  const levels = quick ? [1, 100, 10_000] : [1, 10, 100, 1000, 10_000]
  const rows = new Array<Row>()
  for (const name of measured) {
    const loader = Remote.start<Loader>(staged, "load", [name, `${url}/json`, String(connections)])
    try {
      await loader.call("turn", { inFlight: 100, leadIn: 500, window: quick ? 500 : 2000 })
      for (const inFlight of levels) {
        say(`${name}, ${inFlight} in flight`)
        const turn = { inFlight, leadIn: quick ? 300 : 1000, window: quick ? 1000 : 4000 }
        const { p50Millis, p99Millis, requestsPerSecond } = await loader.call("turn", turn)
        rows.push({
          name,
          inFlight,
          requestsPerSecond: Math.round(requestsPerSecond),
          p50Millis: round(p50Millis, 2),
          p99Millis: round(p99Millis, 2),
          bytesInFlight: inFlight < 100 ? null : await bytesInFlight(bench, name, inFlight)
        })
      }
    } finally {
      await loader.stop()
    }
  }
  return rows
}
