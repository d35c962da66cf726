/** Cost of each policy without failures. */
import type { Cost, Policies } from "../programs/policies.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Processor time of one policy in microseconds per call, over a transport in memory. */
export type Row = Cost

/** Runs the section: about a minute. */
export const run = async ({ quick, say, staged }: Bench): Promise<ReadonlyArray<Row>> => {
  say("each policy over a transport in memory")
  const remote = Remote.start<Policies>(staged, "policies")
  try {
    return await remote.call("measure", quick ? { calls: 2000, rounds: 3 } : { calls: 20_000, rounds: 15 })
  } finally {
    await remote.stop()
  }
}
