/**
 * Token source: caches one access token, shares it between concurrent callers, stores it, and refreshes it before it
 * expires or after a 401.
 *
 * @since 0.1.0
 */
import type { TokenError, TokenStoreError } from "./Errors.js"
import * as Timeline from "@countersign/client/Timeline"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as SingleFlight from "./internal/concurrency/singleFlight.js"
import * as OptionNames from "./internal/options/optionNames.js"
import * as EventPublisher from "./internal/refresh/eventPublisher.js"
import { sourceNames } from "./internal/refresh/optionNames.js"
import * as PendingWrites from "./internal/refresh/pendingWrites.js"
import * as RefreshState from "./internal/refresh/refreshState.js"
import * as RefreshTransaction from "./internal/refresh/refreshTransaction.js"
import * as Rejection from "./internal/refresh/rejection.js"
import type { CachedToken, Options, Service, RefreshOptions } from "./internal/refresh/service.js"
import * as Source from "./internal/refresh/source.js"
import * as TokenCache from "./internal/refresh/tokenCache.js"
import * as GuardedStore from "./internal/store/guardedStore.js"
import * as TokenStore from "./TokenStore.js"

export type { CachedToken, Options, RefreshOptions, Service } from "./internal/refresh/service.js"

/**
 * Context tag of the token source that `Bearer` and `Dpop` read the access token from.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenSource extends /* @__PURE__ */ Context.Tag("@countersign/auth/TokenSource")<TokenSource, Service>() {}

/**
 * The services that a token source needs: the token store, and the requirements of `acquireToken`.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<R> = TokenStore.TokenStore | R

/**
 * The default values of {@link RefreshOptions}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: Readonly<Record<Exclude<keyof RefreshOptions, "expiredWhen">, Duration.DurationInput>> = {
  /** Maximum duration of one run of `acquireToken`. */
  timeout: "20 seconds",
  /**
   * Within this time before expiry, the token is refreshed in the background. At most a fifth of its lifetime, less jitter.
   */
  refreshWindow: "5 minutes",
  /** Within this time before expiry, callers wait for the new token. At most a tenth of the token's lifetime. */
  forcedRefreshWindow: "30 seconds",
  /** For this time after receipt, a token that gets a 401 is sent again. The OAuth grants use 3 seconds. */
  propagationDelay: 0
}

