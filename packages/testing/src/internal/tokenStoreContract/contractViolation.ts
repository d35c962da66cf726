import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { inspect, isDeepStrictEqual } from "node:util"

/**
 * A store did something else than the contract says. The message has what was found and what was expected; the tokens of
 * the cases are made up.
 *
 * @since 0.1.0
 * @category errors
 */
export class ContractViolation extends Data.TaggedError("ContractViolation")<{ readonly message: string }> {}

export const violation = (message: string): ContractViolation => new ContractViolation({ message })

const shown = (value: unknown): string => inspect(value, { depth: 6, breakLength: 120 })

/** Fails unless what was found is what was expected, all the way down. */
export const same = (what: string, found: unknown, expected: unknown): Effect.Effect<void, ContractViolation> =>
  isDeepStrictEqual(found, expected) ? Effect.void : violation(`${what}: ${shown(found)}, expected ${shown(expected)}`)
