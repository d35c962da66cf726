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
 * ([RFC 9700 §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)), unless a grace is set, see {@link Options}.
 * Of uses at the same time one is the first. Errors are those of
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
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Calls from "./internal/oauth/calls.js"
import { control } from "./internal/oauth/control.js"
import type * as Families from "./internal/oauth/family.js"
import type * as Faults from "./internal/oauth/fault.js"
import { routes, type Server } from "./internal/oauth/routes.js"
import * as Settings from "./internal/oauth/settings.js"
import * as Tokens from "./internal/oauth/tokens.js"
import { dated } from "./internal/server/dated.js"
import * as Memory from "./internal/server/memory.js"
import * as Recorder from "./internal/server/recorder.js"
import { toApp } from "./internal/server/routes.js"
import * as Serve from "./internal/server/serve.js"

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
export type TokenCall = Calls.TokenCall

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

/**
 * What the server is told to be.
 *
 * - `clients`: secrets by client (`{ client: "secret" }`)
 * - `scopes`: the scopes that it knows; any, when it is left out
 * - `accessTokenLifetime`: one hour; down to milliseconds
 * - `expiresIn`: how `expires_in` is sent: rounded down to whole `"seconds"` (true, the same), which is 0 for a lifetime
 *   of less than one; `"exact"`, as a fraction, which RFC 6749 does not have and clients take all the same; or not at
 *   all (false)
 * - `refreshTokens`: whether client credentials get a refresh token, too (false)
 * - `rotation`: whether each refresh gives a new refresh token (true); without, the answer leaves it out
 * - `reuseGrace`: how long after its first use a used refresh token is taken again, for answers that were lost, as often
 *   as it comes, while nothing that it was exchanged for was used (0: never)
 * - `reuseGives`: the refresh token that it is exchanged for again: `"another"` one of the same family, as Auth0 has it
 *   (default), or the `"same"` one as before, as if the first answer had been kept, as Drupal's Refresh Token Buffer does
 * - `replicationDelay`: how long `/resource` does not know an access token yet: 401 `invalid_token` (0)
 * - `clockOffset`: how far the `Date` of its answers is ahead of Effect's clock, in milliseconds (0); less than 0 for
 *   behind. What it tells tests (`at`) is Effect's clock
 * - `faults`: for each call of the token endpoint in order, or as a function of it, the answer that replaces its own
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly clients?: Readonly<Record<string, string>> | undefined
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly accessTokenLifetime?: Duration.DurationInput | undefined
  readonly expiresIn?: boolean | "seconds" | "exact" | undefined
  readonly refreshTokens?: boolean | undefined
  readonly rotation?: boolean | undefined
  readonly reuseGrace?: Duration.DurationInput | undefined
  readonly reuseGives?: "another" | "same" | undefined
  readonly replicationDelay?: Duration.DurationInput | undefined
  readonly clockOffset?: number | undefined
  readonly faults?: Script | undefined
}

/**
 * A running server. `issuer` has no slash at its end. `tokenCalls` and `refreshCalls` count the calls of the token
 * endpoint, those that were answered by a fault included, and `calls` are all of them; `revokedFamilies` counts the
 * refresh-token families that died of reuse, and `families` are all of them; `familyOf` is that of an access token or a
 * refresh token. `connections` counts sockets (0 in memory).
 *
 * `signIn` gives tokens with a refresh token, as if a user had come by. `revokeAccessTokens` ends every access token that
 * was issued until now, and no refresh token. `revokeFamily` is an administrator who ends a session: its refresh tokens
 * are dead, its access tokens too unless they are to stay alive. `setFaults` replaces the faults from the next call on,
 * which is the first of a list.
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
    readonly calls: Effect.Effect<ReadonlyArray<LoggedCall>>
    readonly revokedFamilies: Effect.Effect<number>
    readonly families: Effect.Effect<ReadonlyArray<Family>>
    readonly familyOf: (token: string) => Effect.Effect<Family | undefined>
    readonly requests: Effect.Effect<ReadonlyArray<Received>>
    readonly connections: Effect.Effect<number>
    readonly signIn: (subject: {
      readonly clientId: string
      readonly scope?: string | undefined
    }) => Effect.Effect<TokenResponse>
    readonly revokeAccessTokens: Effect.Effect<void>
    readonly revokeFamily: (
      id: number,
      options?: { readonly accessTokens?: "dead" | "alive" | undefined }
    ) => Effect.Effect<void>
    readonly setFaults: (script: Script) => Effect.Effect<void>
  }
>() {}

export { cut, disconnect, fault, garbled, hang, lost, padded, slow } from "./internal/oauth/faults.js"

const build = (
  options: Options,
  issuer: string,
  closing: Effect.Effect<void>
): Effect.Effect<{ readonly app: HttpApp.Default; readonly service: Context.Tag.Service<OAuthServer> }> =>
  Effect.map(Recorder.make, (recorder) => {
    const settings = Settings.of(options)
    const faults = { from: 0, script: options.faults ?? [] }
    const server: Server = { settings, tokens: Tokens.make(), faults, calls: [], closing }
    const app = recorder.record(dated(toApp(routes(server, issuer)), settings.clockOffset))
    return { app, service: control(server, issuer, recorder) }
  })

/**
 * Serves on the `HttpServer` that it is given, on the clock of the effect that builds it (a `TestClock`, too), until the
 * scope closes, which ends what hangs. It fails with `ServeError` when that one listens on a Unix socket.
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
      const { app, service } = yield* build(options, yield* Serve.baseUrl, Deferred.await(closed))
      yield* Serve.serve(app)
      yield* Effect.addFinalizer(() => Deferred.succeed(closed, undefined))
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
      return Effect.map(build(options, issuer, Effect.never), ({ app, service }) =>
        Context.make(OAuthServer, service).pipe(Context.add(HttpClient.HttpClient, Memory.client(app, issuer)))
      )
    })
  )
