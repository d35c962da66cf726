/**
 * Thousands of fibers need a token at the same moment: without a token, after a 401, around its expiry, and in the time
 * before. In virtual time, with a server that rotates refresh tokens.
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

const client = { clientId: "stampede", clientSecret: "secret" } as const

/** Milliseconds: lifetime of a token, and duration of a response of the token endpoint and of the API. */
const times = { life: 3_600_000, token: 100, api: 20 } as const

/** Counts of one stampede. */
interface Counted {
  readonly fibers: number
  readonly succeeded: number
  readonly tokenCalls: number
  /** Requests to the API, and its 401 responses. */
  readonly sends: number
  readonly rejected: number
  /** Duration of the slowest call in milliseconds. */
  readonly longestMs: number
}

/** A client of the server, and the counts of its requests. */
interface Setup {
  readonly server: typeof OAuthServer.OAuthServer.Service
  readonly api: HttpClient.HttpClient.With<unknown>
  readonly counts: { sends: number; refused: number }
}

const makeSetup = (make: Make) =>
  Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    const transport = yield* HttpClient.HttpClient
    const { clientId, clientSecret } = client
    const oauth = yield* OAuth2.make({ issuer: server.issuer, clientId, clientSecret: Redacted.make(clientSecret) })
    const { refresh_token: first = "" } = yield* server.issueTokens({ clientId })
    const mint = RefreshToken.acquireToken(oauth, Redacted.make(first))
    const source = yield* make({ key: "account", acquireToken: mint })
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
    const setup: Setup = { server, api, counts }
    return setup
  })

/** Makes one call per delay, at the same time. */
const callAll = ({ api, counts, server }: Setup, delays: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const { refused, sends } = counts
    const before = yield* server.tokenCalls
    const results = yield* Effect.forEach(
      delays,
      (delay) =>
        Effect.gen(function* () {
          yield* Effect.sleep(delay)
          const startedAt = yield* Clock.currentTimeMillis
          const ok = yield* Effect.match(api.get("/resource"), {
            onFailure: () => false,
            onSuccess: ({ status }) => status === 200
          })
          return { ok, ms: (yield* Clock.currentTimeMillis) - startedAt }
        }),
      { concurrency: "unbounded" }
    )
    const counted: Counted & Stress.Measurements = {
      fibers: delays.length,
      succeeded: results.filter(({ ok }) => ok).length,
      tokenCalls: (yield* server.tokenCalls) - before,
      sends: counts.sends - sends,
      rejected: counts.refused - refused,
      longestMs: Math.max(...results.map(({ ms }) => ms))
    }
    return counted
  })

/** Figures of each stampede. */
export interface StampedeResult extends Stress.Measurements {
  readonly cold: Counted & Stress.Measurements
  readonly revoked: Counted & Stress.Measurements
  readonly expiring: Counted & Stress.Measurements
  readonly beforeExpiry: Counted & Stress.Measurements
}

const measureAll = (make: Make, fibers: number, reportProgress: Stress.Run["reportProgress"]) =>
  Effect.gen(function* () {
    const setup = yield* makeSetup(make)
    const { server } = setup
    const atOnce = Array.from({ length: fibers }, () => 0)
    const randomDelays = (ms: number) => Effect.forEach(atOnce, () => Random.nextIntBetween(0, ms))
    const untilExpiry = (issuedAt: number) => Effect.map(Clock.currentTimeMillis, (now) => issuedAt + times.life - now)

    yield* reportProgress(`${fibers} fibers without a token`)
    const cold = yield* callAll(setup, atOnce)
    // Waits so long that the API must know the token.
    yield* Effect.sleep(60_000)
    yield* server.revokeAccessTokens
    yield* reportProgress(`${fibers} fibers with a revoked token`)
    const refused = yield* callAll(setup, atOnce)
    const renewed = yield* Clock.currentTimeMillis
    yield* Effect.sleep((yield* untilExpiry(renewed)) - 2_000)
    yield* reportProgress(`${fibers} fibers from two seconds before a token expires to two seconds after`)
    const expiring = yield* callAll(setup, yield* randomDelays(4_000))
    const replaced = yield* Clock.currentTimeMillis
    yield* Effect.sleep((yield* untilExpiry(replaced)) - 10 * 60_000)
    yield* reportProgress(`${fibers} fibers in the nine minutes before a token expires`)
    const early = yield* callAll(setup, yield* randomDelays(9 * 60_000))
    const found: StampedeResult = { cold, revoked: refused, expiring, beforeExpiry: early }
    return found
  })

/** Measures the stampedes with a token source that `make` creates. */
export const measure =
  (make: Make, shortly = 500) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<StampedeResult, Stress.CannotRun> =>
    measureAll(make, short ? shortly : 10_000, reportProgress).pipe(
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

const each = (holds: (counted: Counted) => boolean) => (found: StampedeResult) =>
  [found.cold, found.revoked, found.expiring, found.beforeExpiry].every(holds)

/** Assertions on the figures. */
export const assertions: Stress.Assertions<StampedeResult> = {
  "every fiber gets a successful response": each(({ fibers, succeeded }) => succeeded === fibers),
  "each stampede causes one token request": each(({ tokenCalls }) => tokenCalls === 1),
  "each fiber gets one 401 after the token was revoked": ({ revoked: { fibers, rejected: refused, sends } }) =>
    refused === fibers && sends === 2 * fibers,
  "no other stampede gets a 401": ({ cold, beforeExpiry: early, expiring }) =>
    [cold, early, expiring].every(({ fibers, rejected: refused, sends }) => refused === 0 && sends === fibers),
  "no fiber waits longer than for the token request and its own requests": ({ cold, expiring, revoked: refused }) =>
    cold.longestMs <= times.token + times.api + 50 &&
    expiring.longestMs <= times.token + times.api + 50 &&
    refused.longestMs <= times.token + 2 * times.api + 50,
  "no fiber waits for a token that is refreshed before it expires": ({ beforeExpiry: early }) =>
    early.longestMs === times.api
}

/** The case. */
export const tokenStampede: Stress.Stress = Stress.make("token-stampede", measure(TokenSource.make), assertions)
