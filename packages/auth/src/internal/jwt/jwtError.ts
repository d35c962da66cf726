/** Why a JSON Web Token is rejected. */
import * as Data from "effect/Data"
import { sentence } from "../response/sentence.js"

/**
 * Why a token is rejected.
 *
 * - `Malformed`: it is not a JWT, or requires an unsupported feature
 * - `Algorithm`: its algorithm is not among the accepted algorithms
 * - `Key`: no key matches it
 * - `Signature`: the signature is invalid
 * - `Issuer`, `Audience`: it has another issuer, or is for another audience
 * - `Expired`, `NotYetValid`: it is outside of its validity period
 * - `Claim`: another claim is missing or invalid (`claim` names it)
 * - `Unavailable`: the keys of the issuer cannot be read at present. Answer with 503, not with 401
 *
 * @since 0.1.0
 * @category models
 */
export type JwtReason =
  | "Malformed"
  | "Algorithm"
  | "Key"
  | "Signature"
  | "Issuer"
  | "Audience"
  | "Expired"
  | "NotYetValid"
  | "Claim"
  | "Unavailable"

/**
 * Rejection of a JSON Web Token. The error contains no part of the token.
 *
 * @since 0.1.0
 * @category errors
 */
export class JwtError
  extends /* @__PURE__ */ Data.TaggedError("JwtError")<{
    /** Why the token is rejected. */
    readonly reason: JwtReason
    /** The cause as text, without any part of the token. */
    readonly detail: string
    /** The name of the claim that is missing or invalid. */
    readonly claim?: string | undefined
    /** The complete error message. */
    readonly message: string
  }>
{
  constructor(fields: Pick<JwtError, "reason" | "detail" | "claim">) {
    super({ ...fields, message: sentence(`The token was rejected: ${fields.detail}`) })
  }
}
