/**
 * Token source: caches one access token, shares it between concurrent callers, stores it, and refreshes it before it
 * expires or after a 401.
 *
 * @since 0.1.0
 */
import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as SingleFlight from "./internal/concurrency/singleFlight.js"
import * as Telling from "./internal/refresh/eventPublisher.js"
import type { State } from "./internal/refresh/refreshTransaction.js"
import { look, tooSlow, transaction } from "./internal/refresh/refreshTransaction.js"
import * as Renewing from "./internal/refresh/rejection.js"
import type { CachedToken, Options, Service, RefreshOptions } from "./internal/refresh/service.js"
import { Holding } from "./internal/refresh/tokenCache.js"
import * as Saving from "./internal/refresh/tokenPersistence.js"
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
    const telling = yield* Telling.make(options.key)
    const damaged = options.onCorruptRecord === "replace" ? Telling.damaged(telling) : undefined
    const store = GuardedStore.make(yield* TokenStore.TokenStore, options.key, options.tokenOwner, damaged)
    const saving = yield* Saving.make(store, telling)
    const holding = new Holding(yield* Effect.clock, {
      early: Duration.toMillis(options.refreshWindow ?? defaults.refreshWindow),
      late: Duration.toMillis(options.forcedRefreshWindow ?? defaults.forcedRefreshWindow)
    })
    const state: State = {
      ...{ store, saving, holding, telling },
      ...{
        dead: undefined,
        begun: undefined,
        settled: undefined,
        demand: undefined,
        met: undefined,
        declined: undefined
      }
    }
    const firstStep = Duration.toMillis(GuardedStore.storeTimeout)
    const flight = yield* SingleFlight.make(transaction(state, options), {
      firstStep,
      lost: (ms) => tooSlow(Duration.millis(ms))
    })
    const looking = yield* SingleFlight.make(look(state), {
      firstStep,
      lost: (ms) => GuardedStore.timedOut("reading it", "ReadFailed", Duration.millis(ms))
    })
    const another: Renewing.Another = (isEnough) =>
      Timeline.emit(() => ({ _tag: "TokenRequested" })).pipe(
        Effect.zipRight(flight.run(() => (isEnough() ? holding.held : undefined))),
        Effect.tap(() => Timeline.emit(() => ({ _tag: "TokenObtained" })))
      )
    const settling = Duration.toMillis(options.propagationDelay ?? defaults.propagationDelay)
    const meeting = Renewing.meetingOf(state, options.canSatisfy ?? (() => false), another, looking)
    return {
      ...getting(state, flight.start, another),
      ...Renewing.make(state, settling, another, meeting),
      expiredWhen: options.expiredWhen
    }
  })

const getting = (
  { holding, telling: { used } }: State,
  begin: () => void,
  another: Renewing.Another
): Pick<Service, "get" | "getCached"> => {
  const ready = (now: number): CachedToken | undefined => {
    const held = holding.ready(now)
    if (held === undefined) return undefined
    if (holding.isDue(now)) begin()
    used?.(held.token, now)
    return held
  }

  const orTheOld = (error: TokenError | TokenStoreError): Service["get"] =>
    Effect.clockWith((clock) => {
      const held = holding.alive(clock.unsafeCurrentTimeMillis())
      return held === undefined ? Effect.fail(error) : Effect.succeed(held)
    })

  const get = Effect.clockWith((clock) => {
    const now = clock.unsafeCurrentTimeMillis()
    const held = ready(now)
    if (held !== undefined) return Effect.succeed(held)
    const failure = holding.failureAt(now)
    if (failure !== undefined) return Effect.fail(failure)
    const getting = Effect.catchAll(
      another(() => holding.isFresh(now)),
      orTheOld
    )
    const old = holding.alive(now)
    const waiting =
      old === undefined
        ? getting
        : Effect.timeoutTo(getting, {
            duration: holding.patienceAt(now),
            onSuccess: (held) => held,
            onTimeout: () => old
          })
    return waiting.pipe(Effect.tap(({ token }) => Effect.sync(() => used?.(token, now))))
  })

  return { get, getCached: ready }
}

/**
 * Layer with a token source made by {@link make}. It lives as long as the Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(options: Options<R>): Layer.Layer<TokenSource, never, Requirements<R>> =>
  Layer.scoped(TokenSource, make(options))
