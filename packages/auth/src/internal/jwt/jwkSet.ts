/** JWK sets (RFC 7517 §5): bounded parsing, and the selection of keys by the header of a token. */
import * as Either from "effect/Either"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as jose from "jose"

/** Maximum number of keys. Servers that rotate keys publish two or three. */
const maxKeys = 100

/** Maximum number of keys that are tried for a token that names no key. */
const maxCandidates = 10

/** The algorithm and key id of a token's header. */
export interface KeyHeader {
  readonly alg: string
  readonly kid: string | undefined
}

export interface KeySet {
  /** The keys that match the header. Empty if no key matches. */
  readonly select: (wanted: KeyHeader) => Effect.Effect<ReadonlyArray<CryptoKey>>
}

const decode = Schema.decodeUnknownEither(Schema.parseJson(Schema.Struct({ keys: Schema.Array(Schema.Unknown) })))

const isKey = (value: unknown): value is jose.JWK =>
  typeof value === "object" && value !== null && "kty" in value && typeof value.kty === "string"

/** Parses a key set, or describes the problem. Entries that are not keys are skipped (RFC 7517 §5). */
export const read = (text: string): Either.Either<KeySet, string> => {
  const decoded = decode(text)
  if (Either.isLeft(decoded)) return Either.left("it is not a JSON object with a list `keys`")
  const { keys } = decoded.right
  if (keys.length > maxKeys) return Either.left(`it has more than ${maxKeys} keys`)
  return Either.try({
    try: () => {
      const all = keys.filter(isKey)
      const unnamed = jose.createLocalJWKSet({ keys: all.filter(({ kid }) => typeof kid !== "string") })
      return { select: makeSelect(jose.createLocalJWKSet({ keys: all }), unnamed) }
    },
    catch: () => "it is not a key set"
  })
}

type Find = ReturnType<typeof jose.createLocalJWKSet>

const found = (find: Find, header: jose.JWSHeaderParameters & { readonly alg: string }) =>
  find(header).then(
    (key) => [key],
    (error: unknown) => (error instanceof jose.errors.JWKSMultipleMatchingKeys ? firstOf(error) : [])
  )

/** Keys without an id are candidates if no key has the id that the token names. */
const makeSelect =
  (all: Find, unnamed: Find): KeySet["select"] =>
  ({ alg, kid }) =>
    Effect.promise(async () => {
      if (kid === undefined) return found(all, { alg })
      const named = await found(all, { alg, kid })
      return named.length > 0 ? named : found(unnamed, { alg })
    })

const firstOf = async (found: jose.errors.JWKSMultipleMatchingKeys): Promise<ReadonlyArray<CryptoKey>> => {
  const keys: Array<CryptoKey> = []
  for await (const key of found) {
    if (keys.push(key) === maxCandidates) break
  }
  return keys
}
