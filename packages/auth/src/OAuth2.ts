/**
 * An OAuth 2 authorization server, as far as its clients have it in common: where its endpoints are, how a client
 * names itself there, and what its answers mean.
 *
 * The messages are `oauth4webapi`'s; they travel through the `HttpClient` of the context and no other way.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as BaseUrl from "@countersign/protocol/BaseUrl"
import { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import * as Bridge from "./internal/bridge.js"
import { tokenOf } from "./internal/tokenResponse.js"
import type { Token } from "./Token.js"

/**
 * Lets a client talk to an authorization server without TLS, which sends its secret in the clear. Only for a server
 * on this very machine: other hosts than `localhost`, `127.0.0.1` and `[::1]` are refused all the same.
 *
 * @since 0.1.0
 * @category options
 */
export const dangerouslyPlainHttpOnLoopback: unique symbol = Symbol.for(
  "@countersign/auth/OAuth2/dangerouslyPlainHttpOnLoopback"
)

/**
 * How long a token that an authorization server has just issued may be unknown to the APIs that take it: the grants'
 * default for `settling`, see `TokenSource.Tuning`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const settling = "3 seconds"

/**
 * How a client proves who it is at the token endpoint: its secret in the Authorization field or in the body.
 *
 * Specification: [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1).
 *
 * @since 0.1.0
 * @category models
 */
export type ClientAuthentication = "client_secret_basic" | "client_secret_post"

/**
 * A client as the authorization server knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /** The issuer, whose metadata tells the endpoints: an https URL without query and fragment. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted<string>
  /** How the secret is sent (`client_secret_basic`). */
  readonly clientAuthentication?: ClientAuthentication | undefined
  /** The token endpoint, where the server publishes no metadata. */
  readonly tokenEndpoint?: string | undefined
  /** See {@link dangerouslyPlainHttpOnLoopback}. */
  readonly transport?: typeof dangerouslyPlainHttpOnLoopback | undefined
}

/**
 * A client's conversation with its authorization server. Each gives a token or fails with `TokenError`, see
 * {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4), with further parameters. */
  readonly clientCredentials: (parameters: Readonly<Record<string, string>>) => Effect.Effect<Token, TokenError>
  /** [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6). */
  readonly refresh: (refreshToken: Redacted.Redacted<string>) => Effect.Effect<Token, TokenError>
  /**
   * How far the server's clock is ahead of this machine's, in milliseconds to the second, by the `Date` of its last
   * answer; 0 before there was one. The life of a token does not depend on it: `expires_in` counts from its receipt.
   */
  readonly clockOffset: Effect.Effect<number>
}

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

const checkedUrl = (what: string, text: string, plain: boolean): Effect.Effect<URL, InvalidRequest> => {
  const checked = BaseUrl.validate(text)
  if (checked._tag === "Err") {
    const detail = `${what} cannot be used (${BaseUrl.explain(checked.reason)}): give one like https://auth.example.com`
    return Effect.fail(new InvalidRequest({ reason: "Url", detail }))
  }
  const url = new URL(text)
  if (url.protocol === "https:" || (plain && loopback.has(url.hostname))) return Effect.succeed(url)
  return Effect.fail(
    new InvalidRequest({
      reason: "Url",
      detail: `${what} is not https, and would be sent the client's secret in the clear; on loopback it can be allowed by name`
    })
  )
}

/** It may have a query (RFC 6749 §3.2), which the issuer may not. */
const checkedEndpoint = (text: string, plain: boolean): Effect.Effect<URL, InvalidRequest> =>
  checkedUrl("the token endpoint", text.split("?", 1).join(), plain)

/** A server that has no such document says so, or has a page for any path. */
const isMissing = ({ headers, status }: Response): boolean =>
  status === 200
    ? !(headers.get("content-type") ?? "").toLowerCase().startsWith("application/json")
    : status >= 400 && status < 500 && status !== 408 && status !== 429

const unpublished = new TokenError({
  reason: "Unavailable",
  detail: "the issuer publishes no metadata: check its URL, or name the token endpoint"
})

const noEndpoint = new TokenError({
  reason: "InvalidResponse",
  detail: "the issuer's metadata names no token endpoint that a secret can be sent to: an https URL"
})

