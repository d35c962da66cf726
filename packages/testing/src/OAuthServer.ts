/**
 * An authorization server for tests, on a real port or in memory: discovery, client credentials, refresh tokens with
 * rotation and reuse detection, a protected resource, and a token endpoint that fails on demand.
 *
 * | endpoint | answers |
 * |---|---|
 * | `/.well-known/oauth-authorization-server`, `/.well-known/openid-configuration` | metadata ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414#section-3)) |
 * | `POST /token` | `client_credentials` and `refresh_token`; `client_secret_basic` and `client_secret_post` |
 * | `/resource?scope=` | `{ ok: true, client_id, scope }`; 401 `Bearer error="invalid_token"`; 403 `insufficient_scope` |
 *
 * A refresh token that is used a second time kills its family, access tokens included
 * ([RFC 9700 §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)). Errors are those of
 * [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2). Lifetimes follow Effect's clock. Bodies are read up
 * to 64 KiB. It is no server for production: it keeps every token it ever issued.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Faults from "./internal/oauth/fault.js"
import { routes, type Server } from "./internal/oauth/routes.js"
import type { Settings } from "./internal/oauth/settings.js"
import * as Tokens from "./internal/oauth/tokens.js"
import * as Memory from "./internal/server/memory.js"
import * as Recorder from "./internal/server/recorder.js"
import { toApp } from "./internal/server/routes.js"
import * as Serve from "./internal/server/serve.js"

/**
 * An answer of the token endpoint that is none of its own; made by {@link fault} and {@link lost}.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = Faults.Fault

/**
 * One call of the token endpoint: its `index` from 0, the grant it asks for (`undefined` for none that can be read),
 * and `at`, in epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenCall = Faults.TokenCall

/**
 * A successful answer of the token endpoint ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
 *
 * @since 0.1.0
 * @category models
 */
export type TokenResponse = Tokens.TokenResponse

/**
 * One request as the server saw it: `path` with its query, names of `headers` in lower case, `at` in epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type Received = Recorder.Received

/**
 * What the server is told to be.
 *
 * - `clients`: secrets by client (`{ client: "secret" }`)
 * - `scopes`: the scopes that it knows; any, when it is left out
 * - `accessTokenLifetime`: one hour; the `expires_in` that it sends is rounded down to seconds
 * - `expiresIn`: whether `expires_in` is sent (true)
 * - `refreshTokens`: whether client credentials get a refresh token, too (false)
 * - `rotation`: whether each refresh gives a new refresh token (true); without, the answer leaves it out
 * - `reuseGrace`: how long a used refresh token is taken once more, for answers that were lost (0)
 * - `faults`: for each call of the token endpoint in order, or as a function of it, the answer that replaces its own
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly clients?: Readonly<Record<string, string>> | undefined
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly accessTokenLifetime?: Duration.DurationInput | undefined
  readonly expiresIn?: boolean | undefined
  readonly refreshTokens?: boolean | undefined
  readonly rotation?: boolean | undefined
  readonly reuseGrace?: Duration.DurationInput | undefined
  readonly faults?: ReadonlyArray<Fault | undefined> | ((call: TokenCall) => Fault | undefined) | undefined
}

/**
 * A running server. `issuer` has no slash at its end. `tokenCalls` and `refreshCalls` count the calls of the token
 * endpoint, those that were answered by a fault included; `revokedFamilies` counts the refresh-token families that died
 * of reuse. `signIn` gives tokens with a refresh token, as if a user had come by. `revokeAccessTokens` ends every access
 * token that was issued until now, and no refresh token. `connections` counts sockets (0 in memory).
 *
 * @since 0.1.0
 * @category services
 */
