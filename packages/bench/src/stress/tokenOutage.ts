/**
 * An authorization server that is down when a token is about to end, at the very start, or that has forgotten a refresh
 * token: the API goes on as long as there is a token that it takes, and the server is asked a bounded number of times.
 */
import * as Bearer from "@countersign/auth/Bearer"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type { Make } from "./simulation/trial.js"
import * as Stress from "./Stress.js"
import type { Kind, Way } from "./tokenOutageServer.js"
import { kinds, over, retryAfter } from "./tokenOutageServer.js"
import * as VirtualClock from "./VirtualClock.js"

const client = { clientId: "outage", clientSecret: "secret" } as const

/** In milliseconds: the early window of such a token begins four minutes before its end at the most. */
const life = 20 * 60_000
const early = 4 * 60_000

const inVirtualTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.scoped,
    Effect.provide([
      OAuthServer.layerMemory({
        clients: { [client.clientId]: client.clientSecret },
        accessTokenLifetime: life
      }),
      TokenStore.layerMemory
    ]),
    VirtualClock.run,
    Effect.withRandom(Random.make("outage")),
    // That it is down is said each time, and known here.
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.mapError(Stress.unfit)
  )

/** What became of a call: when it was begun, how long it took, and the tag and reason of its error. */
interface Called {
  readonly at: number
  readonly ms: number
  readonly error: string | undefined
}

const stage = (make: Make, way: Way) =>
  Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    const transport = yield* HttpClient.HttpClient
    const { clientId, clientSecret } = client
    const oauth = yield* OAuth2.make({
      issuer: server.issuer,
      clientId,
      clientSecret: Redacted.make(clientSecret),
      tokenEndpoint: server.tokenEndpoint
    }).pipe(Effect.provideService(HttpClient.HttpClient, over(transport, way)))
    const { refresh_token: first = "" } = yield* server.signIn({ clientId })
    const source = yield* make({ key: "account", mint: RefreshToken.mint(oauth, Redacted.make(first)) })
    const api = yield* ApiClient.make({ baseUrl: server.issuer, auth: Bearer.fromSource(source) })
    const call = Effect.gen(function* () {
      const at = yield* Clock.currentTimeMillis
      const error = yield* Effect.match(api.get("/resource"), {
        onFailure: (error) => (error._tag === "TokenError" ? `TokenError ${error.reason}` : error._tag),
        onSuccess: ({ status }) => (status === 200 ? undefined : String(status))
      })
      const called: Called = { at, ms: (yield* Clock.currentTimeMillis) - at, error }
      return called
    })
    return { call, server }
  })

/** Begins calls at a steady rate, and waits for them all. */
const calls = (call: Effect.Effect<Called>, count: number, everyMs: number) =>
  Effect.gen(function* () {
    const fibers: Array<Fiber.RuntimeFiber<Called>> = []
    for (let n = 0; n < count; n++) {
      fibers.push(yield* Effect.fork(call))
      yield* Effect.sleep(everyMs)
    }
    return yield* Fiber.joinAll(fibers)
  })

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
  readonly tokenCalls: number
}

/** Calls around the end of a token, while the server is down: until so many milliseconds after that end. */
export const around = (
  make: Make,
  kind: Kind,
  backAt: number,
  everyMs: number
): Effect.Effect<Down & Stress.Figures, Stress.Unfit> =>
  Effect.gen(function* () {
    const way: Way = { from: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY, kind, calls: 0 }
    const { call } = yield* stage(make, way)
    yield* call
    const end = (yield* Clock.currentTimeMillis) + life
    yield* Effect.sleep(life - early - 120_000)
    Object.assign(way, { from: end - early - 60_000, until: end + backAt, calls: 0 })
    const done = yield* calls(call, (early + 120_000 + 180_000) / everyMs, everyMs)
    const failures = (from: number, to: number) =>
      done.filter(({ at, error }) => error !== undefined && at >= from && at < to)
    const alive = done.filter(({ at }) => at < end)
    const later = failures(end, Math.max(end, way.until))
    const last = failures(way.until, Number.POSITIVE_INFINITY).at(-1)
    const found: Down & Stress.Figures = {
      calls: done.length,
      failed: failures(0, end).length,
      longestMs: Math.max(...alive.map(({ ms }) => ms)),
      failedLater: later.length,
      untyped: done.filter(({ error }) => error !== undefined && error !== "TokenError Unavailable").length,
      recoveryMs: last === undefined ? 0 : last.at - way.until,
      tokenCalls: way.calls
    }
    return found
  }).pipe(inVirtualTime)

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

