/** A model of an authorization server that rotates refresh tokens and revokes their family if one is reused. */
import type { Token } from "@countersign/auth/Token"
import { TokenError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { TraceRefresh } from "./refreshOwners.js"
import type { DeterministicScheduler } from "./deterministicScheduler.js"

/** Lifetime of access tokens and maximum latency in each direction, in milliseconds. */
export interface Rules {
  readonly lifetimeMs: number
  readonly latencyMs: number
  /** Share of requests that get an error because the server is busy. */
  readonly busy: number
}

type Answer = Effect.Effect<Token, TokenError>

const invalidGrant: Answer = Effect.fail(
  new TokenError({ reason: "ReauthorizationRequired", error: "invalid_grant", detail: "the refresh token is invalid" })
)

/** The server, with one token family. */
export class AuthorizationServer {
  readonly #scheduler: DeterministicScheduler
  readonly #rules: Rules
  readonly #good = new Map<string, number>()
  #number = 0
  #isRevoked = false
  calls = 0
  commits = 0
  /** Number of requests with a used refresh token. */
  reuses = 0

  constructor(scheduler: DeterministicScheduler, rules: Rules) {
    this.#scheduler = scheduler
    this.#rules = rules
  }

  /** The valid refresh token. Undefined after the family was revoked. */
  get currentRefreshToken(): string | undefined {
    return this.#isRevoked ? undefined : `refresh ${this.#number}`
  }

  /** Issues a token, as after a sign-in. */
  issue(): Token {
    const now = this.#scheduler.unsafeCurrentTimeMillis()
    const accessToken = `access ${this.#number}`
    const expiresAt = now + this.#rules.lifetimeMs
    this.#good.set(accessToken, expiresAt)
    return {
      accessToken: Redacted.make(accessToken),
      tokenType: "Bearer",
      receivedAt: now,
      expiresAt,
      refreshToken: Redacted.make(`refresh ${this.#number}`)
    }
  }

  /** Whether an API accepts a token. */
  isGood({ accessToken }: Token): boolean {
    return (this.#good.get(Redacted.value(accessToken)) ?? 0) > this.#scheduler.unsafeCurrentTimeMillis()
  }

  /** Revokes the access tokens, but no refresh token. */
  revokeAccessTokens(): void {
    this.#good.clear()
  }

  /** A request that arrives is processed, whether or not its caller still waits. */
  refresh(previous: Option.Option<Token>, trace: TraceRefresh): Answer {
    return Effect.async((resume) => {
      trace("before POST")
      const traceLater = trace.later()
      const { latencyMs } = this.#rules
      this.#scheduler.after(this.#scheduler.integer(latencyMs), () => {
        const answer = this.#answer(Option.getOrUndefined(previous)?.refreshToken)
        traceLater("before response")
        this.#scheduler.after(this.#scheduler.integer(latencyMs), () => {
          traceLater("before save")
          resume(answer)
        })
      })
    })
  }

  #answer(refreshToken: Redacted.Redacted<string> | undefined): Answer {
    this.calls += 1
    if (this.#scheduler.isLucky(this.#rules.busy)) {
      const sent = this.#scheduler.isLucky(0.5) ? "maybe" : "no"
      return Effect.fail(new TokenError({ reason: "Unavailable", sent, detail: "the server is busy" }))
    }
    if (this.#isRevoked || refreshToken === undefined) return invalidGrant
    if (Redacted.value(refreshToken) !== this.currentRefreshToken) {
      this.reuses += 1
      this.#isRevoked = true
      this.#scheduler.record("reuse")
      return invalidGrant
    }
    this.#number += 1
    this.commits += 1
    this.#scheduler.record(`commit ${this.#number}`)
    return Effect.succeed(this.issue())
  }
}
