import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as Intervals from "effect/ScheduleIntervals"
import { monotonicMillis } from "./clock.js"

/** A schedule in progress: what it decided last, and what it needs to decide again. */
export interface ScheduleStep {
  readonly state: unknown
  /** How long to wait before the next send, in milliseconds. */
  readonly delayMs: number
}

/**
 * Asks a schedule whether to go on, without waiting: what is to be released, or refused, is so before the wait.
 * `Effect.retry` offers no place between the decision and the sleep. The schedule is given the monotonic clock, so that a
 * wall clock that is moved neither ends an `upTo` nor prolongs it.
 */
export const nextStep = <In, R>(
  schedule: Schedule.Schedule<unknown, In, R>,
  state: unknown,
  input: In
): Effect.Effect<Option.Option<ScheduleStep>, never, R> =>
  Effect.flatMap(monotonicMillis, (monotonic) => {
    // Whole milliseconds: the sums of a schedule stay exact.
    const now = Math.floor(monotonic)
    return Effect.map(schedule.step(now, input, state), ([next, , decision]) =>
      ScheduleDecision.isDone(decision)
        ? Option.none()
        : // The platform types the state as any: what a schedule gives out is only ever handed back to it.
          Option.some({ state: next as unknown, delayMs: Math.max(0, Intervals.start(decision.intervals) - now) })
    )
  })
