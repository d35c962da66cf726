/** What each runtime must do over any `HttpClient`: steps of the tutorial, an OAuth flow, and one refresh under load. */
import * as Basic from "@countersign/auth/Basic"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { TokenSourceError } from "@countersign/auth/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** The servers, which run in the process of the cases. */
export interface Origins {
  readonly httpbin: string
  readonly oauth: string
}

/** Number of concurrent calls with a token that the server rejects. */
const fibers = 50

const credentials = { username: "ada", password: Redacted.make("secret") }

const Challenges = Schema.Struct({ challenges: Schema.Array(Schema.Struct({ scheme: Schema.String })) })

/** A client without credentials reports the challenge. */
const challenge = (httpbin: string) =>
  Effect.gen(function* () {
    const api = yield* ApiClient.make({ baseUrl: httpbin, auth: Auth.none })
    const error = yield* Effect.flip(api.get("/basic-auth/ada/secret"))
    const parsed = yield* Effect.either(Schema.decodeUnknown(Challenges)(error))
    const schemes = Either.isRight(parsed) ? parsed.right.challenges.map(({ scheme }) => scheme) : [error.message]
    return `${error._tag}: ${schemes.join()}`
  })

/** The status after Basic, after a retry of a 503, and after the wait of a 429. */
const statuses = (httpbin: string) =>
  Effect.gen(function* () {
    const key = crypto.randomUUID()
    const api = yield* ApiClient.make({ baseUrl: httpbin, auth: Basic.make(credentials) })
    const paths = [
      "/basic-auth/ada/secret",
      `/countersign/unavailable?times=1&bytes=10000&key=${key}`,
      `/countersign/retry-after/seconds?times=1&amount=1&key=${key}`
    ]
    return yield* Effect.forEach(paths, (path) => Effect.map(api.get(path), ({ status }) => status))
  })

class Api extends ApiClient.Tag("runtimes/Api")<Api, TokenSourceError>() {}

/** A client with the client credentials grant, and tokens in memory. */
const withGrant = <A, E>(
  baseUrl: string,
  server: Pick<OAuth2.Options, "issuer" | "tokenEndpoint">,
  use: Effect.Effect<A, E, Api>
) => {
  const options = { clientId: "client", clientSecret: Redacted.make("secret"), ...server }
  const auth = ClientCredentials.layer({ ...options, transport: OAuth2.dangerouslyAllowHttpOnLoopback })
  const live = Layer.provide(Api.layer({ baseUrl, auth }), TokenStore.layerMemory)
  return Effect.provide(use, live)
}

const get = (path: string) =>
  Effect.gen(function* () {
    const api = yield* Api
    return yield* api.get(path)
  })

/** The status of a resource, with a token of a server that is found by its metadata. */
const oauth = (issuer: string) =>
  withGrant(
    issuer,
    { issuer },
    Effect.map(get("/resource"), ({ status }) => status)
  )

const Mints = Schema.Struct({ mints: Schema.Number })

/** The server rejects the token that all calls use. One refresh serves all of them. */
const refresh = (httpbin: string) => {
  const mints = Effect.gen(function* () {
    const api = yield* Api
    return yield* api.get("/countersign/token", { schema: Mints })
  })
  const calls = Effect.gen(function* () {
    const before = yield* mints
    const call = get(`/countersign/bearer?refuse=1&key=${crypto.randomUUID()}`)
    const responses = yield* Effect.all(
      Array.from({ length: fibers }, () => call),
      { concurrency: "unbounded" }
    )
    const succeeded = responses.filter(({ status }) => status === 200).length
    return { succeeded, refreshes: (yield* mints).mints - before.mints }
  })
  return withGrant(httpbin, { issuer: httpbin, tokenEndpoint: `${httpbin}/countersign/token` }, calls)
}

/** Runs all steps, and returns what they observed. A failure is a text. */
export const run = (
  { httpbin, oauth: issuer }: Origins,
  http: Layer.Layer<HttpClient.HttpClient>
): Promise<Readonly<Record<string, unknown>>> =>
  Effect.all({
    challenge: challenge(httpbin),
    statuses: statuses(httpbin),
    oauth: oauth(issuer),
    refresh: refresh(httpbin)
  }).pipe(
    Effect.scoped,
    Effect.provide(http),
    Effect.catchAllCause((cause) => Effect.succeed({ failure: Cause.pretty(cause) })),
    Effect.runPromise
  )
