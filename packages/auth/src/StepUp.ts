/**
 * Step-up challenges: an API requires further scopes (RFC 6750), a stronger or more recent authentication (RFC 9470), or
 * further claims.
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
 * A parsed step-up challenge of an API. Each field is untrusted text of a server, so show it only to the user of the
 * request.
 *
 * @since 0.1.0
 * @category models
 */
export interface StepUpChallenge {
  /** The required scopes. The token may have some of them. */
  readonly scopes: ReadonlyArray<string>
  /** The accepted authentication context classes (`acr_values`), the preferred one first. */
  readonly acrValues: ReadonlyArray<string>
  /** Maximum age of the authentication, in seconds (`max_age`). */
  readonly maxAge?: number | undefined
  /** The required claims: a JSON object for the parameter `claims`. */
  readonly claims?: string | undefined
}

/** Maximum lengths of the parameters. Servers reject longer requests. */
const maxTextLength = 4096
const maxClaimsLength = 16_384

/** RFC 6749 §3.3: the characters of scopes and the space between them. `acr_values` has the same syntax here. */
const isList = (text: string): boolean =>
  text.length <= maxTextLength &&
  [...text].every((character) => character >= " " && character <= "~" && character !== '"' && character !== "\\")

const listOf = (text: string | undefined): ReadonlyArray<string> =>
  text !== undefined && isList(text) ? [...new Set(text.split(" "))].filter((one) => one !== "") : []

const secondsOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined

const parse = Schema.decodeUnknownOption(Schema.parseJson())

/** Base64 with either alphabet, with or without padding, because servers and proxies send all these forms. */
const claimsOf = (text: string | undefined): string | undefined => {
  if (text === undefined || text.length > maxClaimsLength) return undefined
  const plain = text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
  const json = Either.getOrUndefined(Encoding.decodeBase64UrlString(plain))
  return json !== undefined && Option.exists(parse(json), Predicate.isRecord) ? json : undefined
}

const parseChallenge = ({ params }: Challenge): StepUpChallenge | undefined => {
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
 * Parses the step-up challenge of a 401 or 403, from the challenges of `Unauthorized` or `Forbidden`. Undefined if no
 * challenge requires another token, or if it cannot be parsed.
 *
 * Specification: [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1) (`insufficient_scope`),
 * [RFC 9470 §3](https://www.rfc-editor.org/rfc/rfc9470#section-3) (`insufficient_user_authentication`),
 * [claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge) (`insufficient_claims`).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import type { TokenSourceError } from "@countersign/auth/Errors"
 * import * as StepUp from "@countersign/auth/StepUp"
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * class Bank extends ApiClient.Tag("app/Bank")<Bank, TokenSourceError>() {}
 *
 * // Pays, or returns the URL of a sign-in that the bank accepts for payments. Keep its transaction for the callback.
 * const pay = (amount: number) =>
 *   Effect.gen(function* () {
 *     const bank = yield* Bank
 *     yield* bank.post("/payments", { json: { amount } })
 *     return "paid"
 *   }).pipe(
 *     Effect.catchTag("Unauthorized", "Forbidden", (error) =>
 *       Effect.gen(function* () {
 *         const demand = StepUp.fromChallenges(error.challenges)
 *         if (demand === undefined) return yield* error
 *         const signIn = yield* AuthorizationCode.make({
 *           issuer: "https://auth.example.com",
 *           clientId: "shop",
 *           clientSecret: Redacted.make("secret"),
 *           redirectUri: "https://shop.example.com/callback"
 *         })
 *         return yield* signIn.start({}, demand)
 *       })
 *     )
 *   )
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromChallenges = (challenges: ReadonlyArray<Challenge>): StepUpChallenge | undefined => {
  for (const challenge of challenges) {
    const demand = parseChallenge(challenge)
    if (demand !== undefined) return demand
  }
  return undefined
}

/**
 * Merges two step-up challenges: the scopes of both, and of the other fields the later value.
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
 * Whether a token request for `asked` already satisfies `demand`. Then a further request would return an equivalent token.
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
 * Whether two step-up challenges require the same.
 *
 * @since 0.1.0
 * @category combinators
 */
export const equals = (one: StepUpChallenge, other: StepUpChallenge): boolean =>
  isSatisfiedBy(one, other) && isSatisfiedBy(other, one)

/**
 * Whether the scopes of a step-up challenge fit into a request (4096 characters). This stops an API that requires ever more
 * scopes.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isWithinLimits = ({ scopes }: StepUpChallenge): boolean => scopes.join(" ").length <= maxTextLength

/**
 * Merges the scopes of the client with the scopes of a step-up challenge. A request for the latter alone would lose the
 * others.
 *
 * @since 0.1.0
 * @category combinators
 */
export const mergeScopes = (scopes: ReadonlyArray<string>, demanded: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set([...scopes, ...demanded])
]

/**
 * Converts a step-up challenge to parameters of an authorization request: `acr_values`, `max_age` and `claims`, without its
 * scopes.
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
