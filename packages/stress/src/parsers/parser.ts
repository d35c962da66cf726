/** A parser of `protocol`, with valid inputs from which invalid ones are made. */
import { units } from "./mutations.js"

/** A function that parses text from outside. */
export interface Parser {
  readonly name: string
  readonly run: (text: string) => unknown
  readonly seeds: ReadonlyArray<string>
  /** Texts that are repeated to make a long input. */
  readonly units: ReadonlyArray<string>
}

/** A parser, with long inputs made of its seeds. */
export const parser = (name: string, run: Parser["run"], seeds: ReadonlyArray<string>): Parser => ({
  name,
  run,
  seeds,
  units: [...units, ...seeds.map((seed) => `${seed}, `)]
})
