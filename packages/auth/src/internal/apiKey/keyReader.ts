/** Reads the keys of a pool again. */
import * as Signal from "@countersign/client/Signal"
import * as WaitUntil from "@countersign/client/WaitUntil"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import { isBlank } from "../schemes/invalidCredential.js"
import type { KeyRing } from "./keyRing.js"

/** A secret store that does not answer within this time counts as failed. */
const maxReadMs = 30_000

const failed = (reason: string) =>
  Effect.logWarning(`The API keys could not be read again: ${reason}. The pool keeps its keys.`)

/** Name of an error. Its message may contain a key. */
const nameOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.name : "the effect in `keys` failed"
}

const readInto = <E, R>(
  ring: KeyRing,
  read: Effect.Effect<ReadonlyArray<Redacted.Redacted<string>>, E, R>
): Effect.Effect<void, never, R> =>
  read.pipe(
    Effect.timeoutFail({ duration: maxReadMs, onTimeout: () => new Cause.TimeoutException("no result") }),
    Effect.matchCauseEffect({
      onFailure: (cause) => failed(nameOf(cause)),
      onSuccess: (keys) => {
        const found = keys.filter((key) => !isBlank(key))
        return found.length === 0 ? failed("no key was found") : Effect.sync(() => void ring.adopt(found))
      }
    })
  )

/**
 * Makes an effect that reads the keys again. Concurrent callers wait for one reading, which has its own fiber: a call that ends
 * does not interrupt it. Within the interval after the start of a reading there is no other one.
 */
export const make = <E, R>(
  ring: KeyRing,
  read: Effect.Effect<ReadonlyArray<Redacted.Redacted<string>>, E, R>,
  clock: Clock.Clock,
  intervalMs: number
): Effect.Effect<Effect.Effect<void>, never, R> =>
  Effect.map(Effect.runtime<R>(), (runtime) => {
    let last = Number.NEGATIVE_INFINITY
    let reading: Signal.Signal<void> | undefined
    const now = () => Number(clock.unsafeCurrentTimeNanos()) / 1e6
    const start = (): Signal.Signal<void> => {
      const signal = Signal.make<void>()
      const end = Effect.sync(() => {
        if (reading === signal) reading = undefined
        signal.complete(Exit.void)
      })
      // Not immediately: the current fiber is in the middle of a step.
      const fiber = Runtime.runFork(runtime)(Effect.ensuring(readInto(ring, read), end), { immediate: false })
      WaitUntil.registerFiber(Context.get(runtime.context, WaitUntil.WaitUntil), fiber)
      return signal
    }
    return Effect.suspend(() => {
      // A reading that is older was lost with the fiber of its request.
      if (reading !== undefined && now() - last <= maxReadMs) return reading.wait()
      if (now() - last < intervalMs) return Effect.void
      last = now()
      reading = start()
      return reading.wait()
    })
  })
