/** Checks the signature of an ID token with the keys that its issuer publishes (OpenID Connect Core §3.1.3.7). */
import type { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as oauth from "oauth4webapi"
import * as Jwt from "../jwt/parseJwt.js"
import type { ServerClient } from "../oauth/serverClient.js"
import type { IdTokenResponse } from "./claims.js"
import { mapIdTokenErrors, isInvalidSignature, noMatchingKey } from "./claims.js"

/** Maximum number of keys that are tried for one token. */
const maxCandidates = 10

/** The keys can be fetched as often as necessary. The code of the response can be used only once. */
const retrySchedule = Schedule.intersect(Schedule.exponential("500 millis"), Schedule.recurs(2))

/** The key sets that the library has fetched, by server. */
const known = new WeakMap<oauth.AuthorizationServer, oauth.JWKSCacheInput>()

const keysOf = (server: oauth.AuthorizationServer): oauth.JWKSCacheInput => {
  const keys = known.get(server) ?? {}
  known.set(server, keys)
  return keys
}

/** The id of the key in the header of a token; undefined if it names none. */
const kidOf = ({ idToken }: IdTokenResponse): unknown =>
  Either.match(Jwt.parse(Redacted.value(idToken)), { onLeft: () => undefined, onRight: ({ header }) => header["kid"] })

/** The keys with this id, and the keys without an id. All keys for a token that names none. */
const candidates = ({ jwks }: oauth.JWKSCacheInput, kid: unknown): ReadonlyArray<oauth.JWK> =>
  (jwks?.keys ?? [])
    .filter((key) => kid === undefined || typeof key.kid !== "string" || key.kid === kid)
    .map((key) => (typeof kid === "string" ? { ...key, kid } : key))

/** A key set that the library uses without fetching a newer one. */
const setOf = (key: oauth.JWK): oauth.JWKSCacheInput => ({ jwks: { keys: [key] }, uat: Number.MAX_SAFE_INTEGER })

type SignatureResult = Either.Either<void, TokenError>

/** The library uses a key only if no other matches the header. Here each matching key is tried. */
const verifyWithAny = async (
  keys: ReadonlyArray<oauth.JWK>,
  verify: (keys: oauth.JWKSCacheInput) => Promise<SignatureResult>
): Promise<SignatureResult> => {
  let result: SignatureResult = Either.left(noMatchingKey)
  let tried = 0
  for (const key of keys) {
    // A key that cannot be imported counts as no match.
    const one = await verify(setOf(key)).catch((): SignatureResult => Either.left(noMatchingKey))
    if (Either.isRight(one)) return one
    if (!isInvalidSignature(one.left)) continue
    result = one
    tried += 1
    if (tried === maxCandidates) break
  }
  return result
}

const checked = (
  { call }: ServerClient,
  server: oauth.AuthorizationServer,
  said: IdTokenResponse
): Effect.Effect<void, TokenError> => {
  const keys = keysOf(server)
  return call(async ({ options }) => {
    const verify = (as: oauth.AuthorizationServer, set: oauth.JWKSCacheInput): Promise<SignatureResult> =>
      mapIdTokenErrors(
        oauth.validateApplicationLevelSignature(as, said.response, { ...options, [oauth.jwksCache]: set })
      )
    const result = await verify(server, keys)
    return Either.isLeft(result) && result.left === noMatchingKey
      ? verifyWithAny(candidates(keys, kidOf(said)), (set) => verify({ ...server }, set))
      : result
  }).pipe(Effect.retry({ schedule: retrySchedule, while: ({ reason }) => reason === "Unavailable" }), Effect.flatten)
}

/** Whether newer keys may verify the token. If the key that the token names rejects the signature, that is final. */
const shouldReloadKeys = (error: TokenError, server: oauth.AuthorizationServer, said: IdTokenResponse): boolean => {
  const kid = kidOf(said)
  const isNamed = kid !== undefined && keysOf(server).jwks?.keys.some((key) => key.kid === kid) === true
  return error === noMatchingKey || (isInvalidSignature(error) && !isNamed)
}

/**
 * Checks the signature of an ID token with valid claims. If no cached key matches, the keys are fetched again: the server
 * may have rotated them. The library caches keys by the identity of the metadata object, for at least a minute. So the
 * second check gets a copy of the metadata.
 */
export const verifySignature = (
  conversation: ServerClient,
  server: oauth.AuthorizationServer,
  said: IdTokenResponse
): Effect.Effect<void, TokenError> =>
  Effect.catchIf(
    checked(conversation, server, said),
    (error) => shouldReloadKeys(error, server, said),
    () => checked(conversation, { ...server }, said)
  )
