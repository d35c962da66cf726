/** Text that others have chosen, put through every parser of `protocol`: none throws, and none takes long. */
import * as Effect from "effect/Effect"
import { round } from "@countersign/bench/Numbers"
import type { ParsersProcess } from "../programs/parserRunner.js"
import * as Remote from "@countersign/bench/Remote"
import { stage } from "@countersign/bench/Staging"
import type { Parser } from "./corpus.js"
import { flood, mutations } from "./mutations.js"
import * as Stopwatch from "../time/stopwatch.js"
import * as Stress from "../Stress.js"

/** The figures; times in milliseconds. */
export interface Parsed extends Stress.Measurements {
  readonly parsers: number
  readonly inputs: number
  readonly throws: number
  /** Some of those, in words. */
  readonly examples: string
  /** Pairs of a parser and a shape of input that grows. */
  readonly shapes: number
  readonly slowestMillis: number
  readonly slowest: string
  /** How much longer eight times as much takes, at worst: 8 is linear, 64 quadratic. */
  readonly growth: number
  readonly steepest: string
}

const kibibyte = 1024
/** The longest text. */
const longest = 64 * kibibyte
/**
 * The pairs of lengths between which the growth is measured; each second length is eight times the first. Linear code can
 * take a sudden step at one length, where V8 or the C library starts to allocate in another way (arrays of 16 384
 * elements). Only a parser that is steep in every pair breaks the promise.
 */
const windows = [
  [2 * kibibyte, 16 * kibibyte],
  [8 * kibibyte, 64 * kibibyte],
  [16 * kibibyte, 128 * kibibyte]
] as const

/** Where the longest text takes less, its growth is not measured, in milliseconds: the clock decides. */
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

/** Where the promise is, in milliseconds. */
const bound = 20

/** Three times what is linear for eight times as much, less than half of what is quadratic. */
const steep = 24

/** Runs that show what the code can do: more where it seems to break its promise, one where nothing is to be seen. */
const thorough = (best: number, runs: number): boolean => best < measurable || runs >= (best < bound ? 6 : 60)

/** The least of several runs: whatever else the machine does can only add to it. */
const fastest = ({ run }: Parser, input: string, isEnough: typeof thorough): number => {
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

/** How much longer an input takes that is eight times as long: the least of all windows and passes, until one is not steep. */
const grown = (parser: Parser, unit: string): number => {
  let least = Number.POSITIVE_INFINITY
  for (const [less, much] of [...windows, ...windows, ...windows]) {
    const base = fastest(parser, flood(unit, less), (_, runs) => runs >= 20)
    const isSteep = (best: number) => best > steep * base
    const millis = fastest(parser, flood(unit, much), (best, runs) => runs >= (isSteep(best) ? 20 : 3))
    least = Math.min(least, millis / base)
    if (least <= steep) break
  }
  return least
}

const timed = (parser: Parser, unit: string): Timed => {
  try {
    const millis = fastest(parser, flood(unit, longest), thorough)
    const growth = millis < measurable ? 0 : grown(parser, unit)
    return { of: `${parser.name} of ${JSON.stringify(unit.slice(0, 20))}`, millis, growth }
  } catch {
    // The other half of the case counts what is thrown.
    return { of: parser.name, millis: 0, growth: 0 }
  }
}

const most = (all: ReadonlyArray<Timed>, by: "millis" | "growth"): Timed =>
  all.reduce((worst, one) => (one[by] > worst[by] ? one : worst), { of: "none", millis: 0, growth: 0 })

/** Puts parsers to the test, so many inputs for all of them together. */
export const measure = (parsers: ReadonlyArray<Parser>, inputs: number): Parsed => {
  // First, so that the code is compiled by the time that its time counts.
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

/** In a process of plain JavaScript: a loader for TypeScript makes every closure dear. */
const inProcess = async (inputs: number): Promise<Parsed> => {
  const remote = Remote.start<ParsersProcess>(await stage("stress", "parsers"), "parserRunner")
  try {
    return await remote.call("measure", inputs)
  } finally {
    await remote.stop()
  }
}

/** What is promised of them. */
export const promises: Stress.Assertions<Parsed> = {
  "no parser throws": ({ throws }) => throws === 0,
  "64 KiB take less than 20 ms": ({ slowestMillis }) => slowestMillis < bound,
  "eight times as much takes at most 24 times as long": ({ growth }) => growth <= steep
}

/** The case. */
export const parsers: Stress.Stress = Stress.make(
  "parsers",
  ({ reportProgress, short }) => {
    const inputs = short ? 20_000 : 1_000_000
    return Effect.zipRight(
      reportProgress(`${inputs} inputs, and long ones`),
      Effect.tryPromise({ try: () => inProcess(inputs), catch: Stress.cannotRun })
    )
  },
  promises
)
