/** Whether Redis is unreachable, so that not every request waits for its timeout. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Time after a failure in which Redis is not asked, in nanoseconds: 1 s. */
const pause = 1_000_000_000n

/** The state of one limiter. While Redis is unreachable, one caller per second asks it. */
export class Outage {
  #nextAt: bigint | undefined

  /** Whether the last response is missing. */
  get isActive(): boolean {
    return this.#nextAt !== undefined
  }

  /** Whether to ask Redis now. A caller that may ask during an outage is the only one for the next second. */
  readonly mayAsk: Effect.Effect<boolean> = Effect.map(Clock.currentTimeNanos, (now) => {
    if (this.#nextAt === undefined) return true
    if (now < this.#nextAt) return false
    this.#nextAt = now + pause
    return true
  })

  /** Redis has failed. Logs the first failure of an outage. */
  failed(detail: string): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeNanos, (now) => {
      const isFirst = this.#nextAt === undefined
      this.#nextAt = now + pause
      return isFirst
        ? Effect.logWarning(`Rate limits of this process apply, because the shared ones are unavailable. ${detail}`)
        : Effect.void
    })
  }

  /** Redis has answered. Logs the end of an outage. */
  readonly answered: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#nextAt === undefined) return Effect.void
    this.#nextAt = undefined
    return Effect.logInfo("Shared rate limits apply again.")
  })
}
