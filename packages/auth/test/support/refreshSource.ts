import type { TokenOwner } from "@countersign/auth/Token"
import type * as TokenEvents from "@countersign/auth/TokenEvents"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Token } from "@countersign/auth/Token"
import type { Acquire, RefreshRequest } from "../../src/internal/refresh/source.js"
import * as Source from "../../src/internal/refresh/source.js"
import * as GuardedStore from "../../src/internal/store/guardedStore.js"
import { key, token } from "./tokenSource.js"

/** The parts of a token source without jitter, with its store and the types of its events. */
export const refreshSource = (
  wrap: (memory: TokenStore.Service) => TokenStore.Service = (memory) => memory,
  owner?: TokenOwner
) =>
  Effect.gen(function* () {
    const memory = yield* TokenStore.makeMemory
    const types: Array<TokenEvents.EventType> = []
    const events = {
      publish: (type: TokenEvents.EventType) => Effect.sync(() => void types.push(type)),
      publishUse: undefined
    }
    const store = GuardedStore.make(wrap(memory), key, owner)
    const source = yield* Source.make({ store, events, windows: { refresh: 300_000, forcedRefresh: 30_000 } })
    return { memory, source, types }
  })

/** Acquires the tokens `canary-1`, `canary-2` and so on, or the outcomes of the script, and records the requests. */
export const scriptedAcquire = (
  script: (n: number) => Effect.Effect<Token, TokenError | TokenStoreError> = (n) => token(n)
) => {
  const requests: Array<RefreshRequest> = []
  const acquire: Acquire<never> = (request) => Effect.suspend(() => script(requests.push(request)))
  return { acquire, requests }
}

/** A refresh of a token that was stored as version `version`. */
export const requestFor = (previous: Token | undefined, more: Partial<RefreshRequest> = {}): RefreshRequest => ({
  ...Source.initial,
  previous: Option.fromNullable(previous),
  ...more
})

/** Runs an effect without jitter. */
export const withoutJitter = Effect.withRandom(Random.fixed([0]))
