/**
 * OAuth 2 and OpenID Connect authorization server for tests, on a port or in memory. It has refresh token rotation with reuse
 * detection, a protected resource, and a token endpoint with configurable faults.
 *
 * | endpoint | response |
 * |---|---|
 * | `/.well-known/oauth-authorization-server`, `/.well-known/openid-configuration` | metadata ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414#section-3)) |
 * | `/authorize?response_type=code` | a redirect with `code`, `state` and `iss` ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207#section-2)), or a page with two buttons; PKCE S256 ([RFC 7636](https://www.rfc-editor.org/rfc/rfc7636#section-4.3)) |
 * | `POST /par` | `request_uri`, usable once within 60 seconds ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126#section-2)) |
 * | `POST /device_authorization`, `/device` | device and user codes, and the page for the user ([RFC 8628](https://www.rfc-editor.org/rfc/rfc8628#section-3.1)) |
 * | `POST /token` | `client_credentials`, `refresh_token`, `authorization_code`, device code, JWT bearer ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)), token exchange ([RFC 8693](https://www.rfc-editor.org/rfc/rfc8693#section-2.1)); with `resource` ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707#section-2)); DPoP ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449#section-5)); an ID token (ES256) for the scope `openid` |
 * | `POST /introspect`, `POST /revoke` | [RFC 7662](https://www.rfc-editor.org/rfc/rfc7662#section-2), [RFC 7009](https://www.rfc-editor.org/rfc/rfc7009#section-2) |
 * | `POST /register` | a registered client, see {@link ClientOptions} ([RFC 7591](https://www.rfc-editor.org/rfc/rfc7591#section-3)) |
 * | `/jwks`, `/userinfo` | the key of ID tokens; `{ sub }` |
 * | `/resource` | `{ ok: true, client_id, scope, sub }`, or 401 `invalid_token` with `resource_metadata` |
 * | `/resource?scope=` | 403 `insufficient_scope` when the token lacks the scope |
 * | `/resource?acr=`, `?max_age=` | 401 `insufficient_user_authentication` ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470#section-3)). The `acr` of a token is the first of the requested `acr_values` |
 * | `/resource?claims=` | 401 `insufficient_claims` unless the token was requested with this `claims` parameter, in base64url |
 * | `/.well-known/oauth-protected-resource/resource` | resource metadata ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728#section-3)); without `/resource`, those of the whole issuer |
 *
 * Clients authenticate with `client_secret_basic`, `client_secret_post`, `client_secret_jwt` or `private_key_jwt`. Public
 * clients use `none`. Endpoint URLs are `issuer` plus the path. The metadata list all of them.
 *
 * A code that is used twice revokes its tokens. A refresh token that is used twice revokes its family and the access tokens of
 * the family ([RFC 9700 §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)), unless `reuseGrace` of
 * {@link Options} is set. Of concurrent uses, the server processes one first. Errors are those of
 * [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2). Lifetimes follow Effect's Clock. Bodies are read up
 * to 64 KiB. With the option `profile`, the server imitates a provider, see {@link profiles}.
 *
 * Do not use it in production: it keeps every token that it issues.
 *
 * @example
 * import * as ClientCredentials from "@countersign/auth/ClientCredentials"
 * import * as TokenStore from "@countersign/auth/TokenStore"
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as OAuthServer from "@countersign/testing/OAuthServer"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * // The first token request is answered normally, and the second one with 503.
 * const ServerLive = OAuthServer.layerMemory({
 *   clients: { robot: "secret" },
 *   faults: [undefined, OAuthServer.fault(503)]
 * })
 *
 * // { outage: "TokenError", tokenCalls: 2 }
 * const program = Effect.gen(function* () {
 *   const { issuer, revokeAccessTokens, tokenCalls } = yield* OAuthServer.OAuthServer
 *   const client = { issuer, clientId: "robot", clientSecret: Redacted.make("secret") }
 *   // Without a propagation delay, a rejected token is replaced at once, however new it is.
 *   const auth = ClientCredentials.layer({ ...client, propagationDelay: 0 })
 *   const api = yield* ApiClient.make({ baseUrl: issuer, auth })
 *   yield* api.get("/resource")
 *   yield* revokeAccessTokens
 *   const outage = yield* Effect.flip(api.get("/resource"))
 *   return { outage: outage._tag, tokenCalls: yield* tokenCalls }
 * }).pipe(Effect.scoped, Effect.provide(Layer.merge(ServerLive, TokenStore.layerMemory)))
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Faults from "./internal/authorizationServer/faults/fault.js"
import { knownOptions } from "./internal/authorizationServer/optionNames.js"
import type { Options } from "./internal/authorizationServer/options.js"
import * as Placed from "./internal/authorizationServer/profileEndpoints.js"
import { routes } from "./internal/authorizationServer/routes.js"
import * as Server from "./internal/authorizationServer/serverState.js"
import type { Service } from "./internal/authorizationServer/service.js"
import { control } from "./internal/authorizationServer/testControls.js"
import type * as Calls from "./internal/authorizationServer/tokenCallLog.js"
import type * as Families from "./internal/authorizationServer/tokens/tokenFamily.js"
import type * as Tokens from "./internal/authorizationServer/tokens/tokens.js"
import { dated } from "./internal/httpServer/dateHeader.js"
import * as Memory from "./internal/httpServer/inMemoryTransport.js"
import * as Serve from "./internal/httpServer/listen.js"
import * as Recorder from "./internal/httpServer/requestRecorder.js"
import { toApp } from "./internal/httpServer/router.js"

/**
 * A replacement of a response of the token endpoint. {@link fault}, {@link hang}, {@link disconnect}, {@link malformed} and
 * {@link oversized} make one. {@link lostResponse}, {@link slow} and {@link truncated} change one.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = Faults.Fault

/**
 * Faults of the token endpoint: a list with one entry per call in order (`undefined` for no fault), or a function of the call.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = Faults.Script

/**
 * One call of the token endpoint.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenCall = Faults.TokenCall

/**
 * One call of the token endpoint and its outcome, without secrets.
 *
 * @since 0.1.0
 * @category models
 */
