/** What happens in a run, drawn from its seed before it begins. */
import { PCGRandom } from "effect/Utils"
import type { InterruptPoint } from "./refreshOwners.js"
import { phases } from "./refreshOwners.js"

/** A process: when it begins (after the one before, where they follow one another), who asks in it for tokens, and when it is told to end. */
export interface Process {
  readonly beginsAt: number
  readonly callers: number
  readonly rounds: number
  /** It ends when its callers are done, where there is no such moment. */
  readonly ends: InterruptPoint | undefined
  /** Who is interrupted: the leader at such moments. */
  readonly interruptions: ReadonlyArray<InterruptPoint>
}

/** All that a run consists of, in milliseconds and shares. */
export interface Scenario {
  readonly lifetimeMs: number
  readonly serverLatencyMs: number
  readonly diskLatencyMs: number
  /** The shares of token calls that the server is too busy for, and of steps of the disk that fail. */
  readonly busy: number
  readonly failing: number
  /** Whether processes share the account, or follow one another. */
  readonly isShared: boolean
  /** When every access token is revoked. */
  readonly revokedAt: number
  readonly processes: ReadonlyArray<Process>
}

/** In as many turns as these a refresh is past any phase. */
const mostTurns = 12

/** Draws it. */
export const draw = (seed: number): Scenario => {
  const chance = new PCGRandom(seed, 1)
  const oneOf = (values: readonly [number, ...ReadonlyArray<number>]): number =>
    values[chance.integer(values.length)] ?? values[0]
  const moment = (): InterruptPoint => ({
    phase: phases[chance.integer(phases.length)] ?? "in save",
    nth: chance.integer(2),
    turns: chance.integer(mostTurns)
  })
  const isCalm = chance.integer(2) === 0
  const isShared = chance.integer(2) === 0
  const lifetimeMs = oneOf([300, 2_000, 20_000])
  const process = (_: unknown, index: number): Process => ({
    beginsAt: index === 0 ? 0 : chance.integer(2 * lifetimeMs),
    callers: 2 + chance.integer(4),
    rounds: 2 + chance.integer(3),
    ends: chance.integer(2) === 0 ? moment() : undefined,
    interruptions: Array.from({ length: 1 + chance.integer(3) }, moment)
  })
  return {
    lifetimeMs,
    serverLatencyMs: oneOf([2, 50, 1_500]),
    diskLatencyMs: oneOf([2, 10, 300]),
    busy: isCalm ? 0 : 0.1,
    failing: isCalm ? 0 : 0.05,
    isShared,
    revokedAt: chance.integer(4 * lifetimeMs),
    processes: Array.from({ length: 1 + chance.integer(3) }, process)
  }
}