/**
 * Makes a token source.
 *
 * The source runs in the scope of this effect. When the scope closes, it waits for a pending refresh, stores that token, and
 * stores tokens that could not be stored before.
 *
 * - Within `refreshWindow`, the token is refreshed in the background and callers do not wait. A failed refresh is logged as
 *   a warning and repeated after 30 seconds.
 * - Without a valid token, a failed request is repeated after 1, 2, 4 … seconds, at most 30. Until then, callers get the
 *   last error immediately.
 * - The source never sends a request before the `Retry-After` time of the authorization server.
 * - Events are published to `TokenEvents`, if the context has that service.
 *
 * @example
 * import * as Token from "@countersign/auth/Token"
 * import * as TokenSource from "@countersign/auth/TokenSource"
 * import * as TokenStore from "@countersign/auth/TokenStore"
 * import * as Clock from "effect/Clock"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * // Replace this with a request to your token service.
 * const acquireToken = () =>
 *   Effect.map(Clock.currentTimeMillis, (now) => Token.bearer(Redacted.make("secret"), now, 3_600_000))
 *
 * const program = Effect.gen(function* () {
 *   const source = yield* TokenSource.make({ key: "example", acquireToken })
 *   const { token } = yield* source.get
 *   return token.expiresAt
 * }).pipe(Effect.scoped, Effect.provide(TokenStore.layerMemory))
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(options: Options<R>): Effect.Effect<Service, never, Requirements<R> | Scope.Scope> =>
  Effect.gen(function* () {
    OptionNames.known("`TokenSource`", options, sourceNames)
    const millisOf = (option: Exclude<keyof RefreshOptions, "expiredWhen">): number =>
      Duration.toMillis(options[option] ?? defaults[option])
    const events = yield* EventPublisher.make(options.key)
    const onDamage = options.onCorruptRecord === "replace" ? EventPublisher.reportDamage(events) : undefined
    const store = GuardedStore.make(yield* TokenStore.TokenStore, options.key, options.tokenOwner, onDamage)
    const windows = { refresh: millisOf("refreshWindow"), forcedRefresh: millisOf("forcedRefreshWindow") }
    const source = yield* Source.make({ store, events, windows })
    const writes = yield* PendingWrites.make(source)
    const acquire = RefreshTransaction.make(source, writes, options, Duration.millis(millisOf("timeout")))
    const firstStep = Duration.toMillis(GuardedStore.storeTimeout)
    const { cache } = source
    const refreshed = Effect.map(
      acquire(Source.initial),
      // A refresh puts each token that it returns into the cache.
      (token): CachedToken => TokenCache.cachedOf(cache.current) ?? { token, generation: 0 }
    )
    const flight = yield* SingleFlight.make(refreshed, {
      firstStep,
      lost: (ms) => RefreshTransaction.timedOut(Duration.millis(ms))
    })
    const reloading = yield* SingleFlight.make(Source.reload(source), {
      firstStep,
      lost: (ms) => GuardedStore.timedOut("reading it", "ReadFailed", Duration.millis(ms))
    })
    const refresh: Rejection.Refresh = (find, runs) => {
      const run = flight.run(find, runs)
      return Effect.withFiberRuntime((fiber) =>
        Timeline.isObserved(fiber) ? Effect.zipRight(tokenRequested, Effect.zipLeft(run, tokenObtained)) : run
      )
    }
    return {
      ...makeGet(source, refresh, flight.start),
      ...Rejection.make(source, {
        propagationDelayMs: millisOf("propagationDelay"),
        canSatisfy: options.canSatisfy ?? (() => false),
        refresh,
        reload: reloading.run(() => undefined)
      }),
      expiredWhen: options.expiredWhen,
      honorsDeadline: true
    }
  })

const tokenRequested = Timeline.emit(() => ({ _tag: "TokenRequested" }))
const tokenObtained = Timeline.emit(() => ({ _tag: "TokenObtained" }))

const makeGet = (
  source: Source.Source,
  refresh: Rejection.Refresh,
  start: () => void
): Pick<Service, "get" | "getCached"> => {
  const { cache, clock } = source
  const { publishUse } = source.events

  const getCached = (wall: number): CachedToken | undefined => {
    const now = clock.correct(wall)
    const current = TokenCache.at(cache.current, now)
    cache.current = current
    if (current._tag === "Empty" || current._tag === "Expired") return undefined
    const isQuiet = current._tag !== "Fresh" && RefreshState.isQuiet(source.refresh.current, now)
    if (current._tag === "Expiring" && !isQuiet) return undefined
    if (current._tag === "Refreshable" && !isQuiet) start()
    publishUse?.(current.cached.token, wall)
    return current.cached
  }

  const usableToken = (error: TokenError | TokenStoreError) =>
    Effect.flatMap(clock.now, (now) => {
      const cached = TokenCache.usableOf(TokenCache.at(cache.current, now))
      return cached === undefined ? Effect.fail(error) : Effect.succeed(cached)
    })

  const get = Effect.clockWith((callerClock) => {
    const wall = callerClock.unsafeCurrentTimeMillis()
    const ready = getCached(wall)
    if (ready !== undefined) return Effect.succeed(ready)
    const now = clock.correct(wall)
    const error = RefreshState.errorAt(source.refresh.current, now)
    if (error !== undefined) return Effect.fail(error)
    const fresh = () => {
      const current = TokenCache.at(cache.current, now)
      return TokenCache.isFresh(current) ? TokenCache.cachedOf(current) : undefined
    }
    const refreshed = Effect.catchAll(refresh(fresh), usableToken)
    const old = TokenCache.usableOf(cache.current)
    const token =
      old === undefined
        ? refreshed
        : Effect.timeoutTo(refreshed, {
            duration: TokenCache.waitOf(cache.current, now),
            onSuccess: (cached) => cached,
            onTimeout: () => old
          })
    return publishUse === undefined
      ? token
      : Effect.tap(token, ({ token }) => Effect.sync(() => publishUse(token, wall)))
  })

  return { get, getCached }
}

/**
 * Layer with a token source made by {@link make}. It lives as long as the Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(options: Options<R>): Layer.Layer<TokenSource, never, Requirements<R>> =>
  Layer.scoped(TokenSource, make(options))
