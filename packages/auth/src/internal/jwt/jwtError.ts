/** Why a JSON Web Token is rejected. */
import * as Data from "effect/Data"

/**
 * Why a token is not accepted. `Malformed`: it is no JWT, or demands what is not supported. `Algorithm`: it is signed by
 * one that was not named. `Key`: no key fits it. `Signature`: somebody else made it, or changed it. `Issuer`, `Audience`:
 * it comes from somebody else, or is meant for somebody else. `Expired`, `NotYetValid`: by the clock. `Claim`: another one is
 * missing or wrong (`claim` names it). `Unavailable`: nothing is known against it, but the issuer's keys are not to be
 * had for now: answer 503 and not 401.
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
 * A token is not accepted. Nothing of the token is in it.
 *
 * @since 0.1.0
 * @category errors
 */
export class JwtError
  extends /* @__PURE__ */ Data.TaggedError("JwtError")<{
    readonly reason: JwtReason
    readonly detail: string
    readonly claim?: string | undefined
    readonly message: string
  }>
{
  constructor(fields: Pick<JwtError, "reason" | "detail" | "claim">) {
    super({ ...fields, message: `The token is not accepted: ${fields.detail}` })
  }
}
