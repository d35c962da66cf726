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
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Demand from "./Demand.js"
import * as Guarded from "./internal/guarded.js"
import { Holding } from "./internal/holding.js"
import * as Saving from "./internal/saving.js"
import * as SingleFlight from "./internal/singleFlight.js"
import * as Telling from "./internal/telling.js"
import type { State } from "./internal/transaction.js"
import { look, transaction } from "./internal/transaction.js"
import type * as Token from "./Token.js"
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
   * Tells that a token was refused. True when another send may fare better: somebody has replaced it already, it is
   * replaced now, or it is so new that the API may not have known it, after a wait. False for a token that came in the
   * place of `first`, the one that the request was refused with at first, and for one that {@link Service.gaveUp} was
   * told of less than 30 seconds ago.
   *
   * Where the API has a `demand`, it is made part of what tokens are got with from then on, if the source can: once for
   * the same demand, and not for longer than it is granted. Where the source cannot, true only if somebody has stored
   * another token in the meantime, by signing in again.
   */
  readonly renew: (
    generation: string | number,
    first?: string | number,
    demand?: Demand.Demand
  ) => Effect.Effect<boolean, TokenError | TokenStoreError>
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
 * When a source does what; see {@link defaults}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tuning {
  /** How long one try of `mint` may take (20 s). A refresh of which nothing was heard is tried once more. */
  readonly timeout?: Duration.DurationInput | undefined
  /** How long before its end a token is replaced in the background (5 min; a fifth of its life at most). */
  readonly early?: Duration.DurationInput | undefined
  /** How long before its end who asks waits for another one (30 s; a tenth of its life at most). */
  readonly late?: Duration.DurationInput | undefined
  /**
   * How long after it was got a token that is refused is tried again, after half a second and at the end, before it is
   * replaced: the API may not know it yet, where tokens take their time to get to it (0, never; 3 s for OAuth grants).
   */
  readonly settling?: Duration.DurationInput | undefined
}

/**
 * How to get a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends Tuning {
  /** What the token is filed under in the store, see {@link TokenKey}. */
  readonly key: string
  /**
   * Gets a token, given the last one there was (its refresh token may still be good). Runs in a fiber of its own that
   * no caller can interrupt; the store's exclusion is held meanwhile. `demand` is what APIs have demanded that
   * {@link Options.meets} says can be met.
   */
  readonly mint: (
    previous: Option.Option<Token.Token>,
    demand?: Demand.Demand
  ) => Effect.Effect<Token.Token, TokenError, R>
  /** Whether `mint` can get a token that meets a demand; none, when it is left out. */
  readonly meets?: ((demand: Demand.Demand) => boolean) | undefined
  /**
   * By whom, to whom, in whose name and for what the tokens are issued: written into each record. A record that was
   * issued otherwise is neither used nor overwritten, and reading it fails with `Foreign`.
   */
  readonly issued?: Token.Issued | undefined
}

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
export const defaults: Readonly<Record<keyof Tuning, Duration.DurationInput>> = {
  /** How long one try of `mint` may take. */
  timeout: "20 seconds",
  /** How long before its end a token is replaced in the background; a fifth of its life at most, less some jitter. */
  early: "5 minutes",
  /** How long before its end nobody is given it any more who can wait for another; a tenth of its life at most. */
  late: "30 seconds",
  /** For how long after it was got a token that is refused is tried again; the OAuth grants say 3 seconds. */
  settling: 0
}

/** After another token did not help against a refusal, none is asked for because of one for so long. */
const cooldownMs = 30_000

/** Within the time of settling, a refused token is tried again after this, and then at the end. */
const settlingMs = 500

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
    const store = Guarded.make(yield* TokenStore.TokenStore, options.key, options.issued)
    const telling = yield* Telling.make(options.key)
    const saving = yield* Saving.make(store, telling)
    const holding = new Holding(yield* Effect.clock, {
      early: Duration.toMillis(options.early ?? defaults.early),
      late: Duration.toMillis(options.late ?? defaults.late)
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
    const flight = yield* SingleFlight.make(transaction(state, options))
    const looking = yield* SingleFlight.make(look(state))
    const another: Another = (isEnough) =>
      Timeline.emit(() => ({ _tag: "TokenRequested" })).pipe(
        Effect.zipRight(flight.join(() => (isEnough() ? holding.held : undefined))),
        Effect.tap(() => Timeline.emit(() => ({ _tag: "TokenObtained" })))
      )
    const settling = Duration.toMillis(options.settling ?? defaults.settling)
    const meeting = meetingOf(state, options.meets ?? (() => false), another, looking)
    return { ...getting(state, flight.begin, another), ...renewing(state, settling, another, meeting) }
  })

