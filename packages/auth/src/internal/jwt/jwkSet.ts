/** A set of keys as a server publishes it: read within bounds, and looked into by what a token's header asks for. */
import * as Either from "effect/Either"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as jose from "jose"

/** Servers that change their keys publish two or three. */
const mostKeys = 100

/** So many signatures are tried for a token that does not name its key. */
const mostCandidates = 10

/** What a token wants to be verified with. */
export interface Wanted {
  readonly alg: string
  readonly kid: string | undefined
}

export interface KeySet {
  /** None, where nothing fits. */
  readonly select: (wanted: Wanted) => Effect.Effect<ReadonlyArray<CryptoKey>>
}

const decode = Schema.decodeUnknownEither(Schema.parseJson(Schema.Struct({ keys: Schema.Array(Schema.Unknown) })))

const isKey = (value: unknown): value is jose.JWK =>
  typeof value === "object" && value !== null && "kty" in value && typeof value.kty === "string"

/** Reads a set; or says what is wrong with it. What is no key in it is passed over (RFC 7517 §5). */
export const read = (text: string): Either.Either<KeySet, string> => {
  const decoded = decode(text)
  if (Either.isLeft(decoded)) return Either.left("it is no JSON of a key set")
  const { keys } = decoded.right
  if (keys.length > mostKeys) return Either.left(`it has more than ${mostKeys} keys`)
  return Either.try({
    try: () => {
      const all = keys.filter(isKey)
      const unnamed = jose.createLocalJWKSet({ keys: all.filter(({ kid }) => typeof kid !== "string") })
      return { select: selecting(jose.createLocalJWKSet({ keys: all }), unnamed) }
    },
    catch: () => "it is no set of keys"
  })
}

type Find = ReturnType<typeof jose.createLocalJWKSet>

const found = (find: Find, header: jose.JWSHeaderParameters & { readonly alg: string }) =>
  find(header).then(
    (key) => [key],
    (error: unknown) => (error instanceof jose.errors.JWKSMultipleMatchingKeys ? firstOf(error) : [])
  )

/** A key without an id may be the one that a token names, if no key has that id. */
const selecting =
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
    if (keys.push(key) === mostCandidates) break
  }
  return keys
}
