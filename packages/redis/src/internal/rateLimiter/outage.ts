/** Whether Redis is unreachable, so that not every request waits for its timeout. */
import type { RateLimitStoreError } from "@countersign/client/RateLimiter"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as RateLimitEvents from "../../RateLimitEvents.js"

/** Time after a failure in which Redis is not asked, in nanoseconds: 1 s. */
const pause = 1_000_000_000n

interface State {
  /** When the outage began, in epoch milliseconds. */
  readonly since: number
  /** The last error. */
  readonly error: RateLimitStoreError
  /** When to ask Redis again, on the monotonic clock. */
  readonly nextAt: bigint
}

/** Options of {@link Outage}. */
interface Options {
  readonly onUnavailable: "local" | "fail"
  readonly publish: (event: RateLimitEvents.RateLimitEvent) => void
}

/** The state of one limiter. While Redis is unreachable, one caller per second asks it. */
export class Outage {
  readonly #options: Options
  #state: State | undefined

  constructor(options: Options) {
    this.#options = options
  }

  /** The last error, if the last response is missing. */
  get error(): RateLimitStoreError | undefined {
    return this.#state?.error
  }

  /** Whether to ask Redis now. A caller that may ask during an outage is the only one for the next second. */
  readonly mayAsk: Effect.Effect<boolean> = Effect.map(Clock.currentTimeNanos, (now) => {
    const state = this.#state
    if (state === undefined) return true
    if (now < state.nextAt) return false
    this.#state = { ...state, nextAt: now + pause }
    return true
  })

  /** Redis has failed. Logs and publishes the first failure of an outage. */
  failed(error: RateLimitStoreError): Effect.Effect<void> {
    return Effect.clockWith((clock) => {
      const at = clock.unsafeCurrentTimeMillis()
      const first = this.#state === undefined
      this.#state = { since: this.#state?.since ?? at, error, nextAt: clock.unsafeCurrentTimeNanos() + pause }
      if (!first) return Effect.void
      this.#options.publish({ _tag: "Degraded", at, error })
      const effect =
        this.#options.onUnavailable === "local"
          ? "Rate limits of this process apply"
          : "Requests get no shared rate limit"
      return Effect.logWarning(`${effect}, because Redis is unavailable. ${error.message}`)
    })
  }

  /** Redis has answered. Logs and publishes the end of an outage. */
  readonly answered: Effect.Effect<void> = Effect.clockWith((clock) => {
    const state = this.#state
    if (state === undefined) return Effect.void
    this.#state = undefined
    this.#options.publish({ _tag: "Restored", at: clock.unsafeCurrentTimeMillis(), since: state.since })
    return Effect.logInfo("Shared rate limits apply again.")
  })
}
