/** Throughput and peak memory of streamed bodies from 1 KiB to 64 MiB, in both directions. */
import { median, round } from "../Numbers.js"
import type { Bodies, Name, Work } from "../programs/bodies.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Results for one size, direction and client. */
export interface Row {
  readonly name: Name
  readonly direction: "download" | "upload"
  readonly size: number
  readonly mebibytesPerSecond: number
  /** The rate as a share of undici's in the same round: the median. */
  readonly ratio: number
  /** Peak memory of the process. It must not rise with the size. */
  readonly peakMebibytes: number
}

const mebi = 1024 * 1024
const names: ReadonlyArray<Name> = ["undici.request", "ours", "ours, Stream"]
const directions = ["download", "upload"] as const

const rounds = 5

type Sample = Awaited<ReturnType<Bodies["measure"]>>

/** A process for each client. They take turns, so that other load affects all of them. */
const compare = async ({ quick, staged, url }: Bench, work: Work): Promise<ReadonlyArray<Row>> => {
  const remotes = names.map((name) => ({ name, remote: Remote.start<Bodies>(staged, "bodies", [name, url]) }))
  const samples: Record<Name, Array<Sample>> = { "undici.request": [], ours: [], "ours, Stream": [] }
  try {
    for (const { remote } of remotes) await remote.call("warmUp")
    for (let at = 0; at < (quick ? 1 : rounds); at++) {
      for (const { name, remote } of remotes) samples[name].push(await remote.call("measure", work))
    }
  } finally {
    await Promise.all(remotes.map(({ remote }) => remote.stop()))
  }
  return names.map((name) => rowOf(name, work, samples))
}

const rowOf = (name: Name, work: Work, samples: Readonly<Record<Name, ReadonlyArray<Sample>>>): Row => {
  const own = samples[name]
  const { direction, size, times } = work
  const ratios = samples["undici.request"].map(({ seconds }, at) => seconds / (own[at]?.seconds ?? Number.NaN))
  return {
    name,
    direction,
    size,
    mebibytesPerSecond: round((size * times) / mebi / median(own.map(({ seconds }) => seconds)), 1),
    ratio: round(median(ratios), 2),
    peakMebibytes: round(Math.max(...own.map(({ peakBytes }) => peakBytes)) / mebi, 1)
  }
}

/** Runs the section: about a minute. */
export const run = async (bench: Bench): Promise<ReadonlyArray<Row>> => {
  const { quick, say } = bench
  const sizes = quick ? [1024, mebi, 64 * mebi] : [1024, 64 * 1024, mebi, 16 * mebi, 64 * mebi]
  const total = quick ? 64 * mebi : 128 * mebi
  const rows = new Array<Row>()
  for (const direction of directions) {
    for (const size of sizes) {
      const times = Math.min(quick ? 500 : 2000, Math.max(1, Math.floor(total / size)))
      say(`${direction} of ${size} bytes`)
      rows.push(...(await compare(bench, { direction, size, times })))
    }
  }
  return rows
}
