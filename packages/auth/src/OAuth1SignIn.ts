/**
 * The sign-in of a user with OAuth 1.0 (RFC 5849 §2), also known as three-legged OAuth 1.0a.
 *
 * The client gets temporary credentials, the user approves on a page of the server, and the client exchanges the verifier of the
 * callback for token credentials. `OAuth1.layer` signs requests with them.
 *
 * @since 0.1.0
 */
import { InvalidRequest } from "@countersign/client/Errors"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TokenError } from "./Errors.js"
import * as AuthorizationRequest from "./internal/authorizationCode/authorizationRequest.js"
import * as Discovery from "./internal/discovery/serverDiscovery.js"
import * as FetchAdapter from "./internal/http/fetchAdapter.js"
import { dangerouslyAllowHttpOnLoopback } from "./internal/http/insecureHttp.js"
import * as Callback from "./internal/oauth1/callback.js"
import * as CredentialRequest from "./internal/oauth1/credentialRequest.js"
import * as CredentialResponse from "./internal/oauth1/credentialResponse.js"
import { problemOf } from "./internal/oauth1/optionProblem.js"
import type { Signer } from "./internal/oauth1/signing.js"
import type { Options, SignInResult } from "./internal/oauth1/signInTransaction.js"
import { Transaction } from "./internal/oauth1/signInTransaction.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { ServerClocks } from "./internal/schemes/serverClocks.js"
import * as OAuth1 from "./OAuth1.js"

export type { Options, SignInResult } from "./internal/oauth1/signInTransaction.js"
export { Transaction } from "./internal/oauth1/signInTransaction.js"

const names: OptionNames.ShapeOf<Options> = {
  clientId: true,
  clientSecret: "secret",
  temporaryCredentialsEndpoint: true,
  authorizationEndpoint: true,
  tokenEndpoint: true,
  redirectUri: true,
  signatureMethod: true,
  realm: true,
  parameters: true,
  transport: true
}

/**
 * How long a user may take to sign in. Servers often accept temporary credentials for less time.
 *
 * @since 0.1.0
 * @category defaults
 */
export const transactionLifetime: Duration.DurationInput = "10 minutes"

/**
 * Starts and completes the sign-ins of users, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Requests temporary credentials. Open the `url` of the transaction in the user's browser. `parameters` are added to that URL.
   * An abandoned sign-in needs no cleanup.
   */
  readonly start: (
    parameters?: Readonly<Record<string, string>>
  ) => Effect.Effect<Transaction, InvalidRequest | TokenError>
  /**
   * Completes a sign-in with the callback that the browser requested, and gets the token credentials.
   *
   * Pass the whole URL to have it compared with the redirect URI. Pass its parameters alone if a proxy has changed the address.
   */
  readonly complete: (
    transaction: Transaction,
    callback: string | URL | URLSearchParams
  ) => Effect.Effect<SignInResult, InvalidRequest | TokenError>
  /** Completes a sign-in with the code that the server showed to the user, for the `redirectUri` `oob`. */
  readonly completeWithVerifier: (
    transaction: Transaction,
    verifier: string
  ) => Effect.Effect<SignInResult, InvalidRequest | TokenError>
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Options", detail })

const validateEndpoint = (name: string, url: string, options: Options): Effect.Effect<URL, InvalidRequest> => {
  const isLoopback = options.transport === dangerouslyAllowHttpOnLoopback
  if (options.signatureMethod === "PLAINTEXT" && isLoopback)
    return Effect.fail(invalid("`PLAINTEXT` sends the secrets, so it needs https. Remove `transport`."))
  return Discovery.validateUrl(`\`${name}\``, url.split("?", 1).join(), isLoopback)
}

const validateParameters = (parameters: Options["parameters"] = {}): Effect.Effect<void, InvalidRequest> =>
  Object.hasOwn(parameters, "oauth_token")
    ? Effect.fail(invalid("`parameters` has `oauth_token`, which the client sets itself. Remove it."))
    : Effect.void

const validate = (options: Options): Effect.Effect<void, InvalidRequest> =>
  Effect.gen(function* () {
    yield* OptionNames.check("`OAuth1SignIn`", options, names)
    const { clientId, clientSecret, parameters, realm, redirectUri } = options
    const problem = problemOf({ clientId, clientSecret, realm })
    if (problem !== undefined) return yield* Effect.fail(problem)
    for (const name of ["temporaryCredentialsEndpoint", "authorizationEndpoint", "tokenEndpoint"] as const) {
      yield* validateEndpoint(name, options[name], options)
    }
    if (redirectUri !== "oob") yield* AuthorizationRequest.validateRedirectUri(redirectUri)
    yield* validateParameters(parameters)
  })

const signerOf = ({ clientId, clientSecret, signatureMethod = OAuth1.defaults.signatureMethod }: Options): Signer => ({
  clientId,
  clientSecret,
  signatureMethod,
  token: undefined,
  tokenSecret: undefined,
  bodyHash: false
})

const wrongClient = new TokenError({
  reason: "InvalidResponse",
  detail: "the transaction belongs to another server or client. Complete it with the options that started it"
})

