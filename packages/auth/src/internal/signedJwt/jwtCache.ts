/** The current JWT of a scheme. It is signed once for all requests, and again before it expires. */
import * as Signal from "@countersign/client/Signal"
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"

/** A signed JWT, with times of the local clock in epoch milliseconds. */
export interface SignedJwt {
  readonly id: number
  readonly token: Redacted.Redacted<string>
  readonly signedAt: number
  readonly renewAt: number
  /** By how much the clock of the server was assumed to be ahead. */
  readonly skewMs: number
}

/** Signs a JWT for a time of the server's clock, in epoch milliseconds. */
export type Sign = (serverNow: number) => Promise<Exit.Exit<Redacted.Redacted<string>, InvalidRequest>>

export interface Times {
  /** How long a JWT is used. */
  readonly useMs: number
  /** A rejected JWT that is younger is not replaced, unless the clock was wrong. */
  readonly minAgeMs: number
}

/** A smaller difference of the clocks is within the resolution of `Date` and the time of a request. */
const correctionMs = 2_000

/** A signature takes milliseconds. One that took longer was lost with the fiber of its request. */
const lostMs = 10_000

export class JwtCache {
  readonly #sign: Sign
  readonly #times: Times
  readonly #clock: Clock.Clock
  #current: SignedJwt | undefined
  #signing: { readonly signal: Signal.Signal<SignedJwt, InvalidRequest>; readonly since: number } | undefined
  #skewMs = 0
  #nextId = 1

  constructor(sign: Sign, times: Times, clock: Clock.Clock) {
    this.#sign = sign
    this.#times = times
    this.#clock = clock
  }

  /** The current JWT, if it is valid at `now`. A clock that was set back makes it invalid. */
  valid(now: number): SignedJwt | undefined {
    const jwt = this.#current
    return jwt !== undefined && now >= jwt.signedAt && now < jwt.renewAt ? jwt : undefined
  }

  /** The current JWT, or a new one. Concurrent callers wait for one signature. */
  readonly get: Effect.Effect<SignedJwt, InvalidRequest> = Effect.suspend(() => {
    const now = this.#clock.unsafeCurrentTimeMillis()
    const jwt = this.valid(now)
    if (jwt !== undefined) return Effect.succeed(jwt)
    if (this.#signing === undefined || Math.abs(now - this.#signing.since) > lostMs) this.#start(now)
    return this.#signing?.signal.wait() ?? this.get
  })

  /** Reads the server's clock from a 401: a wrong clock may explain it. */
  observe(serverNow: number | undefined): void {
    if (serverNow === undefined) return
    const skew = serverNow - this.#clock.unsafeCurrentTimeMillis()
    if (Math.abs(skew - this.#skewMs) >= correctionMs) this.#skewMs = skew
  }

  /** Called for a rejected JWT. Whether another one can be tried. */
  reject(id: string | number): boolean {
    const jwt = this.#current
    if (jwt?.id !== id) return true
    const age = this.#clock.unsafeCurrentTimeMillis() - jwt.signedAt
    if (jwt.skewMs === this.#skewMs && age < this.#times.minAgeMs) return false
    this.#current = undefined
    return true
  }

  #start(now: number): void {
    const signal = Signal.make<SignedJwt, InvalidRequest>()
    const signing = { signal, since: now }
    this.#signing = signing
    const skewMs = this.#skewMs
    void this.#sign(now + skewMs).then((exit) => {
      if (this.#signing === signing) this.#signing = undefined
      signal.complete(Exit.map(exit, (token) => this.#store(token, now, skewMs)))
    })
  }

  #store(token: Redacted.Redacted<string>, now: number, skewMs: number): SignedJwt {
    const jwt = { id: this.#nextId++, token, signedAt: now, renewAt: now + this.#times.useMs, skewMs }
    this.#current = jwt
    return jwt
  }
}
