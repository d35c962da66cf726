/** Success rate and cost at a server that answers 10 % with 503 and resets 1 % of the connections. */
import type { Name } from "../cases/index.js"
import { round } from "../Numbers.js"
import type { Loader } from "../programs/load.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Results of one client with its default retry delays. */
export interface Row {
  readonly name: Name
  readonly calls: number
  /** Successful calls, in percent. */
  readonly goodPercent: number
  /** Successful calls per second. */
  readonly goodPerSecond: number
  readonly sendsPerCall: number
  readonly sockets: number
}

const measured: ReadonlyArray<Name> = [
  "undici.request",
  "fetch",
  "got",
  "ky",
  "axios",
  "ofetch",
  "platform.equivalent",
  "ours.default"
]

/** Runs the section: about a minute, mostly in retry delays. */
export const run = async ({ quick, say, server, staged, url }: Bench): Promise<ReadonlyArray<Row>> => {
  const calls = quick ? 500 : 5000
  const rows = new Array<Row>()
  for (const name of measured) {
    say(name)
    const loader = Remote.start<Loader>(staged, "load", [name, `${url}/trouble`])
    try {
      await server.call("reset")
      const { done, failed, seconds } = await loader.call("calls", { calls, inFlight: 50 })
      const { connections, requests } = await server.call("counts")
      if (done + failed !== calls) throw new Error(`${name}: ${done} + ${failed} calls, not ${calls}`)
      rows.push({
        name,
        calls,
        goodPercent: round((done / calls) * 100, 2),
        goodPerSecond: Math.round(done / seconds),
        sendsPerCall: round(requests / calls, 3),
        sockets: connections
      })
    } finally {
      await loader.stop()
    }
  }
  return rows
}
