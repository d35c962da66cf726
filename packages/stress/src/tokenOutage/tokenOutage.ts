/**
 * An authorization server that is down around the expiry of a token or from the start, or that rejects the refresh token.
 * Calls succeed while the access token is valid, and the number of token requests is bounded.
 */
import * as TokenSource from "@countersign/auth/TokenSource"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Make } from "../simulation/trial.js"
import * as Stress from "../Stress.js"
import type { Called } from "./client.js"
import { calls, inVirtualTime, makeSetup } from "./client.js"
import type { Kind, ServerPath } from "./server.js"
import { kinds, retryAfter } from "./server.js"

/** Lifetime of tokens in milliseconds, and a short one. */
const life = 20 * 60_000
const shortLife = 60_000

/** Maximum refresh window of a token in milliseconds. */
const refreshWindowOf = (life: number): number => Math.min(5 * 60_000, life / 5)

/** Figures of an outage around the expiry of a token. */
interface OutageResult {
  readonly calls: number
  /** Of the calls that started before the token expired. */
  readonly failed: number
  readonly longestMs: number
  /** Failures between the expiry and the recovery of the server, and failures with another error than expected. */
  readonly failedLater: number
  readonly untyped: number
  /** Time from the recovery of the server to the last failed call, or 0. */
  readonly recoveryMs: number
  /** Token requests during the outage. */
  readonly tokenCalls: number
}

/** Lifetime of the token, and the recovery of the server in milliseconds after its expiry. */
export interface Plan {
  readonly life: number
  readonly backAt: number
}

/** Plans of the case. */
export const plans = {
  long: { life, backAt: 60_000 },
  brief: { life, backAt: -45_000 },
  shortLived: { life: shortLife, backAt: 60_000 }
} as const satisfies Record<string, Plan>

/** Makes calls around the expiry of a token while the server is down. */
export const aroundExpiry = (
  make: Make,
  kind: Kind,
  { backAt, life }: Plan,
  everyMs: number
): Effect.Effect<OutageResult & Stress.Measurements, Stress.CannotRun> =>
  Effect.gen(function* () {
    const path: ServerPath = {
      from: Number.POSITIVE_INFINITY,
      until: Number.POSITIVE_INFINITY,
      kind,
      calls: 0,
      faults: 0
    }
    const { call } = yield* makeSetup(make, path)
    yield* call
    const end = (yield* Clock.currentTimeMillis) + life
    // Starts before the refresh window, when the token is used without a refresh.
    const lead = refreshWindowOf(life) / 2
    yield* Effect.sleep(life - refreshWindowOf(life) - 2 * lead)
    Object.assign(path, { from: end - refreshWindowOf(life) - lead, until: end + backAt })
    const done = yield* calls(call, (refreshWindowOf(life) + 2 * lead + 180_000) / everyMs, everyMs)
    const failures = (from: number, to: number) =>
      done.filter(({ at, error }) => error !== undefined && at >= from && at < to)
    const beforeExpiry = done.filter(({ at }) => at < end)
    const later = failures(end, Math.max(end, path.until))
    const last = failures(path.until, Number.POSITIVE_INFINITY).at(-1)
    const found: OutageResult & Stress.Measurements = {
      calls: done.length,
      failed: failures(0, end).length,
      longestMs: Math.max(...beforeExpiry.map(({ ms }) => ms)),
      failedLater: later.length,
      untyped: done.filter(({ error }) => error !== undefined && error !== "TokenError Unavailable").length,
      recoveryMs: last === undefined ? 0 : last.at - path.until,
      tokenCalls: path.faults
    }
    return found
  }).pipe(inVirtualTime(life))

/** Figures of calls that cannot get another token. */
interface NoTokenResult {
  readonly calls: number
  readonly succeeded: number
  /** Calls that failed with `ReauthorizationRequired`, with `Unavailable`, and with another error. */
  readonly reauthorize: number
  readonly unavailable: number
  readonly other: number
  readonly tokenCalls: number
}

