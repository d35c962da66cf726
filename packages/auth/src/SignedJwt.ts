/**
 * Bearer tokens that the client signs itself: a JWT (RFC 7519) with a private key, for APIs such as GitHub Apps, App Store Connect
 * and APNs.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import type { PrivateKey } from "./ClientAuthentication.js"
import { algorithmOf } from "./internal/grants/jwtAssertion.js"
import { requireWebCrypto } from "./internal/hash/webCrypto.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { makeOffer } from "./internal/schemes/offer.js"
import type { Sign, SignedJwt } from "./internal/signedJwt/jwtCache.js"
import { JwtCache } from "./internal/signedJwt/jwtCache.js"
import * as Pem from "./internal/signedJwt/privateKeyPem.js"

/**
 * The key, the claims and the times of the JWT.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The private key: RSA (at least 2048 bits), P-256, P-384, P-521 or Ed25519. */
  readonly key: PrivateKey
  /** The claims, as JSON, such as `{ iss: "…" }`. The scheme adds `iat`, and `exp` unless `expires` is false. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Further members of the header, which has `alg`, `kid` and `typ: "JWT"`. For Ed25519, `alg` may be `EdDSA`. */
  readonly header?: Readonly<Record<string, unknown>> | undefined
  /** Time from the signature to `exp` (10 minutes). A minute before, or after nine tenths if that is later, a new JWT is signed. */
  readonly lifetime?: Duration.DurationInput | undefined
  /** Whether the JWT has the claim `exp` (true). Without it, a new JWT is signed at the end of `lifetime`. */
  readonly expires?: boolean | undefined
  /** By how much `iat` is before the signature (0), for a server that rejects one in the future. */
  readonly backdate?: Duration.DurationInput | undefined
  /** Minimum age of a rejected JWT before another one is signed (1 minute). It does not apply if the clock was wrong. */
  readonly minAge?: Duration.DurationInput | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  key: { key: true, kid: true },
  claims: true,
  header: true,
  lifetime: "duration",
  expires: true,
  backdate: "duration",
  minAge: "duration"
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { lifetime: "10 minutes", expires: true, backdate: 0, minAge: "1 minute" } as const

const unsigned = new InvalidRequest({
  reason: "Credentials",
  detail:
    "the JWT cannot be signed: `key` or `claims` is invalid. Use a private WebCrypto key for signing (RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519), and claims that are JSON."
})

const seconds = (ms: number): number => Math.floor(ms / 1000)

/** Signs the claims with the times of the server's clock. */
const makeSign = ({ backdate, claims, expires, header, key: { key, kid }, lifetime }: Options): Sign => {
  const backdateMs = Duration.toMillis(backdate ?? defaults.backdate)
  const lifetimeMs = Duration.toMillis(lifetime ?? defaults.lifetime)
  return async (serverNow) => {
    try {
      const exp = (expires ?? defaults.expires) ? { exp: seconds(serverNow + lifetimeMs) } : {}
      const jwt = new jose.SignJWT({ ...claims, iat: seconds(serverNow - backdateMs), ...exp })
      const protectedHeader = { alg: algorithmOf(key), typ: "JWT", ...(kid !== undefined && { kid }), ...header }
      return Exit.succeed(Redacted.make(await jwt.setProtectedHeader(protectedHeader).sign(key)))
    } catch {
      return Exit.fail(unsigned)
    }
  }
}

/** A JWT without `exp` is used for its whole lifetime. */
const useMsOf = ({ expires, lifetime }: Options): number => {
  const ms = Duration.toMillis(lifetime ?? defaults.lifetime)
  return (expires ?? defaults.expires) ? Math.max(ms - 60_000, ms * 0.9) : ms
}

const offer = /* @__PURE__ */ makeOffer("Bearer", Auth.strengths.bearer)

