/** Memory of open streams that are idle. */
import { median } from "../Numbers.js"
import type { IdleStreams, Name } from "../programs/idleStreams.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Results of one client. */
export interface Row {
  readonly name: Name
  readonly streams: number
  /** Growth of heap and buffers, after garbage collections. */
  readonly bytesPerStream: number
}

const names: ReadonlyArray<Name> = [
  "undici.request",
  "Stream alone",
  "OpenResponse.forEach",
  "OpenResponse.stream",
  "ServerEvents"
]

/** Runs the section: about ten seconds. */
export const run = async ({ quick, say, staged, url }: Bench): Promise<ReadonlyArray<Row>> => {
  const streams = quick ? 200 : 1000
  const rows = new Array<Row>()
  for (const name of names) {
    say(`${streams} streams, ${name}`)
    const remote = Remote.start<IdleStreams>(staged, "idleStreams", [name, url], ["--expose-gc"])
    try {
      // The first streams compile code, which stays in memory.
      await remote.call("grown", streams)
      const grown = [await remote.call("grown", streams), await remote.call("grown", streams)]
      rows.push({ name, streams, bytesPerStream: Math.round(median(grown)) })
    } finally {
      await remote.stop()
    }
  }
  return rows
}
