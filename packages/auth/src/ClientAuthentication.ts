/**
 * Client authentication at an authorization server: secrets, signed assertions (RFC 7523) and certificates (RFC 8705).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { CryptoKey } from "jose"
import * as oauth from "oauth4webapi"
import type { TokenStoreError } from "./Errors.js"
import { TokenError } from "./Errors.js"
import { asSubjectError } from "./internal/grants/subjectError.js"
import type { AssertionOptions, ClientAuthentication, Method } from "./internal/oauth/clientAuthentication.js"
import * as ClientAuth from "./internal/oauth/clientAuthentication.js"
import * as OptionNames from "./internal/options/optionNames.js"

export type { AssertionOptions, ClientAuthentication } from "./internal/oauth/clientAuthentication.js"

const assertionNames: OptionNames.ShapeOf<AssertionOptions> = { audience: true, header: true }

const make = (method: string, secrets: ReadonlyArray<Redacted.Redacted>, apply: Method["apply"]) =>
  ClientAuth.make(method, {
    secrets: OptionNames.known("`ClientAuthentication`", { secret: secrets }, { secret: "secret" }).secret,
    apply
  })

/**
 * Sends the client id and the secret in the `authorization` field (`client_secret_basic`).
 *
 * Both are form-encoded first, as RFC 6749 requires.
 *
 * Specification: [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretBasic = (secret: Redacted.Redacted): ClientAuthentication =>
  make("client_secret_basic", [secret], () => oauth.ClientSecretBasic(Redacted.value(secret)))

/**
 * Sends the client id and the secret in the `authorization` field, without the form encoding of RFC 6749.
 *
 * Use it for servers that do not decode the field. {@link clientSecretBasic} fails there for ids and secrets with
 * characters other than letters and digits, because it sends `my-client_1.apps` as `my%2Dclient%5F1%2Eapps`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretBasicUnencoded = (secret: Redacted.Redacted): ClientAuthentication =>
  make("client_secret_basic", [secret], () => (_server, { client_id: id }, _body, headers) => {
    headers.set("authorization", `Basic ${Encoding.encodeBase64(`${id}:${Redacted.value(secret)}`)}`)
  })

/**
 * Sends the client id and the secret in the request body (`client_secret_post`).
 *
 * Specification: [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1).
 *
 * @example
 * import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
 * import * as ClientCredentials from "@countersign/auth/ClientCredentials"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = ClientCredentials.layer({
 *   issuer: "https://id.example.com",
 *   clientId: "my-service",
 *   clientAuthentication: ClientAuthentication.clientSecretPost(Redacted.make("secret"))
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretPost = (secret: Redacted.Redacted): ClientAuthentication =>
  make("client_secret_post", [secret], () => oauth.ClientSecretPost(Redacted.value(secret)))

/**
 * Sends a JWT that is signed with the secret by HS256 (`client_secret_jwt`).
 *
 * The secret itself is not sent. Each request has a new JWT, which is valid for one minute.
 *
 * Specification: [OpenID Connect Core §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication),
 * [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretJwt = (secret: Redacted.Redacted, options: AssertionOptions = {}): ClientAuthentication => {
  OptionNames.known("`ClientAuthentication.clientSecretJwt`", options, assertionNames)
  return make("client_secret_jwt", [secret], (now) =>
    oauth.ClientSecretJwt(Redacted.value(secret), { [oauth.modifyAssertion]: ClientAuth.withServerTime(now, options) })
  )
}

/**
 * A private key for signed assertions, and its id at the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface PrivateKey {
  /** The private key of WebCrypto. Its algorithm determines the signature algorithm. */
  readonly key: CryptoKey
  /** The key id (`kid`) at the server, sent in the header of the JWT. */
  readonly kid?: string | undefined
}

const keyNames: OptionNames.ShapeOf<PrivateKey> = { key: true, kid: true }

