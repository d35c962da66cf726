/**
 * One token for everybody who needs it: got once however many ask, kept in a store, replaced when it is about to
 * expire or was refused.
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
import * as Guarded from "./internal/store/guardedStore.js"
import * as TokenStore from "./TokenStore.js"

export type { CachedToken, Options, RefreshOptions, Service } from "./internal/refresh/service.js"

/**
 * The source that an application's {@link Bearer} sends from.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenSource extends /* @__PURE__ */ Context.Tag("@countersign/auth/TokenSource")<TokenSource, Service>() {}

/**
 * What a source asks for: a store, a scope that its work lives in, and what `mint` asks for.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<R> = TokenStore.TokenStore | R

/**
 * What a source does when it is not told otherwise.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: Readonly<Record<Exclude<keyof RefreshOptions, "expiredWhen">, Duration.DurationInput>> = {
  /** How long one try of `mint` may take. */
  timeout: "20 seconds",
  /** How long before its end a token is replaced in the background; a fifth of its life at most, less some jitter. */
  refreshWindow: "5 minutes",
  /** How long before its end nobody is given it any more who can wait for another; a tenth of its life at most. */
  forcedRefreshWindow: "30 seconds",
  /** For how long after it was got a token that is refused is tried again; the OAuth grants say 3 seconds. */
  propagationDelay: 0
}

/**
 * Makes a source. Its work lives in the scope it is made in: closing that waits for a token that is on its way, so
 * that it is stored, and stores what could not be stored before.
 *
 * While a token serves, another one is got in the background when its end comes near, and nobody waits for that; a
 * failure of it is told of, and tried again every 30 seconds. Where none serves, it is tried again after a second, two,
 * four, at last every 30, and whoever asks in between gets the error of the last try at once; earlier than the
 * authorization server asked for it is never tried. What happens to the tokens is told to {@link TokenEvents}, where the
 * context has it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(options: Options<R>): Effect.Effect<Service, never, Requirements<R> | Scope.Scope> =>
  Effect.gen(function* () {
    const telling = yield* Telling.make(options.key)
    const damaged = options.onCorruptRecord === "replace" ? Telling.damaged(telling) : undefined
    const store = Guarded.make(yield* TokenStore.TokenStore, options.key, options.tokenOwner, damaged)
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
    const firstStep = Duration.toMillis(Guarded.patience)
    const flight = yield* SingleFlight.make(transaction(state, options), {
      firstStep,
      lost: (ms) => tooSlow(Duration.millis(ms))
    })
    const looking = yield* SingleFlight.make(look(state), {
      firstStep,
      lost: (ms) => Guarded.silent("reading it", "ReadFailed", Duration.millis(ms))
    })
    const another: Renewing.Another = (isEnough) =>
      Timeline.emit(() => ({ _tag: "TokenRequested" })).pipe(
        Effect.zipRight(flight.join(() => (isEnough() ? holding.held : undefined))),
        Effect.tap(() => Timeline.emit(() => ({ _tag: "TokenObtained" })))
      )
    const settling = Duration.toMillis(options.propagationDelay ?? defaults.propagationDelay)
    const meeting = Renewing.meetingOf(state, options.canSatisfy ?? (() => false), another, looking)
    return {
      ...getting(state, flight.begin, another),
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
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(options: Options<R>): Layer.Layer<TokenSource, never, Requirements<R>> =>
  Layer.scoped(TokenSource, make(options))
