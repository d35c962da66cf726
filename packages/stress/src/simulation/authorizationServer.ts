/** A model of an authorization server that rotates refresh tokens, and ends a family at the first one it sees twice. */
import type { Token } from "@countersign/auth/Token"
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { TraceRefresh } from "./refreshOwners.js"
import type { DeterministicScheduler } from "./deterministicScheduler.js"

/** How the server is: a lifetime in milliseconds, and the most that the ways there and back take. */
export interface Rules {
  readonly lifetimeMs: number
  readonly latencyMs: number
  /** The share of requests that it is too busy for. */
  readonly busy: number
}

type Answer = Effect.Effect<Token, TokenError>

const dead: Answer = Effect.fail(
  new TokenError({ reason: "ReauthorizationRequired", error: "invalid_grant", detail: "the refresh token is not good" })
)

/** One family of tokens. */
export class AuthorizationServer {
  readonly #world: DeterministicScheduler
  readonly #rules: Rules
  readonly #good = new Map<string, number>()
  #number = 0
  #isRevoked = false
  calls = 0
  commits = 0
  /** How often a refresh token came that had been used. */
  reuses = 0

  constructor(world: DeterministicScheduler, rules: Rules) {
    this.#world = world
    this.#rules = rules
  }

  /** The refresh token that is good; undefined where the family was ended. */
  get live(): string | undefined {
    return this.#isRevoked ? undefined : `refresh ${this.#number}`
  }

  /** A token as if somebody had signed in. */
  issue(): Token {
    const now = this.#world.unsafeCurrentTimeMillis()
    const accessToken = `access ${this.#number}`
    const expiresAt = now + this.#rules.lifetimeMs
    this.#good.set(accessToken, expiresAt)
    return {
      accessToken: Redacted.make(accessToken),
      tokenType: "Bearer",
      obtainedAt: now,
      expiresAt,
      refreshToken: Redacted.make(`refresh ${this.#number}`)
    }
  }

  /** Whether an API lets a token in. */
  isGood({ accessToken }: Token): boolean {
    return (this.#good.get(Redacted.value(accessToken)) ?? 0) > this.#world.unsafeCurrentTimeMillis()
  }

  /** Ends the access tokens, and no refresh token. */
  revokeAccessTokens(): void {
    this.#good.clear()
  }

  /** What arrives is carried out, whether somebody still waits for the answer or not. */
  refresh(previous: Option.Option<Token>, follow: TraceRefresh): Answer {
    return Effect.async((resume) => {
      follow("before POST")
      const back = follow.later()
      const { latencyMs } = this.#rules
      this.#world.after(this.#world.integer(latencyMs), () => {
        const answer = this.#answer(Option.getOrUndefined(previous)?.refreshToken)
        back("before the answer")
        this.#world.after(this.#world.integer(latencyMs), () => {
          back("before save")
          resume(answer)
        })
      })
    })
  }

  #answer(refreshToken: Redacted.Redacted<string> | undefined): Answer {
    this.calls += 1
    if (this.#world.isLucky(this.#rules.busy)) {
      const sent = this.#world.isLucky(0.5) ? "maybe" : "no"
      return Effect.fail(new TokenError({ reason: "Unavailable", sent, detail: "the server is busy" }))
    }
    if (this.#isRevoked || refreshToken === undefined) return dead
    if (Redacted.value(refreshToken) !== this.live) {
      this.reuses += 1
      this.#isRevoked = true
      this.#world.tell("reuse")
      return dead
    }
    this.#number += 1
    this.commits += 1
    this.#world.tell(`commit ${this.#number}`)
    return Effect.succeed(this.issue())
  }
}
