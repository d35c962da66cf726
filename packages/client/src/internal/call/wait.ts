/** The one way to wait: until a callback, a deadline or an interruption, whichever comes first. */
import * as Effect from "effect/Effect"
import { isPolling } from "../../WaitStrategy.js"
import { hasLiveClock, unsafeMonotonicNow } from "../time/clock.js"
import { maxTimerMillis, sleep } from "../time/sleep.js"
import type { CallContext } from "./context.js"
import { failTimeout, timerAt } from "./context.js"

type Outcome<A, E, R> = Effect.Effect<A, E, R>

/**
 * What is waited for.
 *
 * @template R - requirements of the outcome.
 */
export interface Source<A, E, R = never> {
  /**
   * Starts it. `resume` is called once, now or later; further calls have no effect. Returns a function that cancels it.
   */
  readonly start: (resume: (outcome: Outcome<A, E, R>) => void) => (() => void) | undefined
  /** Called every 20 ms instead of {@link start} where fibers poll. Returns undefined until it has an outcome. */
  readonly poll?: ((now: number) => Outcome<A, E, R> | undefined) | undefined
}

/** Milliseconds between two polls. */
const pollInterval = 20

/** The outcome at the end of the time. A function of the context, so that a wait that ends before costs no object for it. */
type OnTimeout<A, E> = (context: CallContext) => Effect.Effect<A, E>

/** Waits for a source until the deadline of the call, or an interruption. Both cancel the source. */
export const waitFor = <A, E, R>(source: Source<A, E, R>, context: CallContext): Effect.Effect<A, E, R> =>
  waitUntil(source, timerAt(context), failTimeout, context)

/**
 * Waits for a source until `at`, in milliseconds of the monotonic clock. The end of the time also ends the wait of an
 * uninterruptible fiber.
 */
export const waitUntil = <A, E, R, E2>(
  source: Source<A, E, R>,
  at: number,
  onTimeout: OnTimeout<A, E2>,
  context: CallContext
): Effect.Effect<A, E | E2, R> => {
  const { fiber } = context
  if (at !== Number.POSITIVE_INFINITY && at <= unsafeMonotonicNow(fiber)) return onTimeout(context)
  if (source.poll !== undefined && isPolling(fiber)) return polled(source.poll, at, onTimeout, context)
  if (at === Number.POSITIVE_INFINITY || hasLiveClock(fiber)) {
    return Effect.async<A, E | E2, R>((resume) => new Pending(source, at, onTimeout, context, resume).begin())
  }
  // Another clock, such as a test's, must drive the wait.
  return byClock(source, at, onTimeout, context)
}

const polled = <A, E, R, E2>(
  poll: (now: number) => Outcome<A, E, R> | undefined,
  at: number,
  onTimeout: OnTimeout<A, E2>,
  context: CallContext
): Effect.Effect<A, E | E2, R> => {
  const look: Effect.Effect<A, E | E2, R> = Effect.suspend(() => {
    const now = unsafeMonotonicNow(context.fiber)
    const outcome = poll(now)
    if (outcome !== undefined) return outcome
    const left = at - now
    return left <= 0 ? onTimeout(context) : Effect.zipRight(Effect.sleep(Math.min(pollInterval, Math.ceil(left))), look)
  })
  return look
}

/** The outcome is run after the race: it may be an effect that goes on for longer than the wait. */
const byClock = <A, E, R, E2>(
  source: Source<A, E, R>,
  at: number,
  onTimeout: OnTimeout<A, E2>,
  context: CallContext
): Effect.Effect<A, E | E2, R> =>
  Effect.suspend(() => {
    const wait = Effect.async<Outcome<A, E | E2, R>>((resume) => {
      const cancel = source.start((outcome) => resume(Effect.succeed(outcome)))
      return Effect.sync(() => cancel?.())
    })
    const timer = Effect.map(sleep(at - unsafeMonotonicNow(context.fiber)), () => onTimeout(context))
    const first = Effect.raceFirst<Outcome<A, E | E2, R>, never, never, Outcome<A, E | E2, R>, never, never>(
      Effect.interruptible(wait),
      Effect.interruptible(timer)
    )
    return Effect.flatten(first)
  })

/** A wait under the live clock: one step of the fiber, and one timer. */
class Pending<A, E, R, E2> {
  readonly #source: Source<A, E, R>
  readonly #at: number
  readonly #onTimeout: OnTimeout<A, E2>
  readonly #context: CallContext
  #resume: ((outcome: Outcome<A, E | E2, R>) => void) | undefined
  #cancel: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    source: Source<A, E, R>,
    at: number,
    onTimeout: OnTimeout<A, E2>,
    context: CallContext,
    resume: (outcome: Outcome<A, E | E2, R>) => void
  ) {
    this.#source = source
    this.#at = at
    this.#onTimeout = onTimeout
    this.#context = context
    this.#resume = resume
  }

  /** Starts the source and the timer. Returns the effect that runs if the fiber is interrupted. */
  begin(): Effect.Effect<void> {
    this.#cancel = this.#source.start(this.#settle)
    if (this.#resume !== undefined && this.#at !== Number.POSITIVE_INFINITY) this.#startTimer()
    return Effect.sync(() => {
      this.#end()
      this.#cancel?.()
    })
  }

  readonly #settle = (outcome: Outcome<A, E | E2, R>): void => this.#end()?.(outcome)

  #end(): ((outcome: Outcome<A, E | E2, R>) => void) | undefined {
    clearTimeout(this.#timer)
    const resume = this.#resume
    this.#resume = undefined
    return resume
  }

  /** A timer may fire a fraction early, and has a maximum delay, so the clock is checked again. */
  #startTimer(): void {
    const left = this.#at - unsafeMonotonicNow(this.#context.fiber)
    this.#timer = setTimeout(fire, Math.min(Math.max(1, left), maxTimerMillis), this)
  }

  onTimer(): void {
    if (this.#at > unsafeMonotonicNow(this.#context.fiber)) return this.#startTimer()
    // In the fiber: an exception of the source when it is cancelled concerns this wait only.
    this.#settle(
      Effect.suspend(() => {
        this.#cancel?.()
        return this.#onTimeout(this.#context)
      })
    )
  }
}

const fire = (pending: { readonly onTimer: () => void }): void => pending.onTimer()

/** Sleeps for `ms` milliseconds, or until the deadline of the call, which fails. */
export const sleepWithin = (ms: number, context: CallContext): Effect.Effect<void> => {
  const left = timerAt(context) - unsafeMonotonicNow(context.fiber)
  return ms < left ? sleep(ms) : Effect.zipRight(sleep(left), failTimeout(context))
}
