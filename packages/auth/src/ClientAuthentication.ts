/**
 * How a client proves to an authorization server who it is.
 *
 * @since 0.1.0
 */
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type { AssertionOptions, ClientAuthentication, Method } from "./internal/oauth/clientAuthentication.js"
import * as ClientAuth from "./internal/oauth/clientAuthentication.js"

export type { AssertionOptions, ClientAuthentication } from "./internal/oauth/clientAuthentication.js"

const make = (method: string, secrets: ReadonlyArray<Redacted.Redacted>, apply: Method["apply"]) =>
  ClientAuth.make(method, { secrets, apply })

/**
 * The secret in the Authorization field, id and secret each encoded as a form before, as RFC 6749 says.
 *
 * Specification: [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretBasic = (secret: Redacted.Redacted): ClientAuthentication =>
  make("client_secret_basic", [secret], () => oauth.ClientSecretBasic(Redacted.value(secret)))

/**
 * The secret in the Authorization field, without the form encoding of RFC 6749. For servers that do not decode it: there
 * {@link clientSecretBasic} fails for ids and secrets with characters other than letters and digits, because it sends
 * `my-client_1.apps` as `my%2Dclient%5F1%2Eapps`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretBasicUnencoded = (secret: Redacted.Redacted): ClientAuthentication =>
  make("client_secret_basic", [secret], () => (_server, { client_id: id }, _body, headers) => {
    headers.set("authorization", `Basic ${Encoding.encodeBase64(`${id}:${Redacted.value(secret)}`)}`)
  })

/**
 * The secret in the body.
 *
 * Specification: [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretPost = (secret: Redacted.Redacted): ClientAuthentication =>
  make("client_secret_post", [secret], () => oauth.ClientSecretPost(Redacted.value(secret)))

/**
 * A JWT that is signed with the secret (HS256), which itself is not sent. A new one for each request, for one minute.
 *
 * Specification: [OpenID Connect Core §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication),
 * [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretJwt = (secret: Redacted.Redacted, options: AssertionOptions = {}): ClientAuthentication =>
  make("client_secret_jwt", [secret], (now) =>
    oauth.ClientSecretJwt(Redacted.value(secret), { [oauth.modifyAssertion]: ClientAuth.dated(now, options) })
  )

/**
 * A private key of WebCrypto, whose algorithm says how it signs, and its id at the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface PrivateKey {
  readonly key: CryptoKey
  readonly kid?: string | undefined
}

/**
 * A JWT that is signed with a private key, of which the server has the public one: nothing that is sent can be used by
 * somebody else. A new one for each request, for one minute.
 *
 * Specification: [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2),
 * recommended by [RFC 9700 §2.5](https://www.rfc-editor.org/rfc/rfc9700#section-2.5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const privateKeyJwt = ({ key, kid }: PrivateKey, options: AssertionOptions = {}): ClientAuthentication =>
  make("private_key_jwt", [], (now) =>
    oauth.PrivateKeyJwt(kid === undefined ? key : { key, kid }, {
      [oauth.modifyAssertion]: ClientAuth.dated(now, options)
    })
  )

/**
 * Nothing: for a public client, which can keep no secret.
 *
 * Specification: [RFC 6749 §2.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: ClientAuthentication = /* @__PURE__ */ make("none", [], () => oauth.None())

/**
 * The client certificate of the connection. Give it to the transport, with the origin of the authorization server:
 * `NodeTransport`'s `tls: { cert, key, origins }`. If the metadata have `mtls_endpoint_aliases`, requests go to these: add
 * their origins.
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
