/**
 * The JWT bearer grant (RFC 7523): a client gets a user's token with a signed assertion, and without a sign-in of the user.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenSourceError, TokenStoreError } from "./Errors.js"
import { TokenError } from "./Errors.js"
import * as Clock from "effect/Clock"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import * as ClientAuthentication from "./ClientAuthentication.js"
import * as DelegatedGrant from "./internal/grants/delegatedGrant.js"
import type { JwtAssertion } from "./internal/grants/jwtAssertion.js"
import * as Assertion from "./internal/grants/jwtAssertion.js"
import { asSubjectError } from "./internal/grants/subjectError.js"
import type * as ServerClient from "./internal/oauth/serverClient.js"
import * as SharedServer from "./internal/oauth/sharedServer.js"
import * as Fixes from "./internal/response/complianceFixes.js"
import type * as OAuth2 from "./OAuth2.js"
import type { Token } from "./Token.js"
import type * as TokenSource from "./TokenSource.js"
import type * as TokenStore from "./TokenStore.js"

export type { JwtAssertion } from "./internal/grants/jwtAssertion.js"

/**
 * The client, what it requests, and the assertion that identifies the user.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends OAuth2.Client, TokenSource.RefreshOptions {
  /** The scopes to request. Without them, the server decides. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The URI of the API that the token is for (RFC 8707), if the server issues tokens for several APIs. */
  readonly resource?: string | undefined
  /** Further parameters of the token request that the server defines. Do not put secrets here. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /**
   * The content of the assertion, or an effect that gets an assertion for each request.
   *
   * All assertions must be about the same user, because a layer has one token.
   */
  readonly assertion: JwtAssertion | Effect.Effect<Redacted.Redacted<string>, TokenError | TokenStoreError, R>
  /**
   * The name of the account in the store's key (the subject of the assertion).
   *
   * If an effect gets the assertion and no account is set, the store could not separate the tokens of different users. The
   * token is then kept only in the memory of this layer.
   */
  readonly account?: string | undefined
}

const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

/** A smaller change of the clock skew does not explain a rejected assertion. */
const correctionMs = 2_000

/** An assertion needs no client authentication (RFC 7521 §4.1), unless the client has a secret or other credentials. */
const clientOf = <R>({ clientAuthentication, clientSecret, ...rest }: Options<R>): OAuth2.Client => ({
  ...rest,
  clientSecret,
  clientAuthentication: clientAuthentication ?? (clientSecret === undefined ? ClientAuthentication.none : undefined)
})

/** A new assertion, with the time of the server's clock and the issuer as the metadata spells it. */
const assertionOf = <R>(
  { clockSkew, metadata }: ServerClient.ServerClient,
  { assertion, clientId: client }: Options<R>
): Effect.Effect<Redacted.Redacted<string>, TokenError, R> =>
  Effect.isEffect(assertion)
    ? asSubjectError("the assertion", assertion)
    : Effect.all([metadata, Clock.currentTimeMillis, clockSkew]).pipe(
        Effect.flatMap(([{ issuer: server }, now, ahead]) =>
          Assertion.make(assertion, { client, server, now: Math.floor((now + ahead) / 1000) }).pipe(
            Effect.mapError(({ detail }) => new TokenError({ reason: "Rejected", detail, sent: "no" }))
          )
        )
      )

const parametersOf = <R>({
  parameters,
  complianceFixes,
  resource,
  scopes = []
}: Options<R>): Record<string, string> => ({
  ...parameters,
  ...(resource !== undefined && { resource }),
  ...(scopes.length > 0 && { scope: Fixes.scopeOf(scopes, complianceFixes) })
})

/** A failed request, and whether to try once more with another assertion at once. */
interface Failed {
  readonly error: TokenError
  readonly again: boolean
}

/**
 * Sends an assertion, and another one if the server demands a nonce in the DPoP proof. The caller makes a further one if the
 * server rejected the assertion and the response showed that the clock was wrong.
 */
const send = <R>(conversation: ServerClient.ServerClient, options: Options<R>): Effect.Effect<Token, Failed, R> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R>()
    const prepare = Effect.map(Effect.provide(assertionOf(conversation, options), context), (assertion) => ({
      secrets: [assertion],
      request: ({ authentication, client, options: how, server }: ServerClient.Context) => {
        const parameters = { ...parametersOf(options), assertion: Redacted.value(assertion) }
        return oauth.genericTokenEndpointRequest(server, client, authentication, grantType, parameters, how)
      }
    }))
    const before = yield* conversation.clockSkew
    return yield* Effect.catchAll(conversation.token(prepare), (error) =>
      Effect.flatMap(conversation.clockSkew, (now) => {
        const isLate = error.error === "invalid_grant" && Math.abs(now - before) >= correctionMs
        return Effect.fail({ error, again: isLate && !Effect.isEffect(options.assertion) })
      })
    )
  })

