/** Throughput and peak memory of streamed bodies from 1 KiB to 64 MiB, in both directions. */
import { round } from "../Numbers.js"
import type { Bodies } from "../programs/bodies.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Results for one size, direction and client. */
export interface Row {
  readonly name: "undici.request" | "ours"
  readonly direction: "download" | "upload"
  readonly size: number
  readonly mebibytesPerSecond: number
  /** Peak memory of the process. It must not rise with the size. */
  readonly peakMebibytes: number
}

const mebi = 1024 * 1024
const names = ["undici.request", "ours"] as const
const directions = ["download", "upload"] as const

/** Runs the section: about a minute. */
export const run = async ({ quick, say, staged, url }: Bench): Promise<ReadonlyArray<Row>> => {
  const sizes = quick ? [1024, mebi, 64 * mebi] : [1024, 64 * 1024, mebi, 16 * mebi, 64 * mebi]
  const total = quick ? 64 * mebi : 512 * mebi
  const rows = new Array<Row>()
  for (const direction of directions) {
    for (const size of sizes) {
      const times = Math.min(quick ? 500 : 5000, Math.max(1, Math.floor(total / size)))
      for (const name of names) {
        say(`${direction} of ${size} bytes, ${name}`)
        const remote = Remote.start<Bodies>(staged, "bodies", [name, url])
        try {
          const { peakBytes, seconds } = await remote.call("measure", { direction, size, times })
          const mebibytesPerSecond = round((size * times) / mebi / seconds, 1)
          rows.push({ name, direction, size, mebibytesPerSecond, peakMebibytes: round(peakBytes / mebi, 1) })
        } finally {
          await remote.stop()
        }
      }
    }
  }
  return rows
}
