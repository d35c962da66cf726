/**
 * An authorization server that is down when a token is about to end, at the very start, or that has forgotten a refresh
 * token: the API goes on as long as there is a token that it takes, and the server is asked a bounded number of times.
 */
import * as TokenSource from "@countersign/auth/TokenSource"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Make } from "../simulation/trial.js"
import * as Stress from "../Stress.js"
import type { Called } from "./client.js"
import { calls, inVirtualTime, stage } from "./client.js"
import type { Kind, Way } from "./server.js"
import { kinds, retryAfter } from "./server.js"

/** How long tokens live, in milliseconds; one that is to end soon. */
const life = 20 * 60_000
const shortLife = 60_000

/** The early window of a token begins so many milliseconds before its end at the most. */
const earlyOf = (life: number): number => Math.min(5 * 60_000, life / 5)

/** What came of an outage around the end of a token. */
interface Down {
  readonly calls: number
  /** Of the calls that were begun while the token lived. */
  readonly failed: number
  readonly longestMs: number
  /** Of the calls that were begun after its end, and before the server was back; and those of them with another error. */
  readonly failedLater: number
  readonly untyped: number
  /** How long the server was back when the last call failed, or 0. */
  readonly recoveryMs: number
  /** While the server was down. */
  readonly tokenCalls: number
}

/** When the server is back, in milliseconds from the end of a token that lives for so long. */
export interface Plan {
  readonly life: number
  readonly backAt: number
}

/** The plans of the case. */
export const plans = {
  long: { life, backAt: 60_000 },
  brief: { life, backAt: -45_000 },
  shortLived: { life: shortLife, backAt: 60_000 }
} as const satisfies Record<string, Plan>

/** Calls around the end of a token, while the server is down. */
export const around = (
  make: Make,
  kind: Kind,
  { backAt, life }: Plan,
  everyMs: number
): Effect.Effect<Down & Stress.Measurements, Stress.CannotRun> =>
  Effect.gen(function* () {
    const way: Way = { from: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY, kind, calls: 0, faults: 0 }
    const { call } = yield* stage(make, way)
    yield* call
    const end = (yield* Clock.currentTimeMillis) + life
    // A while before the early window, in which the token serves as it is.
    const lead = earlyOf(life) / 2
    yield* Effect.sleep(life - earlyOf(life) - 2 * lead)
    Object.assign(way, { from: end - earlyOf(life) - lead, until: end + backAt })
    const done = yield* calls(call, (earlyOf(life) + 2 * lead + 180_000) / everyMs, everyMs)
    const failures = (from: number, to: number) =>
      done.filter(({ at, error }) => error !== undefined && at >= from && at < to)
    const alive = done.filter(({ at }) => at < end)
    const later = failures(end, Math.max(end, way.until))
    const last = failures(way.until, Number.POSITIVE_INFINITY).at(-1)
    const found: Down & Stress.Measurements = {
      calls: done.length,
      failed: failures(0, end).length,
      longestMs: Math.max(...alive.map(({ ms }) => ms)),
      failedLater: later.length,
      untyped: done.filter(({ error }) => error !== undefined && error !== "TokenError Unavailable").length,
      recoveryMs: last === undefined ? 0 : last.at - way.until,
      tokenCalls: way.faults
    }
    return found
  }).pipe(inVirtualTime(life))

/** What came of requests for which there is no other token to be had. */
interface Dead {
  readonly calls: number
  readonly succeeded: number
  /** With `ReauthorizationRequired`, with `Unavailable`, and with anything else. */
  readonly reauthorize: number
  readonly unavailable: number
  readonly other: number
  readonly tokenCalls: number
}

const told = (done: ReadonlyArray<Called>, tokenCalls: number): Dead & Stress.Measurements => {
  const ended = (error: string | undefined) => done.filter((call) => call.error === error).length
  const [succeeded, reauthorize, unavailable] = [
    ended(undefined),
    ended("TokenError ReauthorizationRequired"),
    ended("TokenError Unavailable")
  ]
  const other = done.length - succeeded - reauthorize - unavailable
  return { calls: done.length, succeeded, reauthorize, unavailable, other, tokenCalls }
}

/** A thousand requests after the account was told to go, with its access tokens or without them. */
export const forgotten = (
  make: Make,
  accessTokens: "dead" | "alive",
  everyMs: number
): Effect.Effect<Dead & Stress.Measurements, Stress.CannotRun> =>
  Effect.gen(function* () {
    const way: Way = { from: 0, until: 0, kind: "busy", calls: 0, faults: 0 }
    const { call, server } = yield* stage(make, way)
    yield* call
    yield* Effect.sleep(life - earlyOf(life) - 60_000)
    yield* server.revokeFamily(0, { accessTokens })
    way.calls = 0
    const done = yield* calls(call, 1000, everyMs)
    return told(done, way.calls)
  }).pipe(inVirtualTime(life))

/** A thousand requests in a minute, before there ever was a token. */
export const cold = (make: Make, kind: Kind): Effect.Effect<Dead & Stress.Measurements, Stress.CannotRun> =>
  Effect.gen(function* () {
    const way: Way = { from: 0, until: Number.POSITIVE_INFINITY, kind, calls: 0, faults: 0 }
    const { call } = yield* stage(make, way)
    const done = yield* calls(call, 1000, 60)
    return told(done, way.calls)
  }).pipe(inVirtualTime(life))

