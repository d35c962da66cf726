/** The events of a run, drawn from its seed before the run starts. */
import { PCGRandom } from "effect/Utils"
import type { InterruptPoint } from "./refreshOwners.js"
import { phases } from "./refreshOwners.js"

/** A process: its start (after the previous process has ended, if they are sequential), its callers, and its end. */
export interface Process {
  readonly beginsAt: number
  readonly callers: number
  readonly rounds: number
  /** When it is told to end. Undefined if it ends with its callers. */
  readonly ends: InterruptPoint | undefined
  /** Points at which the owner of a refresh is interrupted. */
  readonly interruptions: ReadonlyArray<InterruptPoint>
}

/** All parameters of a run. Times are in milliseconds. */
export interface Scenario {
  readonly lifetimeMs: number
  readonly serverLatencyMs: number
  readonly diskLatencyMs: number
  /** Share of token requests that get an error, and of disk operations that fail. */
  readonly busy: number
  readonly failing: number
  /** Whether processes share the account at the same time. Otherwise they run in sequence. */
  readonly isShared: boolean
  /** When all access tokens are revoked. */
  readonly revokedAt: number
  readonly processes: ReadonlyArray<Process>
}

/** After so many turns a refresh has left any phase. */
const maxTurns = 12

/** Draws a scenario. */
export const draw = (seed: number): Scenario => {
  const chance = new PCGRandom(seed, 1)
  const oneOf = (values: readonly [number, ...ReadonlyArray<number>]): number =>
    values[chance.integer(values.length)] ?? values[0]
  const point = (): InterruptPoint => ({
    phase: phases[chance.integer(phases.length)] ?? "in save",
    nth: chance.integer(2),
    turns: chance.integer(maxTurns)
  })
  const isWithoutFaults = chance.integer(2) === 0
  const isShared = chance.integer(2) === 0
  const lifetimeMs = oneOf([300, 2_000, 20_000])
  const process = (_: unknown, index: number): Process => ({
    beginsAt: index === 0 ? 0 : chance.integer(2 * lifetimeMs),
    callers: 2 + chance.integer(4),
    rounds: 2 + chance.integer(3),
    ends: chance.integer(2) === 0 ? point() : undefined,
    interruptions: Array.from({ length: 1 + chance.integer(3) }, point)
  })
  return {
    lifetimeMs,
    serverLatencyMs: oneOf([2, 50, 1_500]),
    diskLatencyMs: oneOf([2, 10, 300]),
    busy: isWithoutFaults ? 0 : 0.1,
    failing: isWithoutFaults ? 0 : 0.05,
    isShared,
    revokedAt: chance.integer(4 * lifetimeMs),
    processes: Array.from({ length: 1 + chance.integer(3) }, process)
  }
}
