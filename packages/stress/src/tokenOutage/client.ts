/** A client of an API, and its calls while the authorization server is down. */
import * as Bearer from "@countersign/auth/Bearer"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Make } from "../simulation/trial.js"
import * as Stress from "../Stress.js"
import type { ServerPath } from "./server.js"
import { viaPath } from "./server.js"
import * as VirtualClock from "../time/virtualClock.js"

const client = { clientId: "outage", clientSecret: "secret" } as const

/** Services that a setup needs. */
type Requirements = OAuthServer.OAuthServer | HttpClient.HttpClient | TokenStore.TokenStore | Scope.Scope

/** Runs an effect in virtual time, with a server that issues access tokens with this lifetime in milliseconds. */
export const inVirtualTime =
  (accessTokenLifetime: number) =>
  <A, E>(effect: Effect.Effect<A, E, Requirements>): Effect.Effect<A, Stress.CannotRun> =>
    effect.pipe(
      Effect.scoped,
      Effect.provide([
        OAuthServer.layerMemory({
          clients: { [client.clientId]: client.clientSecret },
          accessTokenLifetime
        }),
        TokenStore.layerMemory
      ]),
      VirtualClock.run,
      Effect.withRandom(Random.make("outage")),
      // The log reports the outage each time, which is expected here.
      Logger.withMinimumLogLevel(LogLevel.None),
      Effect.mapError(Stress.cannotRun)
    )

/** Result of a call: start and duration in milliseconds, and the tag and reason of its error. */
export interface Called {
  readonly at: number
  readonly ms: number
  readonly error: string | undefined
}

/** Makes one call, and the server. */
export interface Setup {
  readonly call: Effect.Effect<Called>
  readonly server: typeof OAuthServer.OAuthServer.Service
}

/** A client. Its token requests take the given path to the server. */
export const makeSetup = (make: Make, path: ServerPath): Effect.Effect<Setup, InvalidRequest, Requirements> =>
  Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    const transport = yield* HttpClient.HttpClient
    const { clientId, clientSecret } = client
    const oauth = yield* OAuth2.make({
      issuer: server.issuer,
      clientId,
      clientSecret: Redacted.make(clientSecret),
      tokenEndpoint: server.tokenEndpoint
    }).pipe(Effect.provideService(HttpClient.HttpClient, viaPath(transport, path)))
    const { refresh_token: first = "" } = yield* server.issueTokens({ clientId })
    const source = yield* make({ key: "account", acquireToken: RefreshToken.acquireToken(oauth, Redacted.make(first)) })
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

/** Starts calls at a steady rate, and waits for all of them. */
export const calls = (
  call: Effect.Effect<Called>,
  count: number,
  everyMs: number
): Effect.Effect<ReadonlyArray<Called>> =>
  Effect.gen(function* () {
    const fibers: Array<Fiber.RuntimeFiber<Called>> = []
    for (let n = 0; n < count; n++) {
      fibers.push(yield* Effect.fork(call))
      yield* Effect.sleep(everyMs)
    }
    return yield* Fiber.joinAll(fibers)
  })
