/** Token stampede: many fibers, one refresh. */
import type { TokenStampede, TokenStampedeProgram } from "../programs/tokenStampede.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Results of one stampede. */
export interface Row extends TokenStampede {
  readonly name: string
}

const stampedes = [
  ["TokenSource: the first token", "first"],
  ["ApiClient: a rejected token", "refused"]
] as const

/** Runs the section: a few seconds. */
export const run = async ({ quick, say, staged }: Bench): Promise<ReadonlyArray<Row>> => {
  const rows = new Array<Row>()
  for (const [name, method] of stampedes) {
    say(name)
    const remote = Remote.start<TokenStampedeProgram>(staged, "tokenStampede", [], ["--expose-gc"])
    try {
      rows.push({ name, ...(await remote.call(method, quick ? 10_000 : 100_000)) })
    } finally {
      await remote.stop()
    }
  }
  return rows
}
