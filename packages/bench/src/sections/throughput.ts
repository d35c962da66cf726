/** Calls per second, and processor time per call. Each round runs every case. */
import { type Name, names } from "../cases/index.js"
import { median, round } from "../Numbers.js"
import type { Counted, Loader, Turn } from "../programs/load.js"
import type { Server } from "../programs/server.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** Results of one case. */
export interface Row {
  readonly name: Name
  readonly requestsPerSecond: number
  /** Processor time of the client process per call. */
  readonly cpuMicros: number
  /** Rate relative to `undici.request` in the same round: the median over the rounds. */
  readonly ratio: number
  /** The smallest and the largest ratio of a round. They show the precision of the median. */
  readonly spread: readonly [least: number, most: number]
  /** Processor share of the server. Near 1, the server limited the case. */
  readonly serverShare: number
}

interface Round extends Counted {
  readonly serverShare: number
}

const base: Name = "undici.request"

const oneTurn = async (server: Remote.Remote<Server>, loader: Remote.Remote<Loader>, turn: Turn): Promise<Round> => {
  const before = await server.call("counts")
  const begun = performance.now()
  const counted = await loader.call("turn", turn)
  const after = await server.call("counts")
  const elapsedMicros = (performance.now() - begun) * 1000
  return { ...counted, serverShare: (after.cpuMicros - before.cpuMicros) / elapsedMicros }
}

const rowOf = (name: Name, rounds: ReadonlyArray<Round>, bases: ReadonlyArray<Round>): Row => {
  const of = (f: (one: Round) => number): number => median(rounds.map(f))
  const ratios = rounds.map((one, index) => one.requestsPerSecond / (bases[index]?.requestsPerSecond ?? Number.NaN))
  return {
    name,
    requestsPerSecond: Math.round(of((one) => one.requestsPerSecond)),
    cpuMicros: round(
      of((one) => one.cpuMicros),
      1
    ),
    ratio: round(median(ratios), 3),
    spread: [round(Math.min(...ratios), 3), round(Math.max(...ratios), 3)],
    serverShare: round(
      of((one) => one.serverShare),
      2
    )
  }
}

/** Runs the section: about three and a half minutes, or about fifteen seconds with `--quick`. */
export const run = async ({ quick, say, server, staged, url }: Bench): Promise<ReadonlyArray<Row>> => {
  const [rounds, warmUp, turn] = quick
    ? [3, { inFlight: 50, leadIn: 100, window: 200 }, { inFlight: 50, leadIn: 50, window: 150 }]
    : [9, { inFlight: 50, leadIn: 1000, window: 2000 }, { inFlight: 50, leadIn: 300, window: 1000 }]
  const loaders = names.map((name) => ({
    name,
    loader: Remote.start<Loader>(staged, "load", [name, `${url}/json`]),
    rounds: new Array<Round>()
  }))
  try {
    for (const { loader, name } of loaders) {
      say(`warming up ${name}`)
      await loader.call("turn", warmUp)
    }
    for (let number = 1; number <= rounds; number++) {
      say(`round ${number} of ${rounds}`)
      for (const one of loaders) one.rounds.push(await oneTurn(server, one.loader, turn))
    }
  } finally {
    await Promise.all(loaders.map(({ loader }) => loader.stop()))
  }
  const bases = loaders.find(({ name }) => name === base)?.rounds ?? []
  return loaders.map((one) => rowOf(one.name, one.rounds, bases))
}
