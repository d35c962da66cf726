/** A model of a disk that processes share: one record and its lock, slow, and sometimes failing. */
import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TraceRefresh } from "./refreshOwners.js"
import type { DeterministicScheduler } from "./deterministicScheduler.js"

/** The most that a step takes, in milliseconds, and the share of steps that fail. */
export interface Rules {
  readonly latencyMs: number
  readonly failing: number
}

/** How often the lock is looked at while another has it, in milliseconds. */
const pollMs = 20

/** What is on the disk survives the processes. */
export class Disk {
  readonly #world: DeterministicScheduler
  readonly #rules: Rules
  #record: TokenStore.VersionedToken | undefined
  #holder: object | undefined
  /** Set to false when what is lost by its failing is nobody's fault: while a process ends. */
  mayFail = true

  constructor(world: DeterministicScheduler, rules: Rules) {
    this.#world = world
    this.#rules = rules
  }

  /** What would be found now. */
  get token(): Token | undefined {
    return this.#record?.token
  }

  /** Signs somebody in. */
  put(token: Token): void {
    this.#record = { token, version: (this.#record?.version ?? 0) + 1 }
  }

  #step(reason: "ReadFailed" | "WriteFailed" | "LockTimeout"): Effect.Effect<void, TokenStoreError> {
    return Effect.suspend(() => {
      const fails = this.mayFail && this.#world.isLucky(this.#rules.failing)
      if (fails) this.#world.tell(`will be ${reason}`)
      const then = fails ? Effect.fail(new TokenStoreError({ reason, detail: "the disk has failed" })) : Effect.void
      return Effect.zipRight(Effect.sleep(this.#world.integer(this.#rules.latencyMs)), then)
    })
  }

  #write(expected: number, token: Token): Option.Option<TokenStore.VersionedToken> {
    if ((this.#record?.version ?? 0) !== expected) return Option.none()
    this.put(token)
    this.#world.tell(`stored ${expected + 1}`)
    return Option.fromNullable(this.#record)
  }

  #exclusive(follow: TraceRefresh): TokenStore.Service["withLock"] {
    return () =>
      <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.uninterruptibleMask((restore) => {
          const holder = {}
          const take: Effect.Effect<void> = Effect.suspend(() => {
            if (this.#holder !== undefined) return Effect.zipRight(restore(Effect.sleep(pollMs)), take)
            this.#holder = holder
            follow("in lock")
            return Effect.void
          })
          const release = Effect.sync(() => {
            this.#holder = undefined
            follow("after")
          })
          return restore(this.#step("LockTimeout")).pipe(
            Effect.zipRight(take),
            Effect.zipRight(Effect.ensuring(restore(effect), release))
          )
        })
  }

  /** The store as one process has it. */
  store(follow: TraceRefresh): TokenStore.Service {
    // Without a lock that is its own, it is the first look of a refresh.
    let isExcluding = false
    const exclusive = this.#exclusive(follow)
    return {
      lockScope: "host",
      get: () =>
        Effect.suspend(() => {
          if (!isExcluding) follow("before lock")
          return Effect.map(this.#step("ReadFailed"), () => Option.fromNullable(this.#record))
        }),
      compareAndSet: (_, expected, token) =>
        Effect.suspend(() => {
          if (token.refreshingSince === undefined) follow("in save")
          return this.#step("WriteFailed").pipe(
            Effect.zipRight(Effect.sync(() => this.#write(expected, token))),
            // It may fail although it was done.
            Effect.zipLeft(this.#step("WriteFailed"))
          )
        }),
      remove: () => Effect.die("no token is removed here"),
      withLock: (key) => (effect) =>
        Effect.suspend(() => {
          follow("before lock")
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
