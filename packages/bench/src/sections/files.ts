/** Rate and memory of downloads to a file and uploads of a file. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { median, round } from "../Numbers.js"
import type { Files, Measurement } from "../programs/files.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

const names = ["undici", "ours"] as const

/** Results for one size, direction and client. */
export interface Row {
  readonly name: (typeof names)[number]
  readonly direction: Measurement["direction"]
  readonly size: number
  readonly mebibytesPerSecond: number
  /** The rate as a share of undici's in the same round: the median. */
  readonly ratio: number
  /** How much the memory of the process grew. It must not rise with the size. */
  readonly grownMebibytes: number
}

const mebi = 1024 * 1024
const directions = ["download", "upload"] as const

type Sample = Readonly<Record<Row["name"], { readonly seconds: number; readonly grownBytes: number }>>

/** Both clients in turn, each in a process of its own. */
const compare = async ({ staged, url }: Bench, folder: string, measurement: Measurement): Promise<Sample> => {
  const measure = async (name: Row["name"]) => {
    const remote = Remote.start<Files>(staged, "files", [name, url, folder])
    try {
      // Compiled code is measured.
      await remote.call("measure", { ...measurement, size: 32 * mebi })
      return await remote.call("measure", measurement)
    } finally {
      await remote.stop()
    }
  }
  return { undici: await measure("undici"), ours: await measure("ours") }
}

const rowsOf = ({ direction, size }: Measurement, samples: ReadonlyArray<Sample>): ReadonlyArray<Row> =>
  names.map((name) => ({
    name,
    direction,
    size,
    mebibytesPerSecond: round(size / mebi / median(samples.map((sample) => sample[name].seconds)), 1),
    ratio: round(median(samples.map(({ [name]: own, undici }) => undici.seconds / own.seconds)), 2),
    grownMebibytes: round(Math.max(...samples.map((sample) => sample[name].grownBytes)) / mebi, 1)
  }))

/** Runs the section: a minute, or ten seconds with `quick`. */
export const run = async (bench: Bench): Promise<ReadonlyArray<Row>> => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-bench-"))
  const rows = new Array<Row>()
  try {
    for (const direction of directions) {
      for (const size of bench.quick ? [64 * mebi] : [64 * mebi, 1024 * mebi]) {
        const samples = new Array<Sample>()
        for (let at = 0; at < (bench.quick ? 1 : 5); at++) {
          bench.say(`${direction} of ${size / mebi} MiB, round ${at + 1}`)
          samples.push(await compare(bench, folder, { direction, size }))
        }
        rows.push(...rowsOf({ direction, size }, samples))
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return rows
}