const told = (done: ReadonlyArray<Called>, tokenCalls: number): Dead & Stress.Figures => {
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
): Effect.Effect<Dead & Stress.Figures, Stress.Unfit> =>
  Effect.gen(function* () {
    const way: Way = { from: 0, until: 0, kind: "busy", calls: 0 }
    const { call, server } = yield* stage(make, way)
    yield* call
    yield* Effect.sleep(life - early - 60_000)
    yield* server.revokeFamily(0, { accessTokens })
    way.calls = 0
    const done = yield* calls(call, 1000, everyMs)
    return told(done, way.calls)
  }).pipe(inVirtualTime)

/** A thousand requests in a minute, before there ever was a token. */
export const cold = (make: Make, kind: Kind): Effect.Effect<Dead & Stress.Figures, Stress.Unfit> =>
  Effect.gen(function* () {
    const way: Way = { from: 0, until: Number.POSITIVE_INFINITY, kind, calls: 0 }
    const { call } = yield* stage(make, way)
    const done = yield* calls(call, 1000, 60)
    return told(done, way.calls)
  }).pipe(inVirtualTime)

/** Every outage. */
export interface Outage extends Stress.Figures {
  /** It is down from before the early window until a minute after the end. */
  readonly long: Stress.Figures & Readonly<Record<Kind, Down & Stress.Figures>>
  /** It is back 45 seconds before the end. */
  readonly brief: Stress.Figures & Readonly<Record<Kind, Down & Stress.Figures>>
  readonly cold: Stress.Figures & Readonly<Record<Kind, Dead & Stress.Figures>>
  /** The refresh token is dead, and the access token goes on until its end, or is dead, too. */
  readonly served: Dead & Stress.Figures
  readonly refused: Dead & Stress.Figures
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
export const measure =
  (make: Make) =>
  ({ say, short }: Stress.Run): Effect.Effect<Outage, Stress.Unfit> =>
    Effect.gen(function* () {
      const everyMs = short ? 5_000 : 1_000
      const one = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) => Effect.zipRight(say(what), effect)
      const found: Outage = {
        long: yield* ofEach((kind) => one(`${kind} for the whole early window`, around(make, kind, 60_000, everyMs))),
        brief: yield* ofEach((kind) => one(`${kind} until 45 s before the end`, around(make, kind, -45_000, everyMs))),
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

/** A try every 30 seconds from the begin of the early window to a minute after the end, and some around that. */
const boundOf = (kind: Kind): number =>
  sendsATry(kind) * ((early + 60_000) / (kind === "limited" ? retryAfter : 30_000) + 3)

/** A try after 1, 3, 7, 15, 31 and 61 seconds, and the first. */
const coldBoundOf = (kind: Kind): number => sendsATry(kind) * (kind === "limited" ? 2 : 7)

/** What is promised of them. */
export const promises: Stress.Promises<Outage> = {
  "while the token lives, no call fails": ({ brief, long }) =>
    every(long, ({ failed }) => failed === 0) && every(brief, ({ failed }) => failed === 0),
  "there is an outage: calls fail after its end": ({ long }) => every(long, ({ failedLater }) => failedLater > 0),
  "they fail with TokenError, Unavailable": ({ brief, long }) =>
    every(long, ({ untyped }) => untyped === 0) && every(brief, ({ untyped }) => untyped === 0),
  "no call fails where the server is back before the end": ({ brief }) =>
    every(brief, ({ failedLater, recoveryMs }) => failedLater === 0 && recoveryMs === 0),
  "otherwise none does a minute after it is back": ({ long }) => every(long, ({ recoveryMs }) => recoveryMs <= 60_000),
  "a server that is down is asked every 30 seconds at most": ({ brief, long }) =>
    every(long, ({ tokenCalls }, kind) => tokenCalls <= boundOf(kind)) &&
    every(brief, ({ tokenCalls }, kind) => tokenCalls <= boundOf(kind)),
  "and is asked": ({ brief, cold, long }) =>
    [long, brief, cold].every((found) =>
      every<{ readonly tokenCalls: number }>(found, ({ tokenCalls }) => tokenCalls > 0)
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
