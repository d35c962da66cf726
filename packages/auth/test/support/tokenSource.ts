import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Scheduler from "effect/Scheduler"

/** The prefix of every secret of these tests, so that one search finds a leak. */
export const canary = "canary-"

/** The token `canary-n`, received now, with the refresh token `canary-refresh-n`. */
export const token = (n: number | string, lifetimeMs?: number): Effect.Effect<Token.Token> =>
  Effect.map(Clock.currentTimeMillis, (now) => ({
    ...Token.bearer(Redacted.make(`${canary}${n}`), now, lifetimeMs),
    refreshToken: Redacted.make(`${canary}refresh-${n}`)
  }))

export const nameOf = (held: { readonly token: Token.Token }): string => Redacted.value(held.token.accessToken)

export const scriptedError = (reason: TokenError["reason"]): TokenError =>
  new TokenError({ reason, detail: "as scripted" })

/** A request for a token. */
export interface Call {
  readonly at: number
  /** The refresh token of the previous token. */
  readonly previous: string | undefined
}

type Outcome = (n: number) => Effect.Effect<Token.Token, TokenError>

/** Acquires `canary-1`, `canary-2` and so on, or the outcomes of the script, and records the calls. */
export const scriptedTokens = (script: Outcome = (n) => token(n)) => {
  const calls: Array<Call> = []
  const mint: TokenSource.Options["acquireToken"] = (last) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) => {
      const refreshToken = Option.getOrUndefined(last)?.refreshToken
      calls.push({ at, previous: refreshToken && Redacted.value(refreshToken) })
      return script(calls.length)
    })
  return { calls, mint }
}

export const key = "key"

/** A source without jitter and, by default, without propagation delay. */
export const makeSource = (
  store: TokenStore.Service,
  mint: TokenSource.Options["acquireToken"],
  options: Partial<TokenSource.Options> = {}
) =>
  TokenSource.make({ key, acquireToken: mint, propagationDelay: 0, ...options }).pipe(
    Effect.provideService(TokenStore.TokenStore, store),
    Effect.withRandom(Random.fixed([0]))
  )

/** A source with its own store. */
export const source = (mint: TokenSource.Options["acquireToken"], options: Partial<TokenSource.Options> = {}) =>
  Effect.flatMap(TokenStore.makeMemory, (store) => makeSource(store, mint, options))

/** The stored access token. */
export const storedIn = (store: TokenStore.Service): Effect.Effect<string | undefined, TokenStoreError> =>
  Effect.map(store.get(key), (stored) => Option.getOrUndefined(Option.map(stored, nameOf)))

/** Stores a token as another process would. */
export const storeFromOtherProcess = (store: TokenStore.Service, text: string, lifetimeMs?: number) =>
  Effect.gen(function* () {
    const version = Option.match(yield* store.get(key), { onNone: () => 0, onSome: (stored) => stored.version })
    return yield* store.compareAndSet(key, version, yield* token(text, lifetimeMs))
  })

/** A store that fails writes while `broken` is set, and the number of attempted writes. */
export const failingStore = (store: TokenStore.Service) => {
  const state = { broken: true, writes: 0 }
  const full = new TokenStoreError({ reason: "WriteFailed", detail: "the disk is full" })
  const service: TokenStore.Service = {
    ...store,
    compareAndSet: (...write) =>
      Effect.suspend(() => {
        state.writes += 1
        return state.broken ? Effect.fail(full) : store.compareAndSet(...write)
      })
  }
  return { service, state }
}

/** Runs an effect and collects its log lines. */
export const logging = (lines: Array<string>) =>
  Effect.provide(Logger.add(Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))))

export const times = <A, E, R>(n: number, effect: Effect.Effect<A, E, R>) =>
  Effect.all(
    Array.from({ length: n }, () => effect),
    { concurrency: "unbounded" }
  )

/** Stops a fiber before its n-th step until `goOn` runs, to force a race. */
export const pauseAtStep = (step: number) => {
  let steps = 0
  let free = false
  let stopped: (() => void) | undefined
  const scheduler = Scheduler.make(
    (task, priority, fiber) => {
      if (steps === step && !free) stopped = task
      else Scheduler.defaultScheduler.scheduleTask(task, priority, fiber)
    },
    () => ++steps === step && 0
  )
  return {
    run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.withScheduler(effect, scheduler),
    goOn: Effect.sync(() => {
      free = true
      stopped?.()
    })
  }
}
