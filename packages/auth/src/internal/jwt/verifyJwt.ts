/** Verification of a signed JWT with the keys that may have signed it. */
import * as Effect from "effect/Effect"
import * as jose from "jose"
import { JwtError } from "./jwtError.js"
import { keyProblem } from "./keyStrength.js"

/** The verified header and claims. */
interface VerifiedParts {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** Verifies the signature, issuer, audience and times of a token. The first key that verifies the token counts. */
export const verifyJwt = (
  token: string,
  candidates: ReadonlyArray<jose.CryptoKey>,
  options: jose.JWTVerifyOptions
): Effect.Effect<VerifiedParts, JwtError> =>
  Effect.tryPromise({ try: () => verifyWithAny(token, candidates, options), catch: failureOf })

/** Whether another key may still verify the token: this key is unusable, or did not sign the token. */
const isOfKey = (error: unknown): boolean =>
  error instanceof jose.errors.JWSSignatureVerificationFailed ||
  error instanceof jose.errors.JOSENotSupported ||
  !(error instanceof jose.errors.JOSEError || error instanceof JwtError)

/** A wrong signature is the more useful error than an unusable key. */
const moreSpecific = (failure: unknown, error: unknown): unknown =>
  failure instanceof jose.errors.JWSSignatureVerificationFailed ? failure : error

/** Several keys may have the same id, or none. */
const verifyWithAny = async (
  token: string,
  candidates: ReadonlyArray<jose.CryptoKey>,
  options: jose.JWTVerifyOptions
): Promise<VerifiedParts> => {
  let failure: unknown
  for (const key of candidates) {
    const problem = keyProblem(key)
    if (problem !== undefined) {
      failure = moreSpecific(failure, new JwtError({ reason: "Key", detail: problem }))
      continue
    }
    try {
      const { payload, protectedHeader } = await jose.jwtVerify(token, key, options)
      return { header: { ...protectedHeader }, claims: rejectInfiniteTimes(payload) }
    } catch (error) {
      if (!isOfKey(error)) throw error
      failure = moreSpecific(failure, error)
    }
  }
  throw failure
}

/** JSON has no infinity, but `JSON.parse` reads `1e999` as one: a token with such an `exp` would never expire. */
const rejectInfiniteTimes = (claims: jose.JWTPayload): jose.JWTPayload => {
  for (const claim of ["exp", "nbf", "iat"] as const) {
    if (claims[claim] === undefined || Number.isFinite(claims[claim])) continue
    throw new JwtError({ reason: "Claim", detail: `its claim ${claim} is not a finite number`, claim })
  }
  return claims
}

/** The errors of `jose` may quote claims: only their kind is passed on. */
const failureOf = (error: unknown): JwtError => {
  if (error instanceof JwtError) return error
  const { errors } = jose
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new JwtError({ reason: "Signature", detail: "its signature is not valid for the issuer's key" })
  }
  if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed) {
    return claimFailure(error)
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
    return new JwtError({ reason: "Malformed", detail: "it is not a signed JWT" })
  }
  return new JwtError({ reason: "Key", detail: "the key does not fit its signature algorithm" })
}

const claimFailure = (error: jose.errors.JWTClaimValidationFailed | jose.errors.JWTExpired): JwtError => {
  const { claim, reason } = error
  if (error instanceof jose.errors.JWTExpired) {
    const detail = claim === "iat" ? "it was issued longer than `maxAge` ago" : "it has expired"
    return new JwtError({ reason: "Expired", detail, claim })
  }
  if (claim === "iss")
    return new JwtError({ reason: "Issuer", detail: "its issuer (`iss`) is not one of `issuer`", claim })
  if (claim === "aud")
    return new JwtError({ reason: "Audience", detail: "its audience (`aud`) contains none of `audience`", claim })
  if (reason === "check_failed" && (claim === "nbf" || claim === "iat")) {
    return new JwtError({
      reason: "NotYetValid",
      detail: "it is not valid yet. Compare the clocks, or raise `clockTolerance`.",
      claim
    })
  }
  const problem = reason === "missing" ? "is missing" : "has an unexpected value"
  return new JwtError({ reason: "Claim", detail: `its claim ${claim} ${problem}`, claim })
}