/** Gets another token, unless the one in memory has become good enough in the meantime. */
type Another = (isEnough: () => boolean) => Service["get"]

const getting = (
  { holding, telling: { used } }: State,
  begin: () => void,
  another: Another
): Pick<Service, "get" | "ready"> => {
  const ready = (now: number): Held | undefined => {
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

  return { get, ready }
}

/** Tries to get a token in the place of `refused` that meets a demand; false where nothing more can be done about it. */
type Meeting = (
  demand: Demand.Demand,
  refused: string | number,
  now: number
) => Effect.Effect<boolean, TokenError | TokenStoreError>

const meetingOf =
  (
    state: State,
    meets: (demand: Demand.Demand) => boolean,
    another: Another,
    looking: SingleFlight.Flight<void, TokenStoreError>
  ): Meeting =>
  (demand, refused, now) => {
    const { declined, holding, met } = state
    const isAnother = () => holding.held?.generation !== refused
    if (!meets(demand)) {
      return Effect.map(
        looking.join(() => undefined),
        isAnother
      )
    }
    if (met?.generation === refused && Demand.covers(met.demand, demand)) return Effect.succeed(false)
    const isDeclined = declined !== undefined && now >= declined.at && now < declined.at + cooldownMs
    if (isDeclined && Demand.covers(declined.demand, demand)) return Effect.succeed(false)
    const failure = holding.failureAt(now)
    if (failure !== undefined) return Effect.fail(failure)
    state.demand = Demand.merge(state.demand, demand)
    return Effect.as(Effect.repeat(another(isAnother), { until: isAnother }), true)
  }

const renewing = (
  state: State,
  settlingMs: number,
  another: Another,
  meet: Meeting
): Pick<Service, "renew" | "gaveUp"> => {
  const { holding, telling } = state
  let fruitless = { generation: 0, at: Number.NEGATIVE_INFINITY }

  /** That it was set back lengthens no wait. */
  const isFruitless = (refused: string | number, now: number): boolean =>
    refused === fruitless.generation && now >= fruitless.at && now < fruitless.at + cooldownMs

  const gaveUp: Service["gaveUp"] = (refused) =>
    Effect.clockWith((clock) =>
      Effect.sync(() => {
        const generation = holding.held?.generation
        if (generation === refused) fruitless = { generation, at: clock.unsafeCurrentTimeMillis() }
      })
    )

  const renew: Service["renew"] = (refused, first = refused, demand) =>
    Effect.clockWith((clock) => {
      const { held } = holding
      // Somebody has replaced it while the refusal was on its way: there is another to try already.
      if (held?.generation !== refused) return Effect.succeed(true)
      const now = clock.unsafeCurrentTimeMillis()
      if (demand !== undefined) return meet(demand, refused, now)
      if (isFruitless(refused, now)) return Effect.succeed(false)
      const wait = settlingFor(held.token, now, settlingMs)
      if (wait !== undefined) return Effect.as(settled(telling, held.token, wait), true)
      const failure = holding.failureAt(now)
      if (failure !== undefined) return Effect.fail(failure)
      // It came in the place of one that was refused, and fares no better.
      if (first !== refused) return Effect.as(gaveUp(refused), false)
      const isAnother = () => holding.held?.generation !== refused
      // What was joined may be the very work that has got the refused one, and is not done with storing it.
      return telling
        .tell("Refused", held.token)
        .pipe(Effect.zipRight(Effect.repeat(another(isAnother), { until: isAnother })), Effect.as(true))
    })

  return { renew, gaveUp }
}

/** How long to wait before a token that was refused at `now` is tried again as it is; undefined when it should be known. */
const settlingFor = ({ obtainedAt }: Token.Token, now: number, windowMs: number): number | undefined => {
  const age = now - obtainedAt
  if (age < 0 || age >= windowMs) return undefined
  return age < settlingMs ? Math.min(settlingMs, windowMs) - age : windowMs - age
}

const settled = ({ tell }: Telling.Telling, token: Token.Token, ms: number): Effect.Effect<void> =>
  Effect.zipRight(
    tell("Settling", token),
    Effect.zipRight(
      Timeline.emit(() => ({ _tag: "Waiting", ms, because: "the token is new" })),
      Effect.sleep(ms)
    )
  )

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(options: Options<R>): Layer.Layer<TokenSource, never, Requirements<R>> =>
  Layer.scoped(TokenSource, make(options))
