/** Rate of the pages of a list: `Paginate`, and the same calls without it. */
import type { Pages } from "../programs/pages.js"
import * as Remote from "../Remote.js"
import type { Comparison } from "../Turns.js"
import { compare } from "../Turns.js"
import type { Bench } from "./Bench.js"

/** Results per page. The control are calls of `api.get`. */
export type Row = Comparison

/** Runs the section: half a minute, or a few seconds with `quick`. */
export const run = async ({ quick, say, staged, url }: Bench): Promise<Row> => {
  const extent = quick ? { count: 200, rounds: 3 } : { count: 1000, rounds: 25 }
  const start = (reader: string) => Remote.start<Pages>(staged, "pages", [reader, url])
  const [paginate, plain] = [start("Paginate"), start("plain")]
  try {
    say(`${extent.count} pages`)
    return await compare(
      (count) => paginate.call("measure", count),
      (count) => plain.call("measure", count),
      extent
    )
  } finally {
    await Promise.all([paginate.stop(), plain.stop()])
  }
}
