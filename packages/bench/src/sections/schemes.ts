/** Cost of each authentication scheme, once it has its challenge or its key. */
import type { Cost, Schemes } from "../programs/schemes.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Processor time of one scheme in microseconds per request, over a transport in memory. */
export type Row = Cost

/** Runs the section: about a minute. */
export const run = async ({ quick, say, staged }: Bench): Promise<ReadonlyArray<Row>> => {
  say("each authentication scheme over a transport in memory")
  const remote = Remote.start<Schemes>(staged, "schemes")
  try {
    return await remote.call("measure", quick ? { calls: 500, rounds: 3 } : { calls: 5000, rounds: 9 })
  } finally {
    await remote.stop()
  }
}
