/** Processor time that a call takes more than another one, measured in turns. */
import * as Effect from "effect/Effect"
import { median, round } from "./Numbers.js"

/** A call of the benchmark. */
export type Call = Effect.Effect<unknown, unknown>

/** A call, and the same call without what is measured. */
export interface Subject {
  readonly name: string
  readonly call: Call
  readonly base: Call
}

/** How often to measure. */
export interface Repetitions {
  readonly calls: number
  readonly rounds: number
}

/** Processor time of `calls` calls in microseconds, one after another. */
const batch = async (run: (effect: Call) => Promise<unknown>, call: Call, calls: number): Promise<number> => {
  let left = calls
  const loop = Effect.whileLoop({ while: () => left-- > 0, body: () => call, step: () => undefined })
  const before = process.cpuUsage()
  await run(loop)
  const { system, user } = process.cpuUsage(before)
  return (system + user) / calls
}

/** The median of the difference, in microseconds for each call. */
export const differences = async (
  run: (effect: Call) => Promise<unknown>,
  subjects: ReadonlyArray<Subject>,
  { calls, rounds }: Repetitions
): Promise<ReadonlyArray<{ readonly name: string; readonly micros: number }>> => {
  const measured = subjects.map((one) => ({ ...one, costs: new Array<number>() }))
  // The first two rounds warm up.
  for (let number = -2; number < rounds; number++) {
    for (const { base, call, costs } of measured) {
      const without = await batch(run, base, calls)
      const cost = (await batch(run, call, calls)) - without
      if (number >= 0) costs.push(cost)
    }
  }
  return measured.map(({ costs, name }) => ({ name, micros: round(median(costs), 2) }))
}
