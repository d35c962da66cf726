/** Steps of schedules without their waits, for Effect 4. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import { monotonicMillis } from "./clock.js"
import { timerMillis } from "./sleep.js"

/** A step of a running schedule: its delay, and the state for the next step. */
export interface ScheduleStep {
  readonly state: unknown
  /** Delay before the next request, in milliseconds. */
  readonly delayMs: number
}

/** The state of a schedule before its first step. A running schedule is a function, which the next step calls. */
export const initialState = (_schedule: Schedule.Schedule<unknown, never, never, unknown>): unknown => undefined

type Step<In, R> = (now: number, input: In) => Pull.Pull<[unknown, Duration.Duration], never, unknown, R>

/** Computes the next step of a schedule without sleeping. The schedule receives the monotonic clock. */
export const nextStep = <In, R>(
  schedule: Schedule.Schedule<unknown, In, never, R>,
  state: unknown,
  input: In
): Effect.Effect<Option.Option<ScheduleStep>, never, R> =>
  Effect.gen(function* () {
    // Only this function makes a state, from a schedule with these types.
    const step = state === undefined ? yield* Schedule.toStep(schedule) : (state as Step<In, R>)
    const now = Math.floor(yield* monotonicMillis)
    return yield* step(now, input).pipe(
      Effect.map(([, delay]) => Option.some({ state: step, delayMs: Duration.toMillis(delay) })),
      Effect.catch(() => Effect.succeedNone)
    )
  })

/** A schedule with waits that a function decides: each is a delay in milliseconds, or undefined at the end. */
export const decidedSchedule = <In>(
  decide: (input: In) => Effect.Effect<number | undefined>
): Schedule.Schedule<unknown, In> =>
  Schedule.fromStep(
    Effect.succeed((_now: number, input: In): Pull.Pull<[undefined, Duration.Duration], never, undefined> =>
      Effect.flatMap(decide(input), (delayMs): Pull.Pull<[undefined, Duration.Duration], never, undefined> =>
        delayMs === undefined
          ? Cause.done(undefined)
          : Effect.succeed([undefined, Duration.millis(timerMillis(delayMs))])
      )
    )
  )