const acquireToken = <R>(
  conversation: ServerClient.ServerClient,
  options: Options<R>
): Effect.Effect<Token, TokenError, R> =>
  send(conversation, options).pipe(
    Effect.retry({ times: 1, while: ({ again }) => again }),
    Effect.mapError(({ error }) => error)
  )

/** What distinguishes tokens of one account: the content of the assertion, except what changes with each request. */
const cacheKeyInputsOf = <R>({ assertion, parameters, resource }: Options<R>): unknown => {
  if (Effect.isEffect(assertion)) return { parameters, resource }
  const { audience, claims, issuer, subject } = assertion
  return { parameters, resource, audience, claims, issuer, subject }
}

const accountOf = <R>({ account, assertion, clientId }: Options<R>): string | undefined =>
  account ?? (Effect.isEffect(assertion) ? undefined : assertion.subject || (assertion.issuer ?? clientId))

/**
 * Layer that authenticates with tokens that the client gets with a signed assertion each.
 *
 * A token is replaced when it is about to expire or is rejected. A refresh token in the response is not stored, because
 * another assertion can always be made. A client without a secret sends only its id besides the assertion, unless
 * `clientAuthentication` is set.
 *
 * The key in the {@link TokenStore.TokenStore} has the issuer, client, account and scopes, and a hash of the other request
 * parameters.
 *
 * Building the layer fails with `InvalidRequest` for the reasons of `OAuth2.make`, and if the key and the claims cannot
 * make an assertion. Signing fails with `TokenStoreError`, and with `TokenError`:
 *
 * - `Rejected` with `invalid_grant` if the server does not accept the assertion
 * - the error of the effect that gets the assertion. If that effect needs the user to sign in, the reason is `Rejected`.
 *
 * No error contains an assertion.
 *
 * Specification: [RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1),
 * [§3](https://www.rfc-editor.org/rfc/rfc7523#section-3).
 *
 * @example
 * import type { TokenSourceError } from "@countersign/auth/Errors"
 * import * as JwtBearer from "@countersign/auth/JwtBearer"
 * import * as SignedJwt from "@countersign/auth/SignedJwt"
 * import * as TokenStore from "@countersign/auth/TokenStore"
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * class Calendar extends ApiClient.Tag("app/Calendar")<Calendar, TokenSourceError>() {}
 *
 * // The server accepts assertions of this key for all users of the company.
 * const AuthLive = Layer.unwrapEffect(
 *   Effect.gen(function* () {
 *     const key = yield* SignedJwt.importKey(yield* Config.redacted("PRIVATE_KEY"), "RS256")
 *     return JwtBearer.layer({
 *       issuer: "https://auth.example.com",
 *       clientId: "backup",
 *       scopes: ["calendar.read"],
 *       assertion: { key: { key }, subject: "ada@example.com" }
 *     })
 *   })
 * ).pipe(Layer.provide(TokenStore.layerMemory))
 *
 * const CalendarLive = Calendar.layer({ baseUrl: "https://calendar.example.com", auth: AuthLive })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  options: Options<R>
): Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const { assertion, clientId: client, issuer: server, resource } = options
      const conversation = yield* SharedServer.connect(clientOf(options))
      if (!Effect.isEffect(assertion)) yield* Assertion.make(assertion, { client, server, now: 0 })
      return DelegatedGrant.layer(options, conversation, {
        type: grantType,
        account: accountOf(options),
        audience: resource,
        cacheKeyInputs: cacheKeyInputsOf(options),
        acquireToken: (parameters) =>
          acquireToken(conversation, { ...options, parameters: { ...options.parameters, ...parameters } })
      })
    })
  )

/**
 * Layer like {@link layer}, with any option from the configuration.
 *
 * Building the layer fails with `ConfigError` if the configuration lacks one of them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <R = never>(
  options: OAuth2.OrConfig<Options<R>>
): Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  ConfigError | InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
> => Layer.unwrapEffect(Effect.map(ConfigOptions.read<Options<R>>(options), (read) => layer(read)))
