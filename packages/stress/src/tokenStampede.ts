/**
 * Very many fibers that need a token in the same moment: at the very first, when theirs was revoked and each of them meets
 * its 401, around its expiry, and in the time before that. In virtual time, with a server that rotates refresh tokens.
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
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type { Make } from "./simulation/trial.js"
import * as Stress from "./Stress.js"
import * as VirtualClock from "./time/virtualClock.js"

const client = { clientId: "storm", clientSecret: "secret" } as const

/** All in milliseconds: how long a token lives, and how long the token endpoint and the API take to answer. */
const times = { life: 3_600_000, token: 100, api: 20 } as const

/** What came of the fibers. */
interface Counted {
  readonly fibers: number
  readonly succeeded: number
  readonly tokenCalls: number
  /** What the API was asked, and how often it said 401. */
  readonly sends: number
  readonly refused: number
  /** How long the slowest fiber took, in milliseconds. */
  readonly longestMs: number
}

/** A client over the server, as it counts what it is sent. */
interface Stage {
  readonly server: typeof OAuthServer.OAuthServer.Service
  readonly api: HttpClient.HttpClient.With<unknown>
  readonly counts: { sends: number; refused: number }
}

const stage = (make: Make) =>
  Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    const transport = yield* HttpClient.HttpClient
    const { clientId, clientSecret } = client
    const oauth = yield* OAuth2.make({ issuer: server.issuer, clientId, clientSecret: Redacted.make(clientSecret) })
    const { refresh_token: first = "" } = yield* server.issueTokens({ clientId })
    const mint = RefreshToken.mint(oauth, Redacted.make(first))
    const source = yield* make({ key: "account", mint })
    const counts = { sends: 0, refused: 0 }
    const counting = HttpClient.transformResponse(transport, (response) =>
      Effect.tap(Effect.delay(response, times.api), ({ status }) => {
        counts.sends += 1
        if (status === 401) counts.refused += 1
      })
    )
    const api = yield* ApiClient.make({ baseUrl: server.issuer, auth: Bearer.fromSource(source) }).pipe(
      Effect.provideService(HttpClient.HttpClient, counting)
    )
    const it: Stage = { server, api, counts }
    return it
  })

/** Lets fibers call, each at a time of its own. */
const burst = ({ api, counts, server }: Stage, delays: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const { refused, sends } = counts
    const before = yield* server.tokenCalls
    const results = yield* Effect.forEach(
      delays,
      (delay) =>
        Effect.gen(function* () {
          yield* Effect.sleep(delay)
          const begun = yield* Clock.currentTimeMillis
          const ok = yield* Effect.match(api.get("/resource"), {
            onFailure: () => false,
            onSuccess: ({ status }) => status === 200
          })
          return { ok, ms: (yield* Clock.currentTimeMillis) - begun }
        }),
      { concurrency: "unbounded" }
    )
    const counted: Counted & Stress.Measurements = {
      fibers: delays.length,
      succeeded: results.filter(({ ok }) => ok).length,
      tokenCalls: (yield* server.tokenCalls) - before,
      sends: counts.sends - sends,
      refused: counts.refused - refused,
      longestMs: Math.max(...results.map(({ ms }) => ms))
    }
    return counted
  })

/** Every storm. */
export interface Storm extends Stress.Measurements {
  readonly cold: Counted & Stress.Measurements
  readonly refused: Counted & Stress.Measurements
  readonly expiring: Counted & Stress.Measurements
  readonly early: Counted & Stress.Measurements
}

const storms = (make: Make, fibers: number, say: Stress.Run["reportProgress"]) =>
  Effect.gen(function* () {
    const on = yield* stage(make)
    const { server } = on
    const atOnce = Array.from({ length: fibers }, () => 0)
    const within = (ms: number) => Effect.forEach(atOnce, () => Random.nextIntBetween(0, ms))
    const untilEnd = (got: number) => Effect.map(Clock.currentTimeMillis, (now) => got + times.life - now)

    yield* say(`${fibers} fibers, and no token yet`)
    const cold = yield* burst(on, atOnce)
    // Any later than this, the API must know a token.
    yield* Effect.sleep(60_000)
    yield* server.revokeAccessTokens
    yield* say(`${fibers} fibers, and a token that was revoked`)
    const refused = yield* burst(on, atOnce)
    const renewed = yield* Clock.currentTimeMillis
    yield* Effect.sleep((yield* untilEnd(renewed)) - 2_000)
    yield* say(`${fibers} fibers, from two seconds before a token expires to two after`)
    const expiring = yield* burst(on, yield* within(4_000))
    const replaced = yield* Clock.currentTimeMillis
    yield* Effect.sleep((yield* untilEnd(replaced)) - 10 * 60_000)
    yield* say(`${fibers} fibers in the nine minutes before it does`)
    const early = yield* burst(on, yield* within(9 * 60_000))
    const found: Storm = { cold, refused, expiring, early }
    return found
  })

/** Lets them call, with a source of tokens that is made so. */
export const measure =
  (make: Make, shortly = 500) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Storm, Stress.CannotRun> =>
    storms(make, short ? shortly : 10_000, reportProgress).pipe(
      Effect.scoped,
      Effect.provide([
        OAuthServer.layerMemory({
          clients: { [client.clientId]: client.clientSecret },
          accessTokenLifetime: times.life,
          faults: () => OAuthServer.slow(times.token)
        }),
        TokenStore.layerMemory
      ]),
      VirtualClock.run,
      Effect.withRandom(Random.make("storm")),
      Effect.mapError(Stress.cannotRun)
    )

const each = (is: (counted: Counted) => boolean) => (found: Storm) =>
  [found.cold, found.refused, found.expiring, found.early].every(is)

/** What is promised of them. */
export const promises: Stress.Assertions<Storm> = {
  "every fiber gets its answer": each(({ fibers, succeeded }) => succeeded === fibers),
  "a storm costs one token call": each(({ tokenCalls }) => tokenCalls === 1),
  "each fiber meets the 401 once": ({ refused: { fibers, refused, sends } }) =>
    refused === fibers && sends === 2 * fibers,
  "nobody else meets any": ({ cold, early, expiring }) =>
    [cold, early, expiring].every(({ fibers, refused, sends }) => refused === 0 && sends === fibers),
  "nobody waits for more than the token call and its own sends": ({ cold, expiring, refused }) =>
    cold.longestMs <= times.token + times.api + 50 &&
    expiring.longestMs <= times.token + times.api + 50 &&
    refused.longestMs <= times.token + 2 * times.api + 50,
  "nobody waits for a token that is replaced early": ({ early }) => early.longestMs === times.api
}

/** The case. */
export const tokenStampede: Stress.Stress = Stress.make("token-stampede", measure(TokenSource.make), promises)
