/** Rate of server-sent events: `ServerEvents`, and its parser with the body of `undici.request`. */
import type { Form } from "../EventStreams.js"
import type { Events } from "../programs/events.js"
import * as Remote from "../Remote.js"
import type { Comparison } from "../Turns.js"
import { compare } from "../Turns.js"
import type { Bench } from "./Bench.js"

/** Results for one form of stream, per event. The control is the parser. */
export interface Row extends Comparison {
  readonly form: Form
}

const forms: ReadonlyArray<Form> = ["blocks", "single"]

/** Runs the section: half a minute, or a few seconds with `quick`. */
export const run = async ({ quick, say, staged, url }: Bench): Promise<ReadonlyArray<Row>> => {
  const extent = quick ? { count: 20_000, rounds: 3 } : { count: 100_000, rounds: 15 }
  const start = (client: string) => Remote.start<Events>(staged, "events", [client, url])
  const [ours, parser] = [start("ours"), start("parser")]
  const rows = new Array<Row>()
  try {
    for (const form of forms) {
      say(`${extent.count} events, ${form}`)
      const comparison = await compare(
        (count) => ours.call("measure", { form, count }),
        (count) => parser.call("measure", { form, count }),
        extent
      )
      rows.push({ form, ...comparison })
    }
  } finally {
    await Promise.all([ours.stop(), parser.stop()])
  }
  return rows
}
