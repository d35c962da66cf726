/**
 * Steps of Effect's test clock in microseconds. Its own `setTime` waits 4 ms of real time and inspects all fibers of the test,
 * once for each sleeping fiber: a thousand fibers take ten seconds.
 */
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { settled } from "./virtualClock.js"

/** The class of the test clock has this member, its interface does not. */
interface State {
  readonly clockState: Ref.Ref<TestClock.Data>
}

/** Takes the sleeper that `setTime` would wake first, and moves the time to its instant. */
const takeNext = ({ sleeps }: TestClock.Data, end: number) => {
  const list = Chunk.toReadonlyArray(sleeps)
  const first = Math.min(...list.map(([at]) => at))
  const next = first <= end ? list.find(([at]) => at === first) : undefined
  return [
    next?.[1],
    next === undefined
      ? TestClock.makeData(end, sleeps)
      : TestClock.makeData(first, Chunk.fromIterable(list.filter((one) => one !== next)))
  ] as const
}

/**
 * Sets the time, and wakes the sleepers of each instant before it in order. Waits after each one until the fiber has ended, or
 * no fiber has more to do.
 */
export const advanceTo = (end: number, fiber?: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<void> =>
  TestClock.testClockWith((clock) => {
    const { clockState } = clock as TestClock.TestClock & State // Effect has one test clock.
    const wakeNext: Effect.Effect<void> = Effect.flatMap(
      Ref.modify(clockState, (data) => takeNext(data, end)),
      (sleeper) =>
        sleeper === undefined
          ? Effect.void
          : Deferred.succeed(sleeper, undefined).pipe(
              Effect.zipRight(settled(fiber)),
              Effect.zipRight(Effect.suspend(() => wakeNext))
            )
    )
    return wakeNext
  })

/** `TestClock.setTime` for tests with many fibers or many steps. */
export const setTime = (instant: number): Effect.Effect<void> => Effect.zipRight(settled(), advanceTo(instant))

/** `TestClock.adjust` for tests with many fibers or many steps, in milliseconds. */
export const adjust = (millis: number): Effect.Effect<void> =>
  Effect.flatMap(Effect.zipRight(settled(), TestClock.currentTimeMillis), (now) => advanceTo(now + millis))