const summarize = (done: ReadonlyArray<Called>, tokenCalls: number): NoTokenResult & Stress.Measurements => {
  const countByError = (error: string | undefined) => done.filter((call) => call.error === error).length
  const [succeeded, reauthorize, unavailable] = [
    countByError(undefined),
    countByError("TokenError ReauthorizationRequired"),
    countByError("TokenError Unavailable")
  ]
  const other = done.length - succeeded - reauthorize - unavailable
  return { calls: done.length, succeeded, reauthorize, unavailable, other, tokenCalls }
}

/** A thousand calls after the tokens of the account were revoked, with or without its access tokens. */
export const afterRevocation = (
  make: Make,
  accessTokens: "dead" | "alive",
  everyMs: number
): Effect.Effect<NoTokenResult & Stress.Measurements, Stress.CannotRun> =>
  Effect.gen(function* () {
    const path: ServerPath = { from: 0, until: 0, kind: "busy", calls: 0, faults: 0 }
    const { call, server } = yield* makeSetup(make, path)
    yield* call
    yield* Effect.sleep(life - refreshWindowOf(life) - 60_000)
    yield* server.revokeFamily(0, { accessTokens })
    path.calls = 0
    const done = yield* calls(call, 1000, everyMs)
    return summarize(done, path.calls)
  }).pipe(inVirtualTime(life))

/** A thousand calls in a minute, without any token before. */
export const cold = (make: Make, kind: Kind): Effect.Effect<NoTokenResult & Stress.Measurements, Stress.CannotRun> =>
  Effect.gen(function* () {
    const path: ServerPath = { from: 0, until: Number.POSITIVE_INFINITY, kind, calls: 0, faults: 0 }
    const { call } = yield* makeSetup(make, path)
    const done = yield* calls(call, 1000, 60)
    return summarize(done, path.calls)
  }).pipe(inVirtualTime(life))

/** Figures of all outages. */
export interface Outage extends Stress.Measurements {
  /** The server is down from before the refresh window until a minute after the expiry. */
  readonly long: Stress.Measurements & Readonly<Record<Kind, OutageResult & Stress.Measurements>>
  /** The server recovers 45 seconds before the expiry. */
  readonly brief: Stress.Measurements & Readonly<Record<Kind, OutageResult & Stress.Measurements>>
  /** Like `long`, with tokens that live for a minute. */
  readonly shortLived: Stress.Measurements & Readonly<Record<Kind, OutageResult & Stress.Measurements>>
  readonly cold: Stress.Measurements & Readonly<Record<Kind, NoTokenResult & Stress.Measurements>>
  /** The refresh token is invalid. The access token is valid until its expiry, or is invalid too. */
  readonly served: NoTokenResult & Stress.Measurements
  readonly refused: NoTokenResult & Stress.Measurements
}

const ofEach = <A, E, R>(of: (kind: Kind) => Effect.Effect<A, E, R>): Effect.Effect<Readonly<Record<Kind, A>>, E, R> =>
  Effect.all({
    busy: of("busy"),
    limited: of("limited"),
    refusing: of("refusing"),
    resetting: of("resetting"),
    hanging: of("hanging"),
    alternating: of("alternating")
  })

/** Measures all outages with a token source that `make` creates. */
const measure =
  (make: Make) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Outage, Stress.CannotRun> =>
    Effect.gen(function* () {
      const everyMs = short ? 5_000 : 1_000
      const one = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) =>
        Effect.zipRight(reportProgress(what), effect)
      const found: Outage = {
        long: yield* ofEach((kind) =>
          one(`${kind} until after the expiry`, aroundExpiry(make, kind, plans.long, everyMs))
        ),
        brief: yield* ofEach((kind) =>
          one(`${kind} until 45 s before the expiry`, aroundExpiry(make, kind, plans.brief, everyMs))
        ),
        shortLived: yield* ofEach((kind) =>
          one(
            `${kind} until after the expiry of a token of one minute`,
            aroundExpiry(make, kind, plans.shortLived, 1_000)
          )
        ),
        cold: yield* ofEach((kind) => one(`${kind} from the start, a thousand calls`, cold(make, kind))),
        served: yield* one("an invalid refresh token and a valid access token", afterRevocation(make, "alive", 500)),
        refused: yield* one("an invalid refresh token and an invalid access token", afterRevocation(make, "dead", 60))
      }
      return found
    })

