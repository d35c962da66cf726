/**
 * An authorization server for tests, on a real port or in memory: OAuth 2 and OpenID Connect, refresh tokens with rotation
 * and reuse detection, a protected resource, and a token endpoint that fails on demand.
 *
 * | endpoint | answers |
 * |---|---|
 * | `/.well-known/oauth-authorization-server`, `/.well-known/openid-configuration` | metadata ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414#section-3)) |
 * | `/authorize?response_type=code` | a redirect with `code`, `state` and `iss` ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207#section-2)), or a page with two buttons; PKCE S256 ([RFC 7636](https://www.rfc-editor.org/rfc/rfc7636#section-4.3)) |
 * | `POST /par` | `request_uri`, once, for 60 seconds ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126#section-2)) |
 * | `POST /device_authorization`, `/device` | codes for a device, the page of its user ([RFC 8628](https://www.rfc-editor.org/rfc/rfc8628#section-3.1)) |
 * | `POST /token` | `client_credentials`, `refresh_token`, `authorization_code`, device code, JWT bearer ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)), token exchange ([RFC 8693](https://www.rfc-editor.org/rfc/rfc8693#section-2.1)); with `resource` ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707#section-2)); DPoP ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449#section-5)); an ID token (ES256) for the scope `openid` |
 * | `POST /introspect`, `POST /revoke` | [RFC 7662](https://www.rfc-editor.org/rfc/rfc7662#section-2), [RFC 7009](https://www.rfc-editor.org/rfc/rfc7009#section-2) |
 * | `POST /register` | a client, see {@link ClientOptions} ([RFC 7591](https://www.rfc-editor.org/rfc/rfc7591#section-3)) |
 * | `/jwks`, `/userinfo` | the key of ID tokens; `{ sub }` |
 * | `/resource` | `{ ok: true, client_id, scope, sub }`; 401 `invalid_token` with `resource_metadata` |
 * | `/resource?scope=`, `?acr=`, `?max_age=`, `?claims=` | 403 `insufficient_scope`; 401 `insufficient_user_authentication` ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470#section-3)), by the first of `acr_values` that somebody signed in with; 401 `insufficient_claims`, by the parameter `claims` that the token was asked for with, in base64url |
 * | `/.well-known/oauth-protected-resource/resource` | its metadata ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728#section-3)); without `/resource` that of the issuer's whole origin |
 *
 * Clients authenticate with `client_secret_basic`, `client_secret_post`, `client_secret_jwt`, `private_key_jwt` or, if they
 * are public, `none`. Endpoints are `issuer` and the path, and all stand in the metadata.
 *
 * A code that is used a second time kills what it gave, and a refresh token that is kills its family, access tokens
 * included ([RFC 9700 §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)), unless a grace is set, see
 * {@link Options}. Of uses at the same time one is the first. Errors are those of
 * [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2). Lifetimes follow Effect's clock. Bodies are read up
 * to 64 KiB. With a `profile` it imitates a provider, see {@link profiles}. It is no server for production: it keeps every token it ever issued.
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
 * An answer of the token endpoint that is none of its own; made by {@link fault}, {@link hang}, {@link disconnect},
 * {@link garbled} and {@link padded}, and changed by {@link lost}, {@link slow} and {@link cut}.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = Faults.Fault

/**
 * The faults of the token endpoint: for each call in order (`undefined` for none), or as a function of the call.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = Faults.Script

/**
 * One call of the token endpoint: its `index` from 0, the grant it asks for (`undefined` for none that can be read),
 * and `at`, in epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenCall = Faults.TokenCall

/**
 * A {@link TokenCall} and what became of it, without secrets. `outcome` is `issued`; `refreshed`, or `replayed` for a
 * used refresh token within the grace; `reused` for one that killed its family; the error's code; or `withheld` where
 * a fault came in the place of the grant. `presented` and `given` are refresh tokens, by the id of their family and their
 * number in it. `faulty` tells whether the client saw something else than the server's own answer.
 *
 * @since 0.1.0
 * @category models
 */
export type LoggedCall = Calls.LoggedCall

/**
 * How a family of tokens is doing: its `id` from 0 in the order of birth, why and when it `ended`, how many
 * `refreshTokens` it has had and the numbers of those that are `unused`, and how many `accessTokens` are good now.
 *
 * @since 0.1.0
 * @category models
 */
export type Family = Families.FamilyState

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
 * The running server, see {@link Service}.
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
 * Serves on the `HttpServer` that it is given, on the clock of the effect that builds it (a `TestClock`, too), until the
 * scope closes, which ends what hangs. A profile's endpoints have their own paths on that server. It fails with `ServeError` when that one listens on a Unix socket.
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
 * The same server as a transport in memory, at `https://oauth.test`, or at the origins of a profile. It follows no redirect, answers in the caller's
 * fiber, on the caller's clock, and fails for any other origin as for a host that is not found.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options: Options = {}): Layer.Layer<OAuthServer | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.suspend(() => {
      const { profile } = options
      const issuer = profile?.issuer ?? "https://oauth.test"
      const origins = profile === undefined ? [issuer] : Placed.originsOf(profile)
      return Effect.map(build(options, issuer, Effect.never), ({ app, service }) =>
        Context.make(OAuthServer, service).pipe(Context.add(HttpClient.HttpClient, Memory.client(app, ...origins)))
      )
    })
  )
