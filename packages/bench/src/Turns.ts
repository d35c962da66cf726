/** Compares two programs that do the same work in turns. */
import { median, round } from "./Numbers.js"

/** What a piece of work took. */
export interface Took {
  readonly seconds: number
  /** Processor time of the process. */
  readonly cpuSeconds: number
}

/** In a program: runs a piece of work. */
export const timed = async (run: () => Promise<unknown>): Promise<Took> => {
  const cpu = process.cpuUsage()
  const begun = performance.now()
  await run()
  const seconds = (performance.now() - begun) / 1000
  const { system, user } = process.cpuUsage(cpu)
  return { seconds, cpuSeconds: (user + system) / 1_000_000 }
}

/** Rates and processor times of a program and its control: medians of the rounds. */
export interface Comparison {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly controlPerSecond: number
  readonly controlCpuMicros: number
  /** The rate as a share of the control's in the same round: the median, with the least and the most. */
  readonly ratio: number
  readonly spread: readonly [least: number, most: number]
  /** The processor time of the control as a share of the program's: the median. */
  readonly cpuRatio: number
}

/** Runs a piece of work of `count` units, such as events. */
type Work = (count: number) => Promise<Took>

/** How much is measured: the units of a turn, and the number of turns of each program. */
export interface Extent {
  readonly count: number
  readonly rounds: number
}

/** Turns that do not count, so that compiled code is measured. */
const warmUps = 5

/** Runs a program and its control in turns. */
export const compare = async (program: Work, control: Work, { count, rounds }: Extent): Promise<Comparison> => {
  const taken = new Array<readonly [Took, Took]>()
  for (let number = 0; number < warmUps + rounds; number++) taken.push([await program(count), await control(count)])
  const medianOf = (of: (own: Took, controls: Took) => number, digits: number): number =>
    round(median(taken.slice(warmUps).map((pair) => of(...pair))), digits)
  const ratios = taken.slice(warmUps).map(([own, controls]) => controls.seconds / own.seconds)
  return {
    perSecond: medianOf(({ seconds }) => count / seconds, 0),
    cpuMicros: medianOf(({ cpuSeconds }) => (cpuSeconds / count) * 1_000_000, 2),
    controlPerSecond: medianOf((_, { seconds }) => count / seconds, 0),
    controlCpuMicros: medianOf((_, { cpuSeconds }) => (cpuSeconds / count) * 1_000_000, 2),
    ratio: round(median(ratios), 3),
    spread: [round(Math.min(...ratios), 3), round(Math.max(...ratios), 3)],
    cpuRatio: medianOf((own, controls) => controls.cpuSeconds / own.cpuSeconds, 3)
  }
}
