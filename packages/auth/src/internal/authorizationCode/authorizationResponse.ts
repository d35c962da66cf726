/** What somebody comes back with, and whether it belongs to the sign-in that was begun. */
import type { TokenReason } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Redact from "@countersign/protocol/Redact"
import * as Either from "effect/Either"
import type * as oauth from "oauth4webapi"

const foreign = (detail: string): TokenError => new TokenError({ reason: "InvalidResponse", detail })

const elsewhere = foreign("the answer came to another address than the redirect URI: it is not used")

/** A URL up to its query: RFC 6749 §3.1.2.3 compares by characters. */
const placeOf = (url: string): string => /^[^?#]*/.exec(url)?.[0] ?? ""

/** The parameters of a callback, if it came to where it was to come. */
export const parametersOf = (
  redirectUri: string,
  callback: string | URL | URLSearchParams
): Either.Either<URLSearchParams, TokenError> => {
  if (callback instanceof URLSearchParams) return Either.right(callback)
  const url = String(callback)
  if (!URL.canParse(url) || placeOf(url) !== placeOf(redirectUri)) return Either.left(elsewhere)
  const parameters = new URL(url).searchParams
  const own = [...new URL(redirectUri).searchParams]
  return own.every(([name, value]) => parameters.getAll(name).includes(value))
    ? Either.right(parameters)
    : Either.left(elsewhere)
}

/** The one value of a parameter; one that is there twice is somebody's attempt to have two readers see different ones. */
const one = (parameters: URLSearchParams, name: string): Either.Either<string | undefined, TokenError> => {
  const [value, ...more] = parameters.getAll(name)
  return more.length === 0
    ? Either.right(value)
    : Either.left(foreign(`the answer has the parameter ${name} more than once: it is not used`))
}

/** Both are of fixed length where they are equal, so that the time this takes tells nothing of where they differ. */
const isSame = (one: string, other: string): boolean => {
  if (one.length !== other.length) return false
  let difference = 0
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index)
  return difference === 0
}

/** Fails where the answer belongs to no sign-in, or to another one (RFC 6749 §10.12). */
export const belonging = (parameters: URLSearchParams, state: string): Either.Either<void, TokenError> =>
  Either.flatMap(one(parameters, "state"), (given) =>
    given !== undefined && isSame(given, state)
      ? Either.void
      : Either.left(foreign("the answer belongs to no sign-in that was begun here (state): begin anew"))
  )

/** RFC 9207 §2.4. The issuer that was given is not shown: it is somebody else's text. */
const fromIssuer = (parameters: URLSearchParams, server: oauth.AuthorizationServer): Either.Either<void, TokenError> =>
  Either.flatMap(one(parameters, "iss"), (iss) => {
    if (iss === undefined && server.authorization_response_iss_parameter_supported === true) {
      return Either.left(foreign("the answer does not say who gave it (iss), although its issuer does: it is not used"))
    }
    return iss === undefined || iss === server.issuer
      ? Either.void
      : Either.left(foreign("the answer was given by another issuer (iss) than the one that was asked: it is not used"))
  })

const reasons: Readonly<Record<string, readonly [TokenReason, string]>> = {
  access_denied: ["Rejected", "the sign-in was declined"],
  login_required: ["ReauthorizationRequired", "somebody has to sign in on a page"],
  consent_required: ["ReauthorizationRequired", "somebody has to agree on a page"],
  interaction_required: ["ReauthorizationRequired", "somebody has to answer on a page"],
  account_selection_required: ["ReauthorizationRequired", "somebody has to choose an account on a page"],
  temporarily_unavailable: ["Unavailable", "the authorization server is not available: try again later"],
  server_error: ["Unavailable", "the authorization server failed: try again later"]
}

/** RFC 6749 §4.1.2.1. */
const refusal = (error: string, description: string): TokenError => {
  const code = Redact.text(error, 60)
  const told = description === "" ? "" : ` ("${Redact.text(description, 200)}")`
  const known = Object.hasOwn(reasons, error) ? reasons[error] : undefined
  const [reason, what] = known ?? ["Rejected" as const, `the authorization server refused with ${code}`]
  return new TokenError({ reason, error: code, detail: `${what}${told}` })
}

/** The code of an answer that belongs to the sign-in; or what it says instead. */
export const codeOf = (
  parameters: URLSearchParams,
  server: oauth.AuthorizationServer
): Either.Either<string, TokenError> =>
  Either.gen(function* () {
    yield* fromIssuer(parameters, server)
    const error = yield* one(parameters, "error")
    if (error !== undefined) {
      const description = parameters.get("error_description") ?? ""
      return yield* Either.left(refusal(error, description))
    }
    const code = yield* one(parameters, "code")
    return code === undefined || code === "" ? yield* Either.left(foreign("the answer holds no code")) : code
  })
