/** The authorization response (RFC 6749 §4.1.2), and the checks that it belongs to the sign-in. */
import type { TokenReason } from "../../Errors.js"
import { TokenError } from "../../Errors.js"
import * as Redact from "@countersign/protocol/Redact"
import * as Either from "effect/Either"
import type * as oauth from "oauth4webapi"

const invalidResponse = (detail: string): TokenError => new TokenError({ reason: "InvalidResponse", detail })

const redirectUriMismatch = invalidResponse(
  "the authorization response is rejected: its URL is not the redirect URI of the sign-in. Pass the URL of the callback"
)

/** The URL up to its query. RFC 6749 §3.1.2.3 requires a simple string comparison. */
const locationOf = (url: string): string => /^[^?#]*/.exec(url)?.[0] ?? ""

/** A browser requests the redirect URI in its normalized form: `https://app.example.com` becomes `https://app.example.com/`. */
const isAt = (url: string, redirectUri: string): boolean =>
  [redirectUri, URL.canParse(redirectUri) ? new URL(redirectUri).href : redirectUri].some(
    (allowed) => locationOf(url) === locationOf(allowed)
  )

/** The parameters of a callback. Fails if its URL is not the redirect URI. */
export const parametersOf = (
  redirectUri: string,
  callback: string | URL | URLSearchParams
): Either.Either<URLSearchParams, TokenError> => {
  if (callback instanceof URLSearchParams) return Either.right(callback)
  const url = String(callback)
  if (!URL.canParse(url) || !isAt(url, redirectUri)) return Either.left(redirectUriMismatch)
  const parameters = new URL(url).searchParams
  const own = [...new URL(redirectUri).searchParams]
  return own.every(([name, value]) => parameters.getAll(name).includes(value))
    ? Either.right(parameters)
    : Either.left(redirectUriMismatch)
}

/** The value of a parameter. A repeated parameter is rejected, since two parsers may read different values of it. */
export const singleParameter = (
  parameters: URLSearchParams,
  name: string
): Either.Either<string | undefined, TokenError> => {
  const [value, ...more] = parameters.getAll(name)
  return more.length === 0
    ? Either.right(value)
    : Either.left(
        invalidResponse(
          `the authorization response is rejected: it has the parameter ${name} more than once. Sign in again`
        )
      )
}

/** Compares in constant time, so that the duration does not reveal where the texts differ. The length is no secret. */
export const isSame = (singleParameter: string, other: string): boolean => {
  if (singleParameter.length !== other.length) return false
  let difference = 0
  for (let index = 0; index < singleParameter.length; index++)
    difference |= singleParameter.charCodeAt(index) ^ other.charCodeAt(index)
  return difference === 0
}

/** Fails if `state` is missing, or belongs to another sign-in (RFC 6749 §10.12). */
export const validateState = (parameters: URLSearchParams, state: string): Either.Either<void, TokenError> =>
  Either.flatMap(singleParameter(parameters, "state"), (given) =>
    given !== undefined && isSame(given, state)
      ? Either.void
      : Either.left(
          invalidResponse("the authorization response is rejected: `state` is not that of the sign-in. Sign in again")
        )
  )

/** RFC 9207 §2.4. The received `iss` is not shown, because anyone can set it. */
const validateIssuer = (
  parameters: URLSearchParams,
  server: oauth.AuthorizationServer
): Either.Either<void, TokenError> =>
  Either.flatMap(singleParameter(parameters, "iss"), (iss) => {
    if (iss === undefined && server.authorization_response_iss_parameter_supported === true) {
      return Either.left(
        invalidResponse(
          "the authorization response is rejected: `iss` is missing, although the issuer always sends it. Sign in again"
        )
      )
    }
    return iss === undefined || iss === server.issuer
      ? Either.void
      : Either.left(
          invalidResponse(
            "the authorization response is rejected: `iss` is not the issuer of this sign-in. Sign in again"
          )
        )
  })

const reasons: Readonly<Record<string, readonly [TokenReason, string]>> = {
  access_denied: ["Rejected", "the sign-in was denied"],
  login_required: ["ReauthorizationRequired", "the user has to sign in on a page"],
  consent_required: ["ReauthorizationRequired", "the user has to consent on a page"],
  interaction_required: ["ReauthorizationRequired", "the user has to interact with a page"],
  account_selection_required: ["ReauthorizationRequired", "the user has to choose an account on a page"],
  temporarily_unavailable: ["Unavailable", "the authorization server is not available: try again later"],
  server_error: ["Unavailable", "the authorization server failed: try again later"]
}

/** The error of an error response (RFC 6749 §4.1.2.1). */
const errorOf = (error: string, description: string): TokenError => {
  const code = Redact.text(error, 60)
  const told = description === "" ? "" : ` ("${Redact.text(description, 200)}")`
  const known = Object.hasOwn(reasons, error) ? reasons[error] : undefined
  const [reason, what] = known ?? ["Rejected" as const, `the authorization server rejected the sign-in with ${code}`]
  return new TokenError({ reason, error: code, detail: `${what}${told}` })
}

/** The code of a response that belongs to the sign-in. Fails for an error response. */
export const codeOf = (
  parameters: URLSearchParams,
  server: oauth.AuthorizationServer
): Either.Either<string, TokenError> =>
  Either.gen(function* () {
    yield* validateIssuer(parameters, server)
    const error = yield* singleParameter(parameters, "error")
    if (error !== undefined) {
      const description = parameters.get("error_description") ?? ""
      return yield* Either.left(errorOf(error, description))
    }
    const code = yield* singleParameter(parameters, "code")
    return code === undefined || code === ""
      ? yield* Either.left(invalidResponse("invalid authorization response: `code` is missing. Sign in again"))
      : code
  })
