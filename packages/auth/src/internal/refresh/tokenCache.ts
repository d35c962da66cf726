import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"
import type { Lifetime, Windows } from "./refreshWindow.js"
import * as Lifetimes from "./refreshWindow.js"
import type { CachedToken } from "./service.js"

type Failure = TokenError | TokenStoreError

/** While a token serves, no other is asked for so soon after that failed. */
const calmMs = 30_000
/** Where there is none to serve, it is asked for after a second, two, four, and at last every 30. */
const firstMs = 1_000

/** Longest wait for a refresh while the old token is valid. It also ends halfway to the expiry. */
const longestMs = 5_000

/** A clock that goes back by less than this was corrected, not set. */
const slackMs = 1_000

const never: Lifetime = {
  soon: Number.NEGATIVE_INFINITY,
  late: Number.NEGATIVE_INFINITY,
  end: Number.NEGATIVE_INFINITY
}

/** The token in memory, when it is to be replaced, and what came of trying. All times are epoch milliseconds. */
export class Holding {
  readonly #clock: Clock.Clock
  readonly #windows: Windows
  #held: CachedToken | undefined
  #life: Lifetime = never
  /** When it was received, by both clocks: the one on the wall can be set, the other one stands still in suspension. */
  #receivedAt = 0
  #receivedNanos = 0n
  /** The latest time that the wall clock was seen to show. */
  #latest = Number.NEGATIVE_INFINITY
  /** Until then no other one is got in the background. */
  #calmUntil = Number.NEGATIVE_INFINITY
  /** Until then no token is requested, because of `#failure`. */
  #closedUntil = Number.NEGATIVE_INFINITY
  #failure: Failure | undefined
  #failures = 0

  constructor(clock: Clock.Clock, windows: Windows) {
    this.#clock = clock
    this.#windows = windows
  }

  get held(): CachedToken | undefined {
    return this.#held
  }

  /** Whether a text is the access token that is held. */
  isHeld({ accessToken }: Token): boolean {
    return this.#held !== undefined && Redacted.value(this.#held.token.accessToken) === Redacted.value(accessToken)
  }

  /** Whether another one need not be waited for at `now`. */
  isFresh(now: number): boolean {
    return this.#held !== undefined && now < this.#life.late
  }

  /** What serves at `now`, although another one would be better. */
  alive(now: number): CachedToken | undefined {
    return now < this.#life.end ? this.#held : undefined
  }

  /** How long a caller at `now` waits for a new token before it uses the old one, in milliseconds. */
  patienceAt(now: number): number {
    return Math.min(longestMs, (this.#life.end - now) / 2)
  }

  /** Whether it is time at `now` to get another one in the background. */
  isDue(now: number): boolean {
    return now >= this.#life.soon && now >= this.#calmUntil
  }

  /** What can be sent at `now` at once; nothing where another one has to be waited for. */
  ready(now: number): CachedToken | undefined {
    if (now < this.#latest) this.#setBack(now)
    this.#latest = now
    if (now < this.#life.late) return this.#held
    return now < this.#calmUntil ? this.alive(now) : undefined
  }

  /** Why there is no other one at `now`, where it is too early to ask again. */
  failureAt(now: number): Failure | undefined {
    return now < this.#closedUntil ? this.#failure : undefined
  }

  /** A wall clock that was set back would let a token live for longer than it does: what has passed is known. */
  #setBack(now: number): void {
    const passed = Number(this.#clock.unsafeCurrentTimeNanos() - this.#receivedNanos) / 1e6
    const by = this.#receivedAt + passed - now
    if (this.#held === undefined || by < slackMs) return
    this.#life = Lifetimes.shifted(this.#life, by)
    this.#receivedAt -= by
    this.#calmUntil -= by
    this.#closedUntil -= by
  }

  /** Takes a token. */
  readonly hold = (token: Token): Effect.Effect<CachedToken> =>
    Effect.map(Random.next, (chance) => {
      const now = this.#clock.unsafeCurrentTimeMillis()
      this.#held = { token, generation: (this.#held?.generation ?? 0) + 1 }
      this.#life = Lifetimes.of(token, now, this.#windows, chance)
      this.#receivedAt = now
      this.#receivedNanos = this.#clock.unsafeCurrentTimeNanos()
      this.#latest = now
      this.#calmUntil = Number.NEGATIVE_INFINITY
      this.#closedUntil = Number.NEGATIVE_INFINITY
      this.#failure = undefined
      this.#failures = 0
      return this.#held
    })

  /** Takes the news that there is no other one. */
  failed(error: Failure | undefined): void {
    const now = this.#clock.unsafeCurrentTimeMillis()
    const asked = error?._tag === "TokenError" ? (error.retryAt ?? now) : now
    // Once it has ended, there is nothing to lose by asking.
    this.#calmUntil = Math.max(asked, Math.min(now + calmMs, Math.max(this.#life.end, now)))
    // A store may be mended, and a user signed in, at any moment; nothing is sent to find that out.
    if (!isUnavailable(error)) return
    this.#closedUntil = Math.max(asked, now + Math.min(firstMs * 2 ** this.#failures, calmMs))
    this.#failures += 1
    this.#failure = error
  }
}

const isUnavailable = (error: Failure | undefined): boolean =>
  error?._tag === "TokenError" && error.reason !== "ReauthorizationRequired"