const every = <A>(found: Readonly<Record<Kind, A>>, holds: (one: A, kind: Kind) => boolean): boolean =>
  kinds.every((kind) => holds(found[kind], kind))

/** If it is unknown whether a refresh token arrived, the request is sent a second time. */
const requestsPerTry = (kind: Kind): number =>
  kind === "resetting" || kind === "hanging" || kind === "alternating" ? 2 : 1

/** One try per 30 seconds before the expiry, and tries at 0, 1, 3, 7, 15, 31 and 60 seconds in the minute after it. */
const maxTokenCalls = (kind: Kind, life: number): number =>
  requestsPerTry(kind) * (Math.ceil(refreshWindowOf(life) / (kind === "limited" ? retryAfter : 30_000)) + 1 + 7)

/** The first try, and tries after 1, 3, 7, 15, 31 and 61 seconds. */
const maxTokenCallsWithoutToken = (kind: Kind): number => requestsPerTry(kind) * (kind === "limited" ? 2 : 7)

/** All outages around the expiry of a token. */
const outagesAroundExpiry = ({ brief, long, shortLived }: Outage) => [brief, long, shortLived]

/** Assertions on the figures. */
export const assertions: Stress.Assertions<Outage> = {
  "no call fails before the token expires": (found) =>
    outagesAroundExpiry(found).every((one) => every(one, ({ failed }) => failed === 0)),
  "calls fail after the token has expired": ({ long, shortLived }) =>
    [long, shortLived].every((one) => every(one, ({ failedLater }) => failedLater > 0)),
  "calls around the expiry fail only with TokenError Unavailable": (found) =>
    outagesAroundExpiry(found).every((one) => every(one, ({ untyped }) => untyped === 0)),
  "no call fails if the server recovers before the token expires": ({ brief }) =>
    every(brief, ({ failedLater, recoveryMs }) => failedLater === 0 && recoveryMs === 0),
  "no call fails later than a minute after the server has recovered": (found) =>
    outagesAroundExpiry(found).every((one) => every(one, ({ recoveryMs }) => recoveryMs <= 60_000)),
  "at most one token request per 30 seconds is sent before the token expires, and fewer afterwards": (found) =>
    [found.long, found.brief].every((one) =>
      every(one, ({ tokenCalls }, kind) => tokenCalls <= maxTokenCalls(kind, life))
    ) && every(found.shortLived, ({ tokenCalls }, kind) => tokenCalls <= maxTokenCalls(kind, shortLife)),
  "token requests are sent during the outage": (found) =>
    [...outagesAroundExpiry(found), found.cold].every((one) =>
      every<{ readonly tokenCalls: number }>(one, ({ tokenCalls }) => tokenCalls > 0)
    ),
  "a thousand calls without a token send fewer and fewer token requests": ({ cold }) =>
    every(cold, ({ tokenCalls }, kind) => tokenCalls <= maxTokenCallsWithoutToken(kind)),
  "calls without a token fail with TokenError Unavailable": ({ cold }) =>
    every(cold, ({ calls, unavailable }) => unavailable === calls),
  "an invalid refresh token causes one token request for a thousand calls": ({ refused, served }) =>
    refused.tokenCalls === 1 && served.tokenCalls === 1,
  "calls with an invalid refresh token succeed until the access token expires, then fail with ReauthorizationRequired":
    ({ refused, served }) =>
      served.succeeded > 0 &&
      served.reauthorize > 0 &&
      served.succeeded + served.reauthorize === served.calls &&
      refused.reauthorize === refused.calls
}

/** The case. */
export const outage: Stress.Stress = Stress.make("outage", measure(TokenSource.make), assertions)
