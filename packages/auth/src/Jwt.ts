/**
 * JSON Web Tokens (RFC 7519): decodes and verifies them.
 *
 * `jose` checks the signatures. The caller lists the accepted algorithms; the token cannot choose another one.
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
import type * as jose from "jose"
import { JwtError } from "./internal/jwt/jwtError.js"
import * as Parts from "./internal/jwt/parseJwt.js"
import { verifyJwt } from "./internal/jwt/verifyJwt.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { Jwks } from "./Jwks.js"

export type { JwtReason } from "./internal/jwt/jwtError.js"
export { JwtError } from "./internal/jwt/jwtError.js"

/**
 * The header and the claims of a token, without a check of the signature.
 *
 * Anyone can write such a token. Use it for a log, or to read when your own access token expires. Do not use it to identify
 * a user: {@link verify} returns {@link Verified} claims.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unverified {
  /** The header of the token, not verified. */
  readonly header: Readonly<Record<string, unknown>>
  /** The claims of the token, not verified. */
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * The header and the claims of a verified token: its signature, issuer, audience and times are correct.
 *
 * Other claims are not validated and can have any type: decode them with a `Schema`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Verified {
  /** The header of the token. */
  readonly header: Readonly<Record<string, unknown>>
  /** The claims of the token. */
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * The supported signature algorithms, those of [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1) and
 * [RFC 9864 §2.2](https://www.rfc-editor.org/rfc/rfc9864#section-2.2) without `none`.
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
 * The conditions under which {@link verify} accepts a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The accepted issuers (`iss`), compared exactly. */
  readonly issuer: string | ReadonlyArray<string>
  /** The accepted audiences: the `aud` of the token must contain at least one of them. */
  readonly audience: string | ReadonlyArray<string>
  /** The accepted signature algorithms. List only those that the issuer uses. */
  readonly algorithms: ReadonlyArray<Algorithm>
  /** The issuer's keys, or one key of WebCrypto: a public key, or a secret key for HMAC. */
  readonly keys: Jwks | jose.CryptoKey
  /** How far the issuer's clock may be off (30 seconds). */
  readonly clockTolerance?: Duration.DurationInput | undefined
  /** The required `typ` in the header, such as `at+jwt` for access tokens of RFC 9068. */
  readonly typ?: string | undefined
  /** The maximum age of the token by `iat`, independent of when it expires. */
  readonly maxAge?: Duration.DurationInput | undefined
  /** The claims that must be present besides `iss` and `aud` (`exp`). */
  readonly required?: ReadonlyArray<string> | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  issuer: true,
  audience: true,
  algorithms: true,
  keys: true,
  clockTolerance: "duration",
  typ: true,
  maxAge: "duration",
  required: true
}

const textOf = (token: string | Redacted.Redacted<string>): string =>
  Redacted.isRedacted(token) ? Redacted.value(token) : token

const malformed = (detail: string): JwtError => new JwtError({ reason: "Malformed", detail })

/**
 * Decodes a token without a check of its signature, see {@link Unverified}.
 *
 * If a member name occurs twice, the last one counts, as [RFC 7519 §4](https://www.rfc-editor.org/rfc/rfc7519#section-4)
 * allows.
 *
 * Fails with `JwtError { reason: "Malformed" }` if the token is not a JWT, is encrypted, or is longer than 64 Ki
 * characters.
 *
 * Specification: [RFC 7519 §3](https://www.rfc-editor.org/rfc/rfc7519#section-3).
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (token: string | Redacted.Redacted<string>): Effect.Effect<Unverified, JwtError> =>
  Effect.mapError(Parts.parse(textOf(token)), malformed)

/**
 * When a token expires by its `exp`, in epoch milliseconds of the issuer's clock.
 *
 * `None` if it is not a JWT or has no `exp`. Use it for your own access token if the token response had no `expires_in`.
 *
 * Specification: [RFC 7519 §4.1.4](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4).
 *
 * @since 0.1.0
 * @category decoding
 */
export const expiresAt = (token: string | Redacted.Redacted<string>): Option.Option<number> =>
  Option.flatMap(Either.getRight(Parts.parse(textOf(token))), (parts) => Option.fromNullable(Parts.expiresAt(parts)))

/**
 * Verifies a token: its signature, issuer, audience and times.
 *
 * Only keys of `keys` are used. Keys in the token, and URLs of keys in the token, are ignored (`jwk`, `jku`, `x5c`, `x5u`).
 * A token with critical extensions (`crit`) is rejected, because none is supported. For a token with another algorithm, no
 * key is looked up or fetched.
 *
 * Fails with `JwtError`. Its reason is `Key` also for an HMAC key that is shorter than its hash, and for an RSA key with a
 * public exponent below 3 ([RFC 7518 §3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)).
 *
 * Specification: [RFC 7519 §7.2](https://www.rfc-editor.org/rfc/rfc7519#section-7.2),
 * [RFC 7515 §5.2](https://www.rfc-editor.org/rfc/rfc7515#section-5.2),
 * [RFC 8725 §3](https://www.rfc-editor.org/rfc/rfc8725#section-3).
 *
 * @example
 * import type * as Jwks from "@countersign/auth/Jwks"
 * import * as Jwt from "@countersign/auth/Jwt"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const AccessToken = Schema.Struct({ sub: Schema.String, scope: Schema.String })
 *
 * // Answers a request of an API with `authorization: Bearer <token>`. `keys` is made by `Jwks.make`.
 * const answer = (token: string, keys: Jwks.Jwks) =>
 *   Effect.gen(function* () {
 *     const { claims } = yield* Jwt.verify(token, {
 *       issuer: "https://auth.example.com",
 *       audience: "https://orders.example.com",
 *       algorithms: ["ES256"],
 *       typ: "at+jwt",
 *       keys
 *     })
 *     const { scope, sub } = yield* Schema.decodeUnknown(AccessToken)(claims)
 *     return scope.split(" ").includes("read") ? { status: 200, user: sub } : { status: 403 }
 *   }).pipe(
 *     Effect.catchTags({
 *       JwtError: ({ reason }) => Effect.succeed({ status: reason === "Unavailable" ? 503 : 401 }),
 *       ParseError: () => Effect.succeed({ status: 401 })
 *     })
 *   )
 *
 * @since 0.1.0
 * @category verifying
 */
export const verify = (
  token: string | Redacted.Redacted<string>,
  options: Options
): Effect.Effect<Verified, JwtError> =>
  Effect.gen(function* () {
    OptionNames.known("`Jwt.verify`", options, names)
    const { header } = yield* decode(token)
    const named = yield* acceptable(header, options.algorithms)
    const { keys } = options
    const candidates = "getKeys" in keys ? yield* keys.getKeys(named) : [keys]
    const now = yield* Clock.currentTimeMillis
    return yield* verifyJwt(textOf(token), candidates, optionsOf(options, now))
  })

/** The algorithm and the key id of a header, if the algorithm is accepted and no extension is required. */
const acceptable = (
  { alg, crit, kid }: Unverified["header"],
  algorithms: ReadonlyArray<string>
): Either.Either<{ readonly alg: string; readonly kid: string | undefined }, JwtError> => {
  if (typeof alg !== "string" || alg === "none" || !algorithms.includes(alg)) {
    return Either.left(
      new JwtError({ reason: "Algorithm", detail: "its signature algorithm is not one of `algorithms`" })
    )
  }
  if (crit !== undefined) return Either.left(malformed("it requires an extension (`crit`), and none is supported"))
  if (kid !== undefined && typeof kid !== "string") return Either.left(malformed("its key id (`kid`) is not a string"))
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