/**
 * Sends a JWT that is signed with a private key (`private_key_jwt`). The server knows the public key.
 *
 * The private key is not sent. Each request has a new JWT, which is valid for one minute.
 *
 * Specification: [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2),
 * recommended by [RFC 9700 §2.5](https://www.rfc-editor.org/rfc/rfc9700#section-2.5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const privateKeyJwt = (privateKey: PrivateKey, options: AssertionOptions = {}): ClientAuthentication => {
  const owner = "`ClientAuthentication.privateKeyJwt`"
  const { key, kid } = OptionNames.known(owner, privateKey, keyNames)
  OptionNames.known(owner, options, assertionNames)
  return make("private_key_jwt", [], (now) =>
    oauth.PrivateKeyJwt(kid === undefined ? key : { key, kid }, {
      [oauth.modifyAssertion]: ClientAuth.withServerTime(now, options)
    })
  )
}

const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const emptyAssertion = new TokenError({
  reason: "Rejected",
  sent: "no",
  detail: "the client assertion is empty. Check the file or the variable that it comes from."
})

const sendAssertion =
  (assertion: string): oauth.ClientAuth =>
  (_server, { client_id: id }, body) => {
    body.set("client_id", id)
    body.set("client_assertion_type", clientAssertionType)
    body.set("client_assertion", assertion)
  }

/**
 * Sends a JWT that another party has signed: the platform on which this process runs. The server trusts the issuer of the JWT
 * ("workload identity federation").
 *
 * The JWT is read again for each request, so that a token that rotates is current. If it cannot be read, the request fails with
 * that error, and is not sent. `GitHubActions.idToken` and `TokenFile.read` of `@countersign/node` read such tokens.
 *
 * The context of this effect is used for each read.
 *
 * Specification: [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2).
 *
 * @example
 * import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
 * import * as ClientCredentials from "@countersign/auth/ClientCredentials"
 * import * as GitHubActions from "@countersign/auth/GitHubActions"
 * import * as Entra from "@countersign/auth/providers/Entra"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const token = GitHubActions.idToken({ audience: "api://AzureADTokenExchange" })
 *
 * const AuthLive = Layer.unwrapEffect(
 *   Effect.map(ClientAuthentication.clientAssertion(token), (clientAuthentication) =>
 *     ClientCredentials.layer({
 *       ...Entra.client({
 *         tenant: "72f988bf-86f1-41af-91ab-2d7cd011db47",
 *         clientId: "6731de76-14a6-49ae-97bc-6eba6914391e",
 *         clientAuthentication
 *       }),
 *       scopes: [Entra.defaultScope("https://graph.microsoft.com")]
 *     })
 *   )
 * )
 *
 * @param assertion - returns the JWT. Its `aud` is what the server expects, often the issuer or a name of its own.
 * @since 0.1.0
 * @category constructors
 */
export const clientAssertion = <R = never>(
  assertion: Effect.Effect<Redacted.Redacted<string>, TokenError | TokenStoreError, R>
): Effect.Effect<ClientAuthentication, never, R> =>
  Effect.map(Effect.context<R>(), (context) =>
    // The name of the method in metadata: the server verifies the JWT with a public key.
    ClientAuth.make("private_key_jwt", {
      secrets: [],
      // Requests without client authentication read no token.
      apply: () => oauth.None(),
      read: asSubjectError("the client assertion", Effect.provide(assertion, context)).pipe(
        Effect.flatMap((jwt) => {
          const text = Redacted.value(jwt).trim()
          return text === "" ? Effect.fail(emptyAssertion) : Effect.succeed(sendAssertion(text))
        })
      )
    })
  )

/**
 * Sends no client id and no credential: for a token exchange or an assertion that a server accepts from any client, such as the
 * token exchange of Google. The token of the subject is then the only credential.
 *
 * Specification: [RFC 8693 §2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.1),
 * [RFC 7521 §4.1](https://www.rfc-editor.org/rfc/rfc7521#section-4.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const anonymous: ClientAuthentication = /* @__PURE__ */ make("none", [], () => () => {})

/**
 * Sends only the client id: for a public client, which cannot keep a secret.
 *
 * Specification: [RFC 6749 §2.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: ClientAuthentication = /* @__PURE__ */ make("none", [], () => oauth.None())

/**
 * Authenticates with the client certificate of the TLS connection (`tls_client_auth`).
 *
 * Set the certificate on the transport, with the origin of the authorization server: `tls: { cert, key, origins }` of
 * `NodeTransport`. If the metadata has `mtls_endpoint_aliases`, requests go to these endpoints: add their origins too.
 *
 * Specification: [RFC 8705 §2](https://www.rfc-editor.org/rfc/rfc8705#section-2),
 * [§5](https://www.rfc-editor.org/rfc/rfc8705#section-5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const tlsClientAuth: ClientAuthentication = /* @__PURE__ */ make("tls_client_auth", [], () =>
  oauth.TlsClientAuth()
)
