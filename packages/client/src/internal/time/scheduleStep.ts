/** Steps of schedules without their waits. The edition for Effect 4 replaces this module. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as Interval from "effect/ScheduleInterval"
import * as Intervals from "effect/ScheduleIntervals"
import { monotonicMillis } from "./clock.js"
import { timerMillis } from "./sleep.js"

/** A step of a running schedule: its delay, and the state for the next step. */
export interface ScheduleStep {
  readonly state: unknown
  /** Delay before the next request, in milliseconds. */
  readonly delayMs: number
}

/** The state of a schedule before its first step. */
export const initialState = (schedule: Schedule.Schedule<unknown, never, unknown>): unknown => schedule.initial

/**
 * Computes the next step of a schedule without sleeping. The caller can then drain a response or reject a wait before
 * the delay starts, which `Effect.retry` does not allow. The schedule receives the monotonic clock, so that a change of
 * the wall clock affects no `upTo`.
 */
export const nextStep = <In, R>(
  schedule: Schedule.Schedule<unknown, In, R>,
  state: unknown,
  input: In
): Effect.Effect<Option.Option<ScheduleStep>, never, R> =>
  Effect.flatMap(monotonicMillis, (monotonic) => {
    // Whole milliseconds, so that the schedule's sums stay exact.
    const now = Math.floor(monotonic)
    return Effect.map(schedule.step(now, input, state), ([next, , decision]) =>
      ScheduleDecision.isDone(decision)
        ? Option.none()
        : // Effect types the state as `any`. Nothing here reads it: it is only passed to the next step of the schedule.
          Option.some({ state: next as unknown, delayMs: Math.max(0, Intervals.start(decision.intervals) - now) })
    )
  })

/**
 * A schedule with waits that a function decides: each is a delay in milliseconds, or undefined at the end. Its output is not
 * used.
 */
export const decidedSchedule = <In>(
  decide: (input: In) => Effect.Effect<number | undefined>
): Schedule.Schedule<unknown, In> =>
  Schedule.makeWithState(0, (now, input: In) =>
    Effect.map(decide(input), (delayMs) => [
      now,
      now,
      delayMs === undefined
        ? ScheduleDecision.done
        : ScheduleDecision.continueWith(Interval.after(now + timerMillis(delayMs)))
    ])
  )
