/** Runs every parser of `protocol` with mutated and long text. No parser may throw or take long. */
import * as Effect from "effect/Effect"
import { round } from "@countersign/bench/Numbers"
import type { ParsersProcess } from "../programs/parserRunner.js"
import * as Remote from "@countersign/bench/Remote"
import { stage } from "@countersign/bench/Staging"
import type { Parser } from "./parser.js"
import { flood, mutations } from "./mutations.js"
import * as Stopwatch from "../time/stopwatch.js"
import * as Stress from "../Stress.js"

/** Figures. Times are in milliseconds. */
export interface Parsed extends Stress.Measurements {
  readonly parsers: number
  readonly inputs: number
  readonly throws: number
  /** Some of the inputs that made a parser throw. */
  readonly examples: string
  /** Pairs of a parser and a repeated text. */
  readonly shapes: number
  readonly slowestMillis: number
  readonly slowest: string
  /** Largest factor by which the time grows for eight times as much text: 8 is linear, 64 quadratic. */
  readonly growth: number
  readonly steepest: string
}

const kibibyte = 1024
/** Length of the longest text. */
const longest = 64 * kibibyte
/**
 * Pairs of lengths between which the growth is measured. The second is eight times the first. Linear code can take a sudden
 * step at one length, where V8 or the C library switches to another allocation (arrays of 16 384 elements). Therefore a
 * parser fails only if its growth is too steep in every pair.
 */
const windows = [
  [2 * kibibyte, 16 * kibibyte],
  [8 * kibibyte, 64 * kibibyte],
  [16 * kibibyte, 128 * kibibyte]
] as const

/** If the longest text takes less, in milliseconds, its growth is not measured: the resolution of the clock is too low. */
const measurable = 1

const failure = (parser: Parser, input: string): string | undefined => {
  try {
    parser.run(input)
    return undefined
  } catch (error) {
    return `${parser.name}(${JSON.stringify(input).slice(0, 60)}): ${String(error).slice(0, 60)}`
  }
}

const fuzz = (parsers: ReadonlyArray<Parser>, inputs: number) => {
  const examples = new Set<string>()
  let throws = 0
  const each = Math.ceil(inputs / parsers.length)
  for (const parser of parsers) {
    for (const input of mutations(parser.seeds, each, parser.name)) {
      const thrown = failure(parser, input)
      if (thrown === undefined) continue
      throws++
      if (examples.size < 5) examples.add(thrown)
    }
  }
  return { inputs: each * parsers.length, throws, examples: [...examples].join("; ") }
}

/** Maximum duration in milliseconds. */
const maxMs = 20

/** Maximum growth: three times linear growth, less than half of quadratic growth. */
const maxGrowth = 24

/** Whether enough runs were made: more if a parser seems too slow, one if it is too fast to measure. */
const hasEnoughRuns = (best: number, runs: number): boolean => best < measurable || runs >= (best < maxMs ? 6 : 60)

/** The shortest of several runs, because other programs only add time. */
const fastest = ({ run }: Parser, input: string, isEnough: typeof hasEnoughRuns): number => {
  let best = Number.POSITIVE_INFINITY
  for (let runs = 0; !isEnough(best, runs); runs++) {
    const taken = Stopwatch.start()
    run(input)
    best = Math.min(best, taken())
  }
  return best
}

interface Timed {
  readonly of: string
  readonly millis: number
  readonly growth: number
}

/**
 * Growth of the time for eight times as much text: the least of all pairs and passes. Ends at the first that is low enough.
 */
const growthOf = (parser: Parser, unit: string): number => {
  let least = Number.POSITIVE_INFINITY
  for (const [less, much] of [...windows, ...windows, ...windows]) {
    const base = fastest(parser, flood(unit, less), (_, runs) => runs >= 20)
    const isSteep = (best: number) => best > maxGrowth * base
    const millis = fastest(parser, flood(unit, much), (best, runs) => runs >= (isSteep(best) ? 20 : 3))
    least = Math.min(least, millis / base)
    if (least <= maxGrowth) break
  }
  return least
}

const timed = (parser: Parser, unit: string): Timed => {
  try {
    const millis = fastest(parser, flood(unit, longest), hasEnoughRuns)
    const growth = millis < measurable ? 0 : growthOf(parser, unit)
    return { of: `${parser.name} of ${JSON.stringify(unit.slice(0, 20))}`, millis, growth }
  } catch {
    // `fuzz` counts the parsers that throw.
    return { of: parser.name, millis: 0, growth: 0 }
  }
}

const most = (all: ReadonlyArray<Timed>, by: "millis" | "growth"): Timed =>
  all.reduce((worst, one) => (one[by] > worst[by] ? one : worst), { of: "none", millis: 0, growth: 0 })

/** Measures parsers. The inputs are distributed over all of them. */
export const measure = (parsers: ReadonlyArray<Parser>, inputs: number): Parsed => {
  // First, so that V8 has compiled the code before it is timed.
  const fuzzed = fuzz(parsers, inputs)
  const times = parsers.flatMap((parser) => parser.units.map((unit) => timed(parser, unit)))
  const slowest = most(times, "millis")
  const steepest = most(times, "growth")
  return {
    parsers: parsers.length,
    ...fuzzed,
    shapes: times.length,
    slowestMillis: round(slowest.millis, 2),
    slowest: slowest.of,
    growth: round(steepest.growth, 1),
    steepest: steepest.of
  }
}

/** In a process without a TypeScript loader, which slows every closure down. */
const inProcess = async (inputs: number): Promise<Parsed> => {
  const remote = Remote.start<ParsersProcess>(await stage("stress", "parsers"), "parserRunner")
  try {
    return await remote.call("measure", inputs)
  } finally {
    await remote.stop()
  }
}

/** Assertions on the figures. */
export const assertions: Stress.Assertions<Parsed> = {
  "no parser throws": ({ throws }) => throws === 0,
  "64 KiB are parsed in less than 20 ms": ({ slowestMillis }) => slowestMillis < maxMs,
  "eight times as much text takes at most 24 times as long": ({ growth }) => growth <= maxGrowth
}

/** The case. */
export const parsers: Stress.Stress = Stress.make(
  "parsers",
  ({ reportProgress, short }) => {
    const inputs = short ? 20_000 : 1_000_000
    return Effect.zipRight(
      reportProgress(`${inputs} mutated inputs, and long inputs`),
      Effect.tryPromise({ try: () => inProcess(inputs), catch: Stress.cannotRun })
    )
  },
  assertions
)
