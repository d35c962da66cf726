/** Messages and signature parameters of RFC 9421. */
import type { Parameters } from "./StructuredModel.js"

/**
 * Fields by lower-case name. Several lines of one name are a list, in their order. Characters above U+007F stand for octets
 * (Latin-1), as transports give them.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/**
 * A request that is signed, or that a signature is verified for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** The method, in the letter case that is sent. */
  readonly method: string
  /** The target URI: an absolute http or https URL. Its userinfo and fragment are ignored. */
  readonly url: string
  readonly headers: Fields
  /** Fields of the trailer section, for components with `tr`. */
  readonly trailers?: Fields | undefined
  /** The request target of HTTP/1.1, for `@request-target`. By default path and query of `url`. */
  readonly requestTarget?: string | undefined
}

/**
 * A response that is signed, or that a signature is verified for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Response {
  /** The status code, an integer of three digits. */
  readonly status: number
  readonly headers: Fields
  /** Fields of the trailer section, for components with `tr`. */
  readonly trailers?: Fields | undefined
  /** The request that the response answers, as it was sent, for components with `req`. */
  readonly request?: Request | undefined
}

/**
 * A component identifier: a field name in lower case or a derived component such as `@method`, with parameters in their
 * order.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-2
 * @since 0.1.0
 * @category models
 */
export interface Component {
  readonly name: string
  readonly params: Parameters
}

/**
 * The covered components of a signature and its parameters, both in their order: a member of `Signature-Input`, and the value
 * of `@signature-params`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-2.3
 * @since 0.1.0
 * @category models
 */
export interface SignatureInput {
  readonly components: ReadonlyArray<Component>
  readonly params: Parameters
}

/**
 * The parameters of a signature that RFC 9421 defines.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-2.3
 * @since 0.1.0
 * @category models
 */
export interface Metadata {
  /** Creation time in whole seconds since 1970-01-01T00:00:00Z. */
  readonly created?: number | undefined
  /** Expiration time in whole seconds since 1970-01-01T00:00:00Z. */
  readonly expires?: number | undefined
  /** A unique value of this signature. */
  readonly nonce?: string | undefined
  /** A name of the registry "HTTP Signature Algorithms", such as `ed25519`. */
  readonly alg?: string | undefined
  /** Identifies the key. */
  readonly keyid?: string | undefined
  /** Identifies the application or the protocol. */
  readonly tag?: string | undefined
}

/**
 * The type of a structured field.
 *
 * @since 0.1.0
 * @category models
 */
export type FieldType = "dictionary" | "item" | "list"