const expired = new TokenError({
  reason: "ReauthorizationRequired",
  detail: "the sign-in took longer than 10 minutes. Start a new sign-in"
})

const emptyVerifier = new TokenError({ reason: "InvalidResponse", detail: "the code is empty. Ask the user for it" })

const start =
  (options: Options, sender: CredentialRequest.Sender): Service["start"] =>
  (own) =>
    Effect.gen(function* () {
      yield* validateParameters(own)
      const { authorizationEndpoint, clientId: client, parameters, redirectUri, tokenEndpoint } = options
      const received = yield* CredentialRequest.send(sender, options.temporaryCredentialsEndpoint, signerOf(options), [
        ["oauth_callback", redirectUri]
      ])
      const { token, tokenSecret } = yield* CredentialResponse.readTemporary(received)
      const shown = new URLSearchParams({ ...parameters, ...own, oauth_token: token })
      return new Transaction({
        url: AuthorizationRequest.urlOf({ issuer: "", authorization_endpoint: authorizationEndpoint }, shown),
        token,
        tokenSecret,
        expiresAt: (yield* Clock.currentTimeMillis) + Duration.toMillis(transactionLifetime),
        client,
        tokenEndpoint,
        redirectUri
      })
    })

const isOfProtocol = (name: string): boolean => name.startsWith("oauth_")

const exchange = (
  options: Options,
  sender: CredentialRequest.Sender,
  transaction: Transaction,
  verifier: string
): Effect.Effect<SignInResult, InvalidRequest | TokenError> =>
  Effect.gen(function* () {
    const { client, expiresAt, token, tokenEndpoint, tokenSecret } = transaction
    if (client !== options.clientId || tokenEndpoint !== options.tokenEndpoint) return yield* Effect.fail(wrongClient)
    if ((yield* Clock.currentTimeMillis) >= expiresAt) return yield* Effect.fail(expired)
    const signer = { ...signerOf(options), token: Redacted.make(token), tokenSecret }
    const received = yield* CredentialRequest.send(sender, tokenEndpoint, signer, [["oauth_verifier", verifier]])
    const granted = yield* CredentialResponse.read("token credentials", received)
    const extra = Object.entries(granted.members).filter(([name]) => !isOfProtocol(name))
    return {
      credentials: { token: Redacted.make(granted.token), tokenSecret: granted.tokenSecret },
      extra: Object.fromEntries(extra)
    }
  })

/**
 * Makes the service that signs users in. Make it once: it remembers the clock of the server.
 *
 * How a sign-in is protected:
 *
 * - The server must confirm the callback (`oauth_callback_confirmed`), as OAuth 1.0a requires against session fixation.
 * - The verifier is accepted only with the `oauth_token` of its transaction, and at its redirect URI.
 * - Requests are signed and sent over https, and no redirect is followed. Each request times out after 20 seconds.
 *
 * Responses are read leniently: as a form or as JSON, with any content type and order. After a 401 with a `Date` that differs
 * from the clock by 5 seconds or more, a request is sent once more with the time of the server.
 *
 * Building the service fails with `InvalidRequest` if an endpoint is not an https URL, if `redirectUri` is not allowed, or if the
 * client's id or secret is empty. The functions fail with `TokenError`, which shows no secret:
 *
 * - `Rejected` if the user declined (`error` is `access_denied`), or the server rejected the request. `error` is its
 *   `oauth_problem`, if it sent one.
 * - `InvalidResponse` for a callback of another sign-in or without a verifier, and for a response without credentials.
 * - `ReauthorizationRequired` for a transaction that has expired.
 * - `Unavailable` if the server did not answer.
 *
 * Specification: [RFC 5849 §2](https://www.rfc-editor.org/rfc/rfc5849#section-2).
 *
 * @example
 * import * as OAuth1SignIn from "@countersign/auth/OAuth1SignIn"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const program = Effect.gen(function* () {
 *   const signIn = yield* OAuth1SignIn.make({
 *     clientId: "app",
 *     clientSecret: Redacted.make("client secret"),
 *     temporaryCredentialsEndpoint: "https://api.example.com/oauth/request_token",
 *     authorizationEndpoint: "https://api.example.com/oauth/authorize",
 *     tokenEndpoint: "https://api.example.com/oauth/access_token",
 *     redirectUri: "https://app.example.com/callback"
 *   })
 *   const transaction = yield* signIn.start()
 *   return transaction.url
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    yield* validate(options)
    const sender: CredentialRequest.Sender = {
      exchange: FetchAdapter.make(yield* HttpClient.HttpClient),
      clocks: new ServerClocks(),
      realm: options.realm
    }
    return {
      start: start(options, sender),
      complete: (transaction, callback) =>
        Effect.flatMap(Callback.verifierOf(transaction, callback), (verifier) =>
          exchange(options, sender, transaction, verifier)
        ),
      completeWithVerifier: (transaction, verifier) =>
        verifier.trim() === "" ? Effect.fail(emptyVerifier) : exchange(options, sender, transaction, verifier.trim())
    }
  })
