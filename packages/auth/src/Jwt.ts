/**
 * JSON Web Tokens: what they say, and whether it is true.
 *
 * Signatures are checked by `jose`; the algorithms are the caller's to name, and never the token's to choose.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import { JwtError } from "./internal/jwt/jwtError.js"
import { keyProblem } from "./internal/jwt/keyStrength.js"
import * as Parts from "./internal/jwt/parseJwt.js"
import type { Jwks } from "./Jwks.js"

export type { JwtReason } from "./internal/jwt/jwtError.js"
export { JwtError } from "./internal/jwt/jwtError.js"

/**
 * What a token says about itself. Anybody can write such a thing: good for a log or a look at the end of one's own access
 * token, and for no decision about who somebody is. {@link verify} makes {@link Verified} of a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unverified {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * What the issuer says: the signature, the issuer, the audience and the times were found good. Other claims are as the
 * issuer wrote them, of whatever type; a `Schema` tells.
 *
 * @since 0.1.0
 * @category models
 */
export interface Verified {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * The algorithms of [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1) and
 * [RFC 9864 §2.2](https://www.rfc-editor.org/rfc/rfc9864#section-2.2), without `none`.
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm =
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "Ed25519"
  | "EdDSA"
  | "HS256"
  | "HS384"
  | "HS512"

/**
 * What a token has to be to be accepted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Who may have issued it, to the letter. */
  readonly issuer: string | ReadonlyArray<string>
  /** Whom it may be meant for: one of these is to be among its audience. */
  readonly audience: string | ReadonlyArray<string>
  /** How it may be signed: what the issuer is known to use, and nothing else. */
  readonly algorithms: ReadonlyArray<Algorithm>
  /** The issuer's keys, or the one key: a public one of WebCrypto, or a secret one for HMAC. */
  readonly keys: Jwks | CryptoKey
  /** How far the issuer's clock may be off (30 seconds). */
  readonly clockTolerance?: Duration.DurationInput | undefined
  /** The type in its header, where only one will do: `at+jwt` for access tokens of RFC 9068. */
  readonly typ?: string | undefined
  /** How long ago it may have been issued, by `iat`, whatever its end. */
  readonly maxAge?: Duration.DurationInput | undefined
  /** The claims that have to be there, beside `iss` and `aud` (`exp`). */
  readonly required?: ReadonlyArray<string> | undefined
}

const textOf = (token: string | Redacted.Redacted<string>): string =>
  Redacted.isRedacted(token) ? Redacted.value(token) : token

const malformed = (detail: string): JwtError => new JwtError({ reason: "Malformed", detail })

/**
 * Reads a token without looking at its signature: see {@link Unverified}. Of a name that is written twice the last counts,
 * as [RFC 7519 §4](https://www.rfc-editor.org/rfc/rfc7519#section-4) has it.
 *
 * Fails with `JwtError { reason: "Malformed" }` for what is no JWT, is encrypted, or is longer than 64 Ki characters.
 *
 * Specification: [RFC 7519 §3](https://www.rfc-editor.org/rfc/rfc7519#section-3).
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (token: string | Redacted.Redacted<string>): Either.Either<Unverified, JwtError> =>
  Either.mapLeft(Parts.parse(textOf(token)), malformed)

/**
 * When a token says that it ends, in epoch milliseconds of its issuer's clock; `None` where it is no JWT, or does not say.
 * For the holder of an access token, who was not told `expires_in`.
 *
 * Specification: [RFC 7519 §4.1.4](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4).
 *
 * @since 0.1.0
 * @category decoding
 */
export const expiresAt = (token: string | Redacted.Redacted<string>): Option.Option<number> =>
  Option.flatMap(Either.getRight(Parts.parse(textOf(token))), (parts) => Option.fromNullable(Parts.endOf(parts)))

/**
 * Accepts a token or says why not.
 *
 * The key is looked for among those of `keys` only: a key, or where to find one, that the token brings along (`jwk`,
 * `jku`, `x5c`, `x5u`) is nothing to it. A token that demands an extension (`crit`) is refused, since none is known. No
 * key is looked for, and none fetched, for a token of another algorithm.
 *
 * Fails with `JwtError`; its reason is `Key` for an HMAC key that is shorter than its hash, or an RSA key whose public
 * exponent is below 3 ([RFC 7518 §3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)).
 *
 * Specification: [RFC 7519 §7.2](https://www.rfc-editor.org/rfc/rfc7519#section-7.2),
 * [RFC 7515 §5.2](https://www.rfc-editor.org/rfc/rfc7515#section-5.2),
 * [RFC 8725 §3](https://www.rfc-editor.org/rfc/rfc8725#section-3).
 *
 * @since 0.1.0
 * @category verifying
 */
export const verify = (
  token: string | Redacted.Redacted<string>,
  options: Options
): Effect.Effect<Verified, JwtError> =>
  Effect.gen(function* () {
    const { header } = yield* decode(token)
    const named = yield* acceptable(header, options.algorithms)
    const { keys } = options
    const candidates = "getKeys" in keys ? yield* keys.getKeys(named) : [keys]
    const now = yield* Clock.currentTimeMillis
    const joseOptions = optionsOf(options, now)
    return yield* Effect.tryPromise({
      try: () => verifiedByOne(textOf(token), candidates, joseOptions),
      catch: failureOf
    })
  })

/** What of a header says which key it wants, once it asks for nothing that it may not have. */
const acceptable = (
  { alg, crit, kid }: Unverified["header"],
  algorithms: ReadonlyArray<string>
): Either.Either<{ readonly alg: string; readonly kid: string | undefined }, JwtError> => {
  if (typeof alg !== "string" || alg === "none" || !algorithms.includes(alg)) {
    return Either.left(new JwtError({ reason: "Algorithm", detail: "it is signed by an algorithm that was not named" }))
  }
  if (crit !== undefined) return Either.left(malformed("it demands an extension (crit) that is not known here"))
  if (kid !== undefined && typeof kid !== "string") return Either.left(malformed("the id of its key is no text"))
  return Either.right({ alg, kid })
}

const defaultTolerance = "30 seconds"

const secondsOf = (duration: Duration.DurationInput): number => Duration.toMillis(duration) / 1000

const listOf = (value: string | ReadonlyArray<string>): Array<string> => [value].flat()

const optionsOf = (options: Options, now: number): jose.JWTVerifyOptions => ({
  issuer: listOf(options.issuer),
  audience: listOf(options.audience),
  algorithms: [...options.algorithms],
  currentDate: DateTime.toDateUtc(DateTime.unsafeMake(now)),
  clockTolerance: secondsOf(options.clockTolerance ?? defaultTolerance),
  requiredClaims: [...(options.required ?? ["exp"])],
  ...(options.typ !== undefined && { typ: options.typ }),
  ...(options.maxAge !== undefined && { maxTokenAge: secondsOf(options.maxAge) })
})

/** What says nothing about other keys: the key is unusable, or did not sign the token. */
const isOfKey = (error: unknown): boolean =>
  error instanceof jose.errors.JWSSignatureVerificationFailed ||
  error instanceof jose.errors.JOSENotSupported ||
  !(error instanceof jose.errors.JOSEError || error instanceof JwtError)

/** A wrong signature says more about a token than a key that nothing can be verified with. */
const worse = (failure: unknown, error: unknown): unknown =>
  failure instanceof jose.errors.JWSSignatureVerificationFailed ? failure : error

/** Several keys may have no id, or the same one. The token is verified by the first that fits. */
const verifiedByOne = async (
  token: string,
  candidates: ReadonlyArray<CryptoKey>,
  options: jose.JWTVerifyOptions
): Promise<Verified> => {
  let failure: unknown
  for (const key of candidates) {
    const problem = keyProblem(key)
    if (problem !== undefined) {
      failure = worse(failure, new JwtError({ reason: "Key", detail: problem }))
      continue
    }
    try {
      const { payload, protectedHeader } = await jose.jwtVerify(token, key, options)
      return { header: { ...protectedHeader }, claims: finite(payload) }
    } catch (error) {
      if (!isOfKey(error)) throw error
      failure = worse(failure, error)
    }
  }
  throw failure
}

/** JSON has no infinity, and its parser makes one of `1e999`: a token without an end that says it has one. */
const finite = (claims: jose.JWTPayload): jose.JWTPayload => {
  for (const claim of ["exp", "nbf", "iat"] as const) {
    if (claims[claim] === undefined || Number.isFinite(claims[claim])) continue
    throw new JwtError({ reason: "Claim", detail: `its claim ${claim} is no instant`, claim })
  }
  return claims
}

/** The library's errors hold the claims, and may quote them: nothing of theirs is passed on but its kind. */
const failureOf = (error: unknown): JwtError => {
  if (error instanceof JwtError) return error
  const { errors } = jose
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new JwtError({ reason: "Signature", detail: "its signature is not that of the issuer's key" })
  }
  if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed) {
    return claimFailure(error)
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return malformed("it is no signed JWT")
  return new JwtError({ reason: "Key", detail: "the key is not one for the algorithm that it is signed by" })
}

const claimFailure = (error: jose.errors.JWTClaimValidationFailed | jose.errors.JWTExpired): JwtError => {
  const { claim, reason } = error
  if (error instanceof jose.errors.JWTExpired) {
    const detail = claim === "iat" ? "it was issued too long ago" : "it has expired"
    return new JwtError({ reason: "Expired", detail, claim })
  }
  if (claim === "iss") return new JwtError({ reason: "Issuer", detail: "it comes from another issuer", claim })
  if (claim === "aud") return new JwtError({ reason: "Audience", detail: "it is meant for somebody else", claim })
  if (reason === "check_failed" && (claim === "nbf" || claim === "iat")) {
    return new JwtError({ reason: "NotYetValid", detail: "it is not valid yet: compare the clocks", claim })
  }
  const problem = reason === "missing" ? "is missing" : "is not as it should be"
  return new JwtError({ reason: "Claim", detail: `its claim ${claim} ${problem}`, claim })
}
