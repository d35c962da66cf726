/**
 * One token for everybody who needs it: got once however many ask, kept in a store, replaced when it is about to
 * expire or was refused.
 *
 * @since 0.1.0
 */
import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Saving from "./internal/saving.js"
import * as SingleFlight from "./internal/singleFlight.js"
import type { State } from "./internal/transaction.js"
import { transaction } from "./internal/transaction.js"
import * as Token from "./Token.js"
import * as TokenStore from "./TokenStore.js"

/**
 * A token in use. `generation` names it without telling it: it grows with every other token this source hands out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Held {
  readonly token: Token.Token
  readonly generation: number
}

/**
 * A source of one token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * The current token. At once while it is fresh; otherwise after somebody, not necessarily this caller, has got
   * another. While there is none to be had, one that has not expired yet is still given.
   */
  readonly get: Effect.Effect<Held, TokenError | TokenStoreError>
  /** What {@link Service.get} gives at once at `now` (epoch milliseconds); undefined where it would have to wait. */
  readonly ready?: ((now: number) => Held | undefined) | undefined
  /**
   * Tells that a token was refused. True when there is another to try: somebody has replaced it already, or it is
   * replaced now. False for a token that {@link Service.gaveUp} was told of less than 30 seconds ago.
   */
  readonly renew: (generation: string | number) => Effect.Effect<boolean, TokenError | TokenStoreError>
  /**
   * Tells that a token was refused although it had just replaced a refused one. A server that refuses whatever it is
   * given is not helped by more of them: this one is not replaced because of a refusal for 30 seconds.
   */
  readonly gaveUp: (generation: string | number) => Effect.Effect<void>
}

/**
 * The source that an application's {@link Bearer} sends from.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenSource extends /* @__PURE__ */ Context.Tag("@countersign/auth/TokenSource")<TokenSource, Service>() {}

/**
 * How to get a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  /** What the token is filed under in the store, see {@link TokenKey}. */
  readonly key: string
  /**
   * Gets a token, given the last one there was (its refresh token may still be good). Runs in a fiber of its own that
   * no caller can interrupt; the store's exclusion is held meanwhile.
   */
  readonly mint: (previous: Option.Option<Token.Token>) => Effect.Effect<Token.Token, TokenError, R>
  /** How long `mint` may take (20 s). */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * What a source asks for: a store, a scope that its work lives in, and what `mint` asks for.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<R> = TokenStore.TokenStore | R

/** No other token is asked for so soon after that failed while this one serves, or after another did not help. */
const cooldownMs = 30_000

/**
 * Makes a source. Its work lives in the scope it is made in: closing that waits for a token that is on its way, so
 * that it is stored, and stores what could not be stored before.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(options: Options<R>): Effect.Effect<Service, never, Requirements<R> | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* TokenStore.TokenStore
    const saving = yield* Saving.make(store, options.key)
    const state: State = { store, saving, held: undefined, dead: undefined }
    const flight = yield* SingleFlight.make(transaction(state, options))
    const another: Another = (isEnough) =>
      Timeline.emit(() => ({ _tag: "TokenRequested" })).pipe(
        Effect.zipRight(flight(() => (state.held !== undefined && isEnough(state.held) ? state.held : undefined))),
        Effect.tap(() => Timeline.emit(() => ({ _tag: "TokenObtained" })))
      )
    return { ...getting(state, another), ...renewing(state, another) }
  })

/** Gets another token, unless the one in memory has become good enough in the meantime. */
type Another = (isEnough: (held: Held) => boolean) => Service["get"]

const isFresh = ({ token }: Held, now: number): boolean => Token.isFresh(token, now)

const isAlive = ({ token }: Held, now: number): boolean => now < (token.expiresAt ?? Number.POSITIVE_INFINITY)

const getting = (state: State, another: Another): Pick<Service, "get" | "ready"> => {
  let failedAt = Number.NEGATIVE_INFINITY

  const orTheOld = (error: TokenError | TokenStoreError): Service["get"] =>
    Effect.clockWith((clock) => {
      const now = clock.unsafeCurrentTimeMillis()
      const { held } = state
      if (held === undefined || !isAlive(held, now)) return Effect.fail(error)
      // All who waited for it come by here; one of them says so.
      if (now < failedAt + cooldownMs) return Effect.succeed(held)
      failedAt = now
      return Effect.as(Effect.logWarning(`${error.message}; the old one serves until it expires.`), held)
    })

  const ready = (now: number): Held | undefined => {
    const { held } = state
    const serves = now < failedAt + cooldownMs ? isAlive : isFresh
    return held !== undefined && serves(held, now) ? held : undefined
  }

  const get = Effect.clockWith((clock) => {
    const now = clock.unsafeCurrentTimeMillis()
    const held = ready(now)
    if (held !== undefined) return Effect.succeed(held)
    return Effect.catchAll(
      another((current) => isFresh(current, now)),
      orTheOld
    )
  })

  return { get, ready }
}

const renewing = (state: State, another: Another): Pick<Service, "renew" | "gaveUp"> => {
  let fruitless = { generation: 0, at: Number.NEGATIVE_INFINITY }

  const renew: Service["renew"] = (refused) =>
    Effect.clockWith((clock) => {
      // Somebody has replaced it while the refusal was on its way: there is another to try already.
      if (state.held?.generation !== refused) return Effect.succeed(true)
      if (refused === fruitless.generation && clock.unsafeCurrentTimeMillis() < fruitless.at + cooldownMs) {
        return Effect.succeed(false)
      }
      const isAnother = ({ generation }: Held) => generation !== refused
      // What was joined may be the very work that has got the refused one, and is not done with storing it.
      return Effect.as(Effect.repeat(another(isAnother), { until: isAnother }), true)
    })

  const gaveUp: Service["gaveUp"] = (refused) =>
    Effect.clockWith((clock) =>
      Effect.sync(() => {
        const generation = state.held?.generation
        if (generation === refused) fruitless = { generation, at: clock.unsafeCurrentTimeMillis() }
      })
    )

  return { renew, gaveUp }
}

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(options: Options<R>): Layer.Layer<TokenSource, never, Requirements<R>> =>
  Layer.scoped(TokenSource, make(options))
