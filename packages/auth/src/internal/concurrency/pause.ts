/** Pauses of work in the background, which do not keep a process alive. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { hasProperty, isFunction } from "effect/Predicate"

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** Node and Bun wait for their timers before they exit. */
const isReferenced = (timer: unknown): timer is { readonly unref: () => void } =>
  hasProperty(timer, "unref") && isFunction(timer.unref)

const unreferenced = (duration: Duration.Duration): Effect.Effect<void> =>
  Effect.async((resume) => {
    const timer: unknown = setTimeout(() => resume(Effect.void), Duration.toMillis(duration))
    if (isReferenced(timer)) timer.unref()
  })

/** Waits for a duration, unless the process has nothing else to do and exits. Another clock than the system's decides itself. */
export const sleepInBackground = (duration: Duration.Duration): Effect.Effect<void> =>
  Effect.clockWith((clock) => (clock === liveClock ? unreferenced(duration) : clock.sleep(duration)))