/**
 * Authenticates with a JWT that the client signs.
 *
 * - One JWT is signed for all requests, and another one before it expires. Concurrent requests wait for one signature.
 * - After a 401 the `Date` of the response is compared with the clock. If they differ by two seconds or more, the next JWT has the
 *   time of the server, and the request is sent again.
 * - After a 401 without such a difference, a JWT that is older than `minAge` is replaced once. Otherwise the call fails with
 *   `Unauthorized`.
 *
 * Signing fails with `InvalidRequest { reason: "Credentials" }` if the key or the claims cannot be used.
 *
 * Specification: [RFC 7519](https://www.rfc-editor.org/rfc/rfc7519), [RFC 7515](https://www.rfc-editor.org/rfc/rfc7515),
 * [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1).
 *
 * @example
 * import * as SignedJwt from "@countersign/auth/SignedJwt"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const auth = (pem: Redacted.Redacted<string>) =>
 *   Effect.flatMap(SignedJwt.importKey(pem, "ES256"), (key) =>
 *     SignedJwt.make({ key: { key, kid: "2X9R4HXF34" }, claims: { iss: "app" }, lifetime: "5 minutes" })
 *   )
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Auth.Service> =>
  Effect.map(Effect.clock, (clock) => {
    OptionNames.known("`SignedJwt`", options, names)
    const minAgeMs = Duration.toMillis(options.minAge ?? defaults.minAge)
    const cache = new JwtCache(makeSign(options), { useMs: useMsOf(options), minAgeMs }, clock)
    const onResponse = ({ headers, status }: HttpClientResponse): void => {
      if (status === 401) cache.observe(HttpDate.parse(headers["date"] ?? ""))
    }
    const put = (request: HttpClientRequest.HttpClientRequest, { id, token }: SignedJwt): Auth.Signed => ({
      request: HttpClientRequest.setHeader(request, "authorization", `Bearer ${Redacted.value(token)}`),
      credential: id,
      onResponse
    })
    return {
      sign: (request) =>
        Effect.zipRight(
          requireWebCrypto,
          Effect.map(cache.get, (jwt) => put(request, jwt))
        ),
      signSync: (request, now) => {
        const jwt = cache.valid(now)
        return jwt && put(request, jwt)
      },
      onRejected: ({ credential }) => Effect.sync(() => cache.reject(credential)),
      offer,
      honorsDeadline: true
    }
  })

/** Signs one JWT, so that an invalid key fails when the Layer is built. */
const checked = (options: Options): Effect.Effect<Auth.Service, InvalidRequest> =>
  OptionNames.check("`SignedJwt`", options, names).pipe(
    Effect.zipRight(Effect.suspend(() => make(options))),
    Effect.tap((auth) => auth.sign(HttpClientRequest.get("https://localhost/")))
  )

/**
 * Layer that sends `authorization: Bearer <JWT>` with every request to the API's origins, see {@link make}.
 *
 * Fails with `InvalidRequest` when it is built, if the key or the claims cannot be used.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth, InvalidRequest> => Auth.layerEffect(checked(options))

/**
 * Imports a private key from PEM, as PKCS#8 or PKCS#1 (`BEGIN RSA PRIVATE KEY`, the format of GitHub). The key cannot be exported.
 *
 * Fails with `InvalidRequest { reason: "Credentials" }` if the text is no such key, or one for another algorithm.
 *
 * Specification: [RFC 5958](https://www.rfc-editor.org/rfc/rfc5958#section-2),
 * [RFC 8017 §A.1.2](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2).
 *
 * @param pem - the text of the file.
 * @param algorithm - the algorithm of the JWT, such as `RS256`, `ES256` or `EdDSA`.
 * @since 0.1.0
 * @category keys
 */
export const importKey: (
  pem: Redacted.Redacted<string>,
  algorithm: string
) => Effect.Effect<jose.CryptoKey, InvalidRequest> = Pem.importKey

/**
 * Options for the API of a GitHub App: a JWT for nine minutes, with an `iat` of a minute ago. The key is an RSA key for RS256.
 *
 * Specification:
 * [Generating a JWT for a GitHub App](https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app).
 *
 * @since 0.1.0
 * @category presets
 */
export const githubApp = (options: {
  /** The client id of the app, or its id. */
  readonly clientId: string
  /** The private key of the app. */
  readonly key: jose.CryptoKey
}): Options => {
  const { clientId, key } = OptionNames.known("`SignedJwt.githubApp`", options, { clientId: true, key: true })
  return { key: { key }, claims: { iss: clientId }, lifetime: "9 minutes", backdate: "1 minute" }
}

/**
 * Options for the App Store Connect API: a JWT for 15 minutes. The key is a P-256 key for ES256.
 *
 * Specification:
 * [Generating tokens for API requests](https://developer.apple.com/documentation/appstoreconnectapi/generating-tokens-for-api-requests).
 *
 * @since 0.1.0
 * @category presets
 */
export const appStoreConnect = (options: {
  /** The issuer id of a team key. Without it, the key is an individual key. */
  readonly issuerId?: string | undefined
  /** The key id. */
  readonly keyId: string
  /** The private key. */
  readonly key: jose.CryptoKey
}): Options => {
  const known = { issuerId: true, keyId: true, key: true } as const
  const { issuerId, key, keyId } = OptionNames.known("`SignedJwt.appStoreConnect`", options, known)
  const account = issuerId === undefined ? { sub: "user" } : { iss: issuerId }
  return { key: { key, kid: keyId }, claims: { ...account, aud: "appstoreconnect-v1" }, lifetime: "15 minutes" }
}

/**
 * Options for the Apple Push Notification service: a JWT without `exp`, which is used for 40 minutes. The key is a P-256 key for
 * ES256.
 *
 * APNs rejects a JWT that is older than an hour, and a connection that sends a new one within 20 minutes.
 *
 * Specification:
 * [Establishing a token-based connection to APNs](https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns).
 *
 * @since 0.1.0
 * @category presets
 */
export const apns = (options: {
  /** The team id. */
  readonly teamId: string
  /** The key id. */
  readonly keyId: string
  /** The private key. */
  readonly key: jose.CryptoKey
}): Options => {
  const known = { teamId: true, keyId: true, key: true } as const
  const { key, keyId, teamId } = OptionNames.known("`SignedJwt.apns`", options, known)
  return {
    key: { key, kid: keyId },
    claims: { iss: teamId },
    lifetime: "40 minutes",
    expires: false,
    minAge: "20 minutes"
  }
}
