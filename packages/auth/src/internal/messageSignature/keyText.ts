/** Keys of the configuration, which are texts. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Algorithm, Key } from "./keys.js"
import * as Keys from "./keys.js"

/**
 * A key as a text: a JWK, a PEM or a shared secret. Exactly one of them is set.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyText {
  /** A private key or a shared secret as a JWK in JSON. */
  readonly jwk?: Redacted.Redacted<string> | undefined
  /** A private key in PEM (PKCS #8). It needs `algorithm`. */
  readonly pem?: Redacted.Redacted<string> | undefined
  /** A shared secret for `hmac-sha256`. */
  readonly secret?: Redacted.Redacted<string> | undefined
  /** The algorithm of the key: of a PEM, and of an RSA key in a JWK without `alg`. */
  readonly algorithm?: Algorithm | undefined
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Options", detail })

const notOne = invalid("the key is missing or set twice. Set exactly one of `jwk`, `pem` and `secret`.")

const noAlgorithm = invalid("`algorithm` is missing, which a key in PEM needs. Set it, such as `ed25519`.")

const otherAlgorithm = invalid("`algorithm` does not fit `secret`, which signs with `hmac-sha256`. Remove it.")

/** Imports the key. */
export const read = (
  { algorithm, jwk, pem, secret }: KeyText,
  keyId: string | undefined
): Effect.Effect<Key, InvalidRequest> => {
  const [text, ...others] = [jwk, pem, secret].filter((text) => text !== undefined)
  if (text === undefined || others.length > 0) return Effect.fail(notOne)
  const value = Redacted.value(text)
  if (jwk !== undefined) return Keys.importJwk(value, algorithm, keyId)
  if (pem !== undefined) {
    return algorithm === undefined ? Effect.fail(noAlgorithm) : Keys.importPem(value, algorithm, keyId)
  }
  return algorithm === undefined || algorithm === "hmac-sha256"
    ? Keys.importSecret(new TextEncoder().encode(value), keyId)
    : Effect.fail(otherAlgorithm)
}