const metadataOf = (
  client: Client,
  issuer: URL,
  exchange: Bridge.Exchange,
  insecure: boolean
): Effect.Effect<oauth.AuthorizationServer, TokenError> => {
  if (client.tokenEndpoint !== undefined) {
    return Effect.succeed({ issuer: issuer.href, token_endpoint: client.tokenEndpoint })
  }
  const discover = (algorithm: "oidc" | "oauth2") =>
    exchange(async (customFetch) => {
      const options = { algorithm, [oauth.customFetch]: customFetch, [oauth.allowInsecureRequests]: insecure }
      const response = await oauth.discoveryRequest(issuer, options)
      return isMissing(response) ? undefined : oauth.processDiscoveryResponse(issuer, response)
    }, [])
  const discoverOpenId = (otherwise: TokenError) =>
    Effect.flatMap(discover("oidc"), (found) => (found === undefined ? Effect.fail(otherwise) : Effect.succeed(found)))
  // RFC 8414 is the one for OAuth; providers of OpenID Connect often serve only theirs.
  return discover("oauth2").pipe(
    Effect.catchIf(({ reason }) => reason === "InvalidResponse", discoverOpenId),
    Effect.flatMap((found) => (found === undefined ? discoverOpenId(unpublished) : Effect.succeed(found))),
    // The library checks neither its type nor, where plain http is allowed, its host.
    Effect.tap(({ token_endpoint: endpoint }) =>
      typeof endpoint === "string"
        ? Effect.mapError(checkedEndpoint(endpoint, insecure), () => noEndpoint)
        : Effect.fail(noEndpoint)
    )
  )
}

const nameless = new InvalidRequest({
  reason: "Credentials",
  detail: "the client's id or its secret is empty: configure both"
})

/**
 * Makes the conversation. The metadata is fetched when it is first needed, and kept once it was read.
 *
 * Fails with `InvalidRequest` where the issuer or the token endpoint is no https URL, or the client's id or secret is
 * empty. The conversation fails with
 * `TokenError`: `Refused` for an OAuth error (`error` is its code), `ReauthorizationRequired` for `invalid_grant` on a
 * refresh, `Unavailable` where nothing or no OAuth answer came (no connection, 429, 5xx, HTML), `InvalidResponse` for
 * a token answer that is none. No redirect is followed, a body is read up to 256 KiB, an exchange may take 20 s.
 *
 * Specification: [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3),
 * [RFC 6749 §5](https://www.rfc-editor.org/rfc/rfc6749#section-5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (client: Client): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const insecure = client.transport === dangerouslyPlainHttpOnLoopback
    const issuer = yield* checkedUrl("the issuer", client.issuer, insecure)
    if (client.tokenEndpoint !== undefined) yield* checkedEndpoint(client.tokenEndpoint, insecure)
    if (client.clientId === "" || Redacted.value(client.clientSecret) === "") return yield* Effect.fail(nameless)
    const exchange = Bridge.make(yield* HttpClient.HttpClient)
    const authentication = (
      client.clientAuthentication === "client_secret_post" ? oauth.ClientSecretPost : oauth.ClientSecretBasic
    )(Redacted.value(client.clientSecret))

    // Remembered only when it was read: what fails now may be there in a minute. Nobody asks for it twice at once,
    // since a token source does one thing at a time.
    let known: oauth.AuthorizationServer | undefined
    const metadata = Effect.suspend(() =>
      known === undefined
        ? metadataOf(client, issuer, exchange, insecure).pipe(
            Effect.tap((found) => Effect.sync(() => (known = found))),
            Effect.mapError(unsent)
          )
        : Effect.succeed(known)
    )

    type Grant = (
      server: oauth.AuthorizationServer,
      options: { readonly [oauth.customFetch]: Bridge.Fetch; readonly [oauth.allowInsecureRequests]: boolean }
    ) => Promise<oauth.TokenEndpointResponse>

    const granted = (grant: Grant, ...secrets: ReadonlyArray<Redacted.Redacted<string>>) =>
      Effect.flatMap(metadata, (server) =>
        Effect.flatMap(
          exchange(
            (customFetch) =>
              grant(server, { [oauth.customFetch]: customFetch, [oauth.allowInsecureRequests]: insecure }),
            [client.clientSecret, ...secrets]
          ),
          tokenOf
        )
      )

    const id: oauth.Client = { client_id: client.clientId }
    return {
      clockOffset: Effect.sync(exchange.ahead),
      clientCredentials: (parameters) =>
        granted(async (server, options) =>
          oauth.processClientCredentialsResponse(
            server,
            id,
            await oauth.clientCredentialsGrantRequest(server, id, authentication, { ...parameters }, options)
          )
        ),
      refresh: (refreshToken) =>
        Effect.mapBoth(
          granted(
            async (server, options) =>
              oauth.processRefreshTokenResponse(
                server,
                id,
                await oauth.refreshTokenGrantRequest(server, id, authentication, Redacted.value(refreshToken), options)
              ),
            refreshToken
          ),
          {
            onFailure: reauthorize,
            // A refresh token that is left out of the answer stays good; a new one replaces it.
            onSuccess: (token) => ({ ...token, refreshToken: token.refreshToken ?? refreshToken })
          }
        )
    }
  })

/** Whatever became of the request for the metadata, no credential was sent. */
const unsent = ({ detail, error, reason, retryAt }: TokenError): TokenError =>
  new TokenError({ detail, error, reason, retryAt, sent: "no" })

/** A refresh token that is refused stays refused. */
const reauthorize = (error: TokenError): TokenError =>
  error.error === "invalid_grant"
    ? new TokenError({
        reason: "ReauthorizationRequired",
        error: error.error,
        detail: "the refresh token is no longer good (expired, revoked or used elsewhere): sign in again"
      })
    : error
