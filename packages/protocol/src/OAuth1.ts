/**
 * OAuth 1.0 signatures (RFC 5849): the text to sign, and the `Authorization` field.
 *
 * This module computes no HMAC: the caller signs the text with {@link signingKey}.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5849#section-3.4
 * @since 0.1.0
 */
import { encode } from "./internal/PercentEncoding.js"

/**
 * A parameter of a request, decoded.
 *
 * @since 0.1.0
 * @category models
 */
export type Parameter = readonly [name: string, value: string]

/**
 * Encodes a text in UTF-8 and percent-encodes each byte except letters, digits, `-`, `.`, `_` and `~`.
 *
 * A lone surrogate is encoded as U+FFFD.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5849#section-3.6
 * @since 0.1.0
 * @category encoding
 */
export const percentEncode = (text: string): string => encode(text)

/**
 * Decodes the parameters of a form body (`application/x-www-form-urlencoded`).
 *
 * @see https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1.3.1
 * @since 0.1.0
 * @category decoding
 */
export const parseForm = (body: string): ReadonlyArray<Parameter> =>
  // `URLSearchParams` ignores a question mark at the start, which a body may have. It ignores empty pairs too.
  [...new URLSearchParams(`&${body}`)]

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Normalizes parameters: encodes names and values, sorts them by name and value, and joins them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1.3.2
 * @since 0.1.0
 * @category signing
 */
export const normalizeParameters = (parameters: Iterable<Parameter>): string =>
  Array.from(parameters, ([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([name, value], [otherName, otherValue]) => compare(name, otherName) || compare(value, otherValue))
    .map((pair) => pair.join("="))
    .join("&")

/**
 * The parts of a URL that are signed. A `URL` has them, but its type belongs to the DOM library.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignedUrl {
  /** Scheme, host and port. */
  readonly origin: string
  /** The path, percent-encoded. */
  readonly pathname: string
  /** The parameters of the query, decoded. */
  readonly searchParams: Iterable<Parameter>
}

/**
 * The parts of a request that are signed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  /** The method of the request. */
  readonly method: string
  /** The absolute URL, such as a `URL`. The parameters of its query are signed. */
  readonly url: SignedUrl
  /** The parameters of the `Authorization` field, except `oauth_signature`. */
  readonly oauth: Iterable<Parameter>
  /** The parameters of a form body ({@link parseForm}). Other bodies are not signed. */
  readonly form?: Iterable<Parameter> | undefined
}

/**
 * Makes the signature base string: the method, the URL without its query, and the normalized parameters.
 *
 * @example
 * import * as OAuth1 from "@countersign/protocol/OAuth1"
 *
 * OAuth1.baseString({
 *   method: "GET",
 *   url: new URL("https://api.example.com/photos?size=original"),
 *   oauth: [
 *     ["oauth_consumer_key", "key"],
 *     ["oauth_nonce", "abc"]
 *   ]
 * })
 *
 * @see https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1.1
 * @since 0.1.0
 * @category signing
 */
export const baseString = ({ form = [], method, oauth, url }: Message): string => {
  const parameters = normalizeParameters([...url.searchParams, ...oauth, ...form])
  return [method.toUpperCase(), url.origin + url.pathname, parameters].map(percentEncode).join("&")
}

/**
 * Makes the key of the HMAC, which is the signature of `PLAINTEXT` too. Do not print it.
 *
 * @param clientSecret the secret of the client
 * @param tokenSecret the secret of the token. Empty without a token.
 * @see https://www.rfc-editor.org/rfc/rfc5849#section-3.4.2
 * @since 0.1.0
 * @category signing
 */
export const signingKey = (clientSecret: string, tokenSecret: string): string =>
  `${percentEncode(clientSecret)}&${percentEncode(tokenSecret)}`

/** A quoted string. A realm has no percent-encoding. */
const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`

/**
 * Formats an `Authorization` field. Do not print it.
 *
 * @param parameters the parameters with `oauth_signature`
 * @param realm the realm of the server. It must not contain control characters.
 * @see https://www.rfc-editor.org/rfc/rfc5849#section-3.5.1
 * @since 0.1.0
 * @category formatting
 */
export const format = (parameters: Iterable<Parameter>, realm?: string): string => {
  const pairs = Array.from(parameters, ([name, value]) => `${percentEncode(name)}="${percentEncode(value)}"`)
  return `OAuth ${[...(realm === undefined ? [] : [`realm=${quoted(realm)}`]), ...pairs].join(", ")}`
}
