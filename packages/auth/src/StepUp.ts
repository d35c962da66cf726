/**
 * What an API asks of a token beyond what the one has that it was sent: further scopes, a sign-in that is stronger or more
 * recent, or claims that its authorization server wants to see.
 *
 * @since 0.1.0
 */
import type { Challenge } from "@countersign/protocol/Challenge"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * The demand. Each field comes from a server: show it to nobody who has not asked for it.
 *
 * @since 0.1.0
 * @category models
 */
export interface StepUpChallenge {
  /** Scopes that the token lacks, perhaps with some that it has. */
  readonly scopes: ReadonlyArray<string>
  /** The classes of sign-in that would do, the preferred one first. */
  readonly acrValues: ReadonlyArray<string>
  /** In seconds: how long ago the user may have signed in. */
  readonly maxAge?: number | undefined
  /** A JSON object, as the parameter `claims` takes it. */
  readonly claims?: string | undefined
}

/** More than any server needs; a request with what is longer would be refused for that. */
const longestText = 4096
const longestClaims = 16_384

/** RFC 6749 §3.3: what may stand in a scope, and the space between two. A class of sign-in is of the same kind. */
const isList = (text: string): boolean =>
  text.length <= longestText &&
  [...text].every((character) => character >= " " && character <= "~" && character !== '"' && character !== "\\")

const listOf = (text: string | undefined): ReadonlyArray<string> =>
  text !== undefined && isList(text) ? [...new Set(text.split(" "))].filter((one) => one !== "") : []

const secondsOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined

const parse = Schema.decodeUnknownOption(Schema.parseJson())

/** Base64 of either alphabet, with its padding or without: servers and their proxies send all of them. */
const claimsOf = (text: string | undefined): string | undefined => {
  if (text === undefined || text.length > longestClaims) return undefined
  const plain = text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
  const json = Either.getOrUndefined(Encoding.decodeBase64UrlString(plain))
  return json !== undefined && Option.exists(parse(json), Predicate.isRecord) ? json : undefined
}

const demandOf = ({ params }: Challenge): StepUpChallenge | undefined => {
  switch (params["error"]) {
    case "insufficient_scope": {
      const scopes = listOf(params["scope"])
      return scopes.length === 0 ? undefined : { scopes, acrValues: [] }
    }
    case "insufficient_user_authentication":
      return {
        scopes: listOf(params["scope"]),
        acrValues: listOf(params["acr_values"]),
        maxAge: secondsOf(params["max_age"])
      }
    case "insufficient_claims": {
      const claims = claimsOf(params["claims"])
      return claims === undefined ? undefined : { scopes: [], acrValues: [], claims }
    }
    default:
      return undefined
  }
}

/**
 * What the challenges of a 401 or a 403 demand: those of `Unauthorized` and `Forbidden`. Undefined where they say nothing
 * that another token could have, or nothing that can be read.
 *
 * Specification: [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1) (`insufficient_scope`),
 * [RFC 9470 §3](https://www.rfc-editor.org/rfc/rfc9470#section-3) (`insufficient_user_authentication`),
 * [claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge) (`insufficient_claims`).
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromChallenges = (challenges: ReadonlyArray<Challenge>): StepUpChallenge | undefined => {
  for (const challenge of challenges) {
    const demand = demandOf(challenge)
    if (demand !== undefined) return demand
  }
  return undefined
}

/**
 * Both demands in one: all scopes, and of the rest what the later one says.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (earlier: StepUpChallenge | undefined, later: StepUpChallenge): StepUpChallenge =>
  earlier === undefined
    ? later
    : {
        scopes: mergeScopes(earlier.scopes, later.scopes),
        acrValues: later.acrValues.length > 0 ? later.acrValues : earlier.acrValues,
        maxAge: later.maxAge ?? earlier.maxAge,
        claims: later.claims ?? earlier.claims
      }

/**
 * Whether what `asked` for covers a demand, so that asking again for that would give no other token.
 *
 * @since 0.1.0
 * @category combinators
 */
export const isSatisfiedBy = (asked: StepUpChallenge | undefined, demand: StepUpChallenge): boolean =>
  asked !== undefined &&
  demand.scopes.every((scope) => asked.scopes.includes(scope)) &&
  (demand.acrValues.length === 0 || asked.acrValues.join(" ") === demand.acrValues.join(" ")) &&
  (demand.maxAge === undefined || asked.maxAge === demand.maxAge) &&
  (demand.claims === undefined || asked.claims === demand.claims)

/**
 * Whether two demands ask for the same.
 *
 * @since 0.1.0
 * @category combinators
 */
export const equals = (one: StepUpChallenge, other: StepUpChallenge): boolean =>
  isSatisfiedBy(one, other) && isSatisfiedBy(other, one)

/**
 * Whether a request can ask for a demand: an API that makes up scopes without end is not followed.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isWithinLimits = ({ scopes }: StepUpChallenge): boolean => scopes.join(" ").length <= longestText

/**
 * The scopes that a client asks for with those that are demanded of it: to ask for the latter alone would lose the others.
 *
 * @since 0.1.0
 * @category combinators
 */
export const mergeScopes = (scopes: ReadonlyArray<string>, demanded: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set([...scopes, ...demanded])
]

/**
 * The parameters of an authorization request that a demand leads to: `acr_values`, `max_age` and `claims`. Its scopes are
 * not among them.
 *
 * Specification: [RFC 9470 §4](https://www.rfc-editor.org/rfc/rfc9470#section-4).
 *
 * @since 0.1.0
 * @category encoding
 */
export const toAuthorizationParameters = ({
  acrValues,
  claims,
  maxAge
}: StepUpChallenge): Readonly<Record<string, string>> => ({
  ...(acrValues.length > 0 && { acr_values: acrValues.join(" ") }),
  ...(maxAge !== undefined && { max_age: String(maxAge) }),
  ...(claims !== undefined && { claims })
})
