/** Requirements of `/resource` beyond a valid token, from the query of the request. */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Subject } from "../tokens/subject.js"

/** Status and challenge parameters for a missing requirement. */
export interface Unmet {
  readonly status: 401 | 403
  readonly params: ReadonlyArray<string>
}

/** The requested value without characters that a header cannot contain. */
const named = (text: string): string => text.replaceAll(/[^\w.:/-]/g, "")

/** Missing scope (RFC 6750 §3.1). */
const scope = ({ scope = "" }: Subject, needed: string): Unmet | undefined =>
  scope.split(" ").includes(needed)
    ? undefined
    : { status: 403, params: ['error="insufficient_scope"', `scope="${named(needed)}"`] }

const insufficient = 'error="insufficient_user_authentication"'

/** Missing authentication context class or too old sign-in (RFC 9470 §3). */
const signIn = (
  { signIn }: Subject,
  { acr, maxAge }: { readonly acr: string | null; readonly maxAge: string | null },
  now: number
): Unmet | undefined => {
  if (acr !== null && signIn?.acr !== acr) {
    return { status: 401, params: [insufficient, `acr_values="${named(acr)}"`] }
  }
  // An invalid number is never satisfied.
  const isOld = maxAge !== null && !(signIn !== undefined && now - signIn.at <= Number(maxAge) * 1000)
  return isOld ? { status: 401, params: [insufficient, `max_age="${named(maxAge)}"`] } : undefined
}

/** Missing `claims` parameter of the token request (continuous access evaluation), as JSON in base64url. */
const claims = (subject: Subject, needed: string): Unmet | undefined =>
  Either.getOrElse(Encoding.decodeBase64UrlString(needed), () => null) === subject.claims
    ? undefined
    : { status: 401, params: ['error="insufficient_claims"', `claims="${needed.replaceAll(/[^\w-]/g, "")}"`] }

/** The first requirement that the token does not satisfy; undefined if it satisfies all. */
export const unmet = (subject: Subject, query: URLSearchParams, now: number): Unmet | undefined => {
  const [neededScope, neededClaims] = [query.get("scope"), query.get("claims")]
  return (
    (neededScope === null ? undefined : scope(subject, neededScope)) ??
    signIn(subject, { acr: query.get("acr"), maxAge: query.get("max_age") }, now) ??
    (neededClaims === null ? undefined : claims(subject, neededClaims))
  )
}