export type LoggedCall = Calls.LoggedCall

/**
 * State of a token family: all tokens that originate from one refresh token.
 *
 * @since 0.1.0
 * @category models
 */
export type Family = Families.FamilyState

/**
 * A successful response of the token endpoint ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
 *
 * @since 0.1.0
 * @category models
 */
export type TokenResponse = Tokens.TokenResponse

/**
 * One request as the server received it.
 *
 * @since 0.1.0
 * @category models
 */
export type Received = Recorder.Received

export type { Approval } from "./internal/authorizationServer/consent/authorization.js"
export type { Jwk } from "./internal/authorizationServer/tokens/jwt.js"
export type { ClientOptions, Options } from "./internal/authorizationServer/options.js"
export type { Service, PendingConsent } from "./internal/authorizationServer/service.js"
export type {
  Deviation,
  OAuthError,
  Profile,
  ProviderEndpoints,
  ProviderResponse,
  ProviderSettings,
  TokenRequest
} from "./internal/profiles/profile.js"
export { profiles } from "./internal/profiles/profiles.js"

/**
 * Tag of the running server. Its service reads the state of the server and changes it, see {@link Service}.
 *
 * @since 0.1.0
 * @category services
 */
export class OAuthServer extends Context.Tag("@countersign/testing/OAuthServer")<OAuthServer, Service>() {}

export {
  truncated,
  disconnect,
  fault,
  malformed,
  hang,
  lostResponse,
  oversized,
  slow
} from "./internal/authorizationServer/faults/namedFaults.js"

const build = (
  options: Options,
  issuer: string,
  closing: Effect.Effect<void>
): Effect.Effect<{ readonly app: HttpApp.Default; readonly service: Service }> =>
  Effect.map(Recorder.make, (recorder) => {
    const server = Server.make(options, issuer, closing)
    const app = recorder.record(dated(toApp(routes(server)), server.settings.clockOffset))
    return { app, service: control(server, recorder) }
  })

/**
 * Layer that serves on the `HttpServer` of the context, with the Clock of the effect that builds it (also a `TestClock`).
 *
 * When the scope closes, pending responses end. The endpoints of a profile keep their paths on that server. The Layer fails
 * with `ServeError` when the `HttpServer` listens on a Unix socket.
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
      knownOptions(options)
      const closed = yield* Deferred.make<void>()
      const base = yield* Serve.baseUrl
      const profile = options.profile === undefined ? undefined : Placed.movedTo(base, options.profile)
      const { app, service } = yield* build({ ...options, profile }, profile?.issuer ?? base, Deferred.await(closed))
      yield* Serve.serve(app)
      yield* Effect.addFinalizer(() => Deferred.succeed(closed, undefined))
      return service
    })
  )

/**
 * Layer with the server and an `HttpClient` that reaches it in memory, at `https://oauth.test` or at the origins of a profile.
 *
 * The client does not follow redirects. The server runs in the caller's fiber with the caller's Clock. Requests to other
 * origins fail with `ENOTFOUND`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options: Options = {}): Layer.Layer<OAuthServer | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.suspend(() => {
      const { profile } = knownOptions(options)
      const issuer = profile?.issuer ?? "https://oauth.test"
      const origins = profile === undefined ? [issuer] : Placed.originsOf(profile)
      return Effect.map(build(options, issuer, Effect.never), ({ app, service }) =>
        Context.make(OAuthServer, service).pipe(Context.add(HttpClient.HttpClient, Memory.client(app, ...origins)))
      )
    })
  )