/** Every outage. */
export interface Outage extends Stress.Measurements {
  /** It is down from before the early window until a minute after the end. */
  readonly long: Stress.Measurements & Readonly<Record<Kind, Down & Stress.Measurements>>
  /** It is back 45 seconds before the end. */
  readonly brief: Stress.Measurements & Readonly<Record<Kind, Down & Stress.Measurements>>
  /** The same as the first, of tokens that live for a minute. */
  readonly shortLived: Stress.Measurements & Readonly<Record<Kind, Down & Stress.Measurements>>
  readonly cold: Stress.Measurements & Readonly<Record<Kind, Dead & Stress.Measurements>>
  /** The refresh token is dead, and the access token goes on until its end, or is dead, too. */
  readonly served: Dead & Stress.Measurements
  readonly refused: Dead & Stress.Measurements
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

/** Lets it be down under a client, with a source of tokens that is made so. */
const measure =
  (make: Make) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Outage, Stress.CannotRun> =>
    Effect.gen(function* () {
      const everyMs = short ? 5_000 : 1_000
      const one = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) =>
        Effect.zipRight(reportProgress(what), effect)
      const found: Outage = {
        long: yield* ofEach((kind) => one(`${kind} until after the end`, around(make, kind, plans.long, everyMs))),
        brief: yield* ofEach((kind) => one(`${kind} until 45 s before it`, around(make, kind, plans.brief, everyMs))),
        shortLived: yield* ofEach((kind) =>
          one(`${kind} until after the end of a minute`, around(make, kind, plans.shortLived, 1_000))
        ),
        cold: yield* ofEach((kind) => one(`${kind} from the start, a thousand requests`, cold(make, kind))),
        served: yield* one("a dead refresh token, an access token that lives", forgotten(make, "alive", 500)),
        refused: yield* one("both are dead", forgotten(make, "dead", 60))
      }
      return found
    })

const every = <A>(found: Readonly<Record<Kind, A>>, is: (one: A, kind: Kind) => boolean): boolean =>
  kinds.every((kind) => is(found[kind], kind))

/** Where nobody knows whether a refresh token arrived, it is sent once more. */
const sendsATry = (kind: Kind): number => (kind === "resetting" || kind === "hanging" || kind === "alternating" ? 2 : 1)

/** A try every 30 seconds while the token lives, and in the minute after its end one at 0, 1, 3, 7, 15, 31 and 60 seconds. */
const boundOf = (kind: Kind, life: number): number =>
  sendsATry(kind) * (Math.ceil(earlyOf(life) / (kind === "limited" ? retryAfter : 30_000)) + 1 + 7)

/** A try after 1, 3, 7, 15, 31 and 61 seconds, and the first. */
const coldBoundOf = (kind: Kind): number => sendsATry(kind) * (kind === "limited" ? 2 : 7)

/** Every outage around the end of a token. */
const ends = ({ brief, long, shortLived }: Outage) => [brief, long, shortLived]

/** What is promised of them. */
export const promises: Stress.Assertions<Outage> = {
  "while the token lives, no call fails": (found) =>
    ends(found).every((one) => every(one, ({ failed }) => failed === 0)),
  "there is an outage: calls fail after its end": ({ long, shortLived }) =>
    [long, shortLived].every((one) => every(one, ({ failedLater }) => failedLater > 0)),
  "they fail with TokenError, Unavailable": (found) =>
    ends(found).every((one) => every(one, ({ untyped }) => untyped === 0)),
  "no call fails where the server is back before the end": ({ brief }) =>
    every(brief, ({ failedLater, recoveryMs }) => failedLater === 0 && recoveryMs === 0),
  "otherwise none does a minute after it is back": (found) =>
    ends(found).every((one) => every(one, ({ recoveryMs }) => recoveryMs <= 60_000)),
  "a server that is down is asked every 30 seconds at most while the token lives, and then ever less": (found) =>
    [found.long, found.brief].every((one) => every(one, ({ tokenCalls }, kind) => tokenCalls <= boundOf(kind, life))) &&
    every(found.shortLived, ({ tokenCalls }, kind) => tokenCalls <= boundOf(kind, shortLife)),
  "and is asked": (found) =>
    [...ends(found), found.cold].every((one) =>
      every<{ readonly tokenCalls: number }>(one, ({ tokenCalls }) => tokenCalls > 0)
    ),
  "for a thousand requests without any token, it is asked ever less": ({ cold }) =>
    every(cold, ({ tokenCalls }, kind) => tokenCalls <= coldBoundOf(kind)),
  "those fail with TokenError, Unavailable": ({ cold }) =>
    every(cold, ({ calls, unavailable }) => unavailable === calls),
  "a dead refresh token costs one token call for a thousand requests": ({ refused, served }) =>
    refused.tokenCalls === 1 && served.tokenCalls === 1,
  "they are served while the access token lives, and then told to sign in": ({ refused, served }) =>
    served.succeeded > 0 &&
    served.reauthorize > 0 &&
    served.succeeded + served.reauthorize === served.calls &&
    refused.reauthorize === refused.calls
}

/** The case. */
export const outage: Stress.Stress = Stress.make("outage", measure(TokenSource.make), promises)
