/** A model of a disk that processes share: one record and its lock, with latency and failures. */
import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TraceRefresh } from "./refreshOwners.js"
import type { DeterministicScheduler } from "./deterministicScheduler.js"

/** Maximum duration of an operation in milliseconds, and the share of operations that fail. */
export interface Rules {
  readonly latencyMs: number
  readonly failing: number
}

/** Interval at which a held lock is polled, in milliseconds. */
const pollMs = 20

/** The disk. Its content outlives the processes. */
export class Disk {
  readonly #scheduler: DeterministicScheduler
  readonly #rules: Rules
  #record: TokenStore.VersionedToken | undefined
  #holder: object | undefined
  /** False while a process ends, when a failure would lose a token that no client can keep. */
  mayFail = true

  constructor(scheduler: DeterministicScheduler, rules: Rules) {
    this.#scheduler = scheduler
    this.#rules = rules
  }

  /** The token that is stored now. */
  get token(): Token | undefined {
    return this.#record?.token
  }

  /** Stores a token, as a sign-in does. */
  put(token: Token): void {
    this.#record = { token, version: (this.#record?.version ?? 0) + 1 }
  }

  #step(reason: "ReadFailed" | "WriteFailed" | "LockTimeout"): Effect.Effect<void, TokenStoreError> {
    return Effect.suspend(() => {
      const fails = this.mayFail && this.#scheduler.isLucky(this.#rules.failing)
      if (fails) this.#scheduler.record(`will be ${reason}`)
      const then = fails ? Effect.fail(new TokenStoreError({ reason, detail: "the disk failed" })) : Effect.void
      return Effect.zipRight(Effect.sleep(this.#scheduler.integer(this.#rules.latencyMs)), then)
    })
  }

  #write(expected: number, token: Token): Option.Option<TokenStore.VersionedToken> {
    if ((this.#record?.version ?? 0) !== expected) return Option.none()
    this.put(token)
    this.#scheduler.record(`stored ${expected + 1}`)
    return Option.fromNullable(this.#record)
  }

  #exclusive(trace: TraceRefresh): TokenStore.Service["withLock"] {
    return () =>
      <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.uninterruptibleMask((restore) => {
          const holder = {}
          const take: Effect.Effect<void> = Effect.suspend(() => {
            if (this.#holder !== undefined) return Effect.zipRight(restore(Effect.sleep(pollMs)), take)
            this.#holder = holder
            trace("in lock")
            return Effect.void
          })
          const release = Effect.sync(() => {
            this.#holder = undefined
            trace("after")
          })
          return restore(this.#step("LockTimeout")).pipe(
            Effect.zipRight(take),
            Effect.zipRight(Effect.ensuring(restore(effect), release))
          )
        })
  }

  /** The store of one process. */
  store(trace: TraceRefresh): TokenStore.Service {
    // A read without the lock is the first step of a refresh.
    let isExcluding = false
    const exclusive = this.#exclusive(trace)
    return {
      lockScope: "host",
      get: () =>
        Effect.suspend(() => {
          if (!isExcluding) trace("before lock")
          return Effect.map(this.#step("ReadFailed"), () => Option.fromNullable(this.#record))
        }),
      compareAndSet: (_, expected, token) =>
        Effect.suspend(() => {
          if (token.refreshStartedAt === undefined) trace("in save")
          return this.#step("WriteFailed").pipe(
            Effect.zipRight(Effect.sync(() => this.#write(expected, token))),
            // A write may fail although it was carried out.
            Effect.zipLeft(this.#step("WriteFailed"))
          )
        }),
      remove: () => Effect.die("no token is removed here"),
      withLock: (key) => (effect) =>
        Effect.suspend(() => {
          trace("before lock")
          const within = Effect.suspend(() => {
            isExcluding = true
            return Effect.ensuring(
              effect,
              Effect.sync(() => (isExcluding = false))
            )
          })
          return exclusive(key)(within)
        })
    }
  }
}