export class OAuthServer extends Context.Tag("@countersign/testing/OAuthServer")<
  OAuthServer,
  {
    readonly issuer: string
    readonly tokenEndpoint: string
    readonly resource: string
    readonly tokenCalls: Effect.Effect<number>
    readonly refreshCalls: Effect.Effect<number>
    readonly revokedFamilies: Effect.Effect<number>
    readonly requests: Effect.Effect<ReadonlyArray<Received>>
    readonly connections: Effect.Effect<number>
    readonly signIn: (subject: {
      readonly clientId: string
      readonly scope?: string | undefined
    }) => Effect.Effect<TokenResponse>
    readonly revokeAccessTokens: Effect.Effect<void>
  }
>() {}

/**
 * An answer in the place of the grant, which is not carried out: `fault(500)`, `fault(429, "", { "retry-after": "2" })`,
 * `fault(200, "<html>")`, `fault(403)`, `fault(200)`. The type is `text/html` unless `headers` say otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fault = (status: number, body = "", headers: Readonly<Record<string, string>> = {}): Fault => ({
  status,
  body,
  headers,
  afterGrant: false
})

/**
 * An answer that gets lost: the grant *is* carried out, a refresh token rotated, and the client sees this fault.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lost = (fault: Fault): Fault => ({ ...fault, afterGrant: true })

const settings = (options: Options): Settings => ({
  clients: new Map(Object.entries(options.clients ?? { client: "secret" })),
  scopes: options.scopes,
  accessTokenLifetime: Duration.toMillis(options.accessTokenLifetime ?? "1 hour"),
  expiresIn: options.expiresIn ?? true,
  refreshTokens: options.refreshTokens ?? false,
  rotation: options.rotation ?? true,
  reuseGrace: Duration.toMillis(options.reuseGrace ?? 0)
})

const service = (
  server: Server,
  issuer: string,
  { connections, requests }: Recorder.Recorder
): Context.Tag.Service<OAuthServer> => ({
  issuer,
  tokenEndpoint: `${issuer}/token`,
  resource: `${issuer}/resource`,
  tokenCalls: Effect.sync(() => server.calls.length),
  refreshCalls: Effect.sync(() => server.calls.filter((grant) => grant === "refresh_token").length),
  revokedFamilies: Effect.sync(() => [...server.tokens.families].filter((family) => family.revoked).length),
  requests,
  connections,
  signIn: ({ clientId, scope }) =>
    Effect.clockWith((clock) =>
      Effect.sync(() => {
        const now = clock.unsafeCurrentTimeMillis()
        return Tokens.issue(server.tokens, server.settings, { clientId, scope }, { refreshable: true, now })
      })
    ),
  revokeAccessTokens: Effect.sync(() => server.tokens.access.clear())
})

const build = (
  options: Options,
  issuer: string
): Effect.Effect<{ readonly app: HttpApp.Default; readonly service: Context.Tag.Service<OAuthServer> }> =>
  Effect.map(Recorder.make, (recorder) => {
    const server: Server = {
      settings: settings(options),
      tokens: Tokens.make(),
      faults: options.faults ?? [],
      calls: []
    }
    return { app: recorder.record(toApp(routes(server, issuer))), service: service(server, issuer, recorder) }
  })

/**
 * Serves on the `HttpServer` that it is given, until the scope closes. It fails with `ServeError` when that one listens
 * on a Unix socket.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<OAuthServer, HttpServerError.ServeError, HttpServer.HttpServer> =>
  Layer.scoped(
    OAuthServer,
    Effect.gen(function* () {
      const { app, service } = yield* build(options, yield* Serve.baseUrl)
      yield* Serve.serve(app)
      return service
    })
  )

/**
 * The same server as a transport in memory, at `https://oauth.test`. It follows no redirect, answers in the caller's
 * fiber, on the caller's clock, and fails for any other origin as for a host that is not found.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options: Options = {}): Layer.Layer<OAuthServer | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.suspend(() => {
      const issuer = "https://oauth.test"
      return Effect.map(build(options, issuer), ({ app, service }) =>
        Context.make(OAuthServer, service).pipe(Context.add(HttpClient.HttpClient, Memory.client(app, issuer)))
      )
    })
  )
