/**
 * Tokens that are of use to their holder only: each request proves that it has the key they are bound to.
 *
 * Specification: [RFC 9449](https://www.rfc-editor.org/rfc/rfc9449).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as oauth from "oauth4webapi"

/**
 * A pair of keys of WebCrypto that tokens are bound to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Key {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/**
 * A new key, ES256, that cannot be taken out of this process: tokens that are bound to it end with it.
 *
 * @since 0.1.0
 * @category keys
 */
export const generate: Effect.Effect<Key> = /* @__PURE__ */ Effect.promise(() => oauth.generateKeyPair("ES256"))
