import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { inspect, isDeepStrictEqual } from "node:util"

/**
 * Error of a case: the store violates the contract. The message has the actual and the expected value. Tokens of the cases are
 * no secrets.
 *
 * @since 0.1.0
 * @category errors
 */
export class ContractViolation extends Data.TaggedError("ContractViolation")<{ readonly message: string }> {}

export const violation = (message: string): ContractViolation => new ContractViolation({ message })

const shown = (value: unknown): string => inspect(value, { depth: 6, breakLength: 120 })

/** Fails unless `found` deeply equals `expected`. */
export const same = (what: string, found: unknown, expected: unknown): Effect.Effect<void, ContractViolation> =>
  isDeepStrictEqual(found, expected) ? Effect.void : violation(`${what}: ${shown(found)}, expected ${shown(expected)}`)
