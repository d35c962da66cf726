/** The callback of a sign-in with OAuth 1.0 (RFC 5849 §2.2). */
import { TokenError } from "../../Errors.js"
import * as Redact from "@countersign/protocol/Redact"
import * as Either from "effect/Either"
import * as AuthorizationResponse from "../authorizationCode/authorizationResponse.js"
import type { Transaction } from "./signInTransaction.js"

const rejected = (detail: string, error?: string): TokenError => new TokenError({ reason: "Rejected", detail, error })

const invalid = (detail: string): TokenError => new TokenError({ reason: "InvalidResponse", detail })

const otherSignIn = invalid("the callback is rejected: `oauth_token` is not that of the sign-in. Sign in again")

const noVerifier = invalid("the callback has no `oauth_verifier`. Sign in again")

const outOfBand = invalid(
  "the sign-in has the `redirectUri` `oob`, so there is no callback. Pass the code of the user to `completeWithVerifier`"
)

const denied = rejected("the sign-in was denied", "access_denied")

/** What servers send if the user declines: `oauth_problem` of an extension, or `denied` with the token. */
const denials: ReadonlySet<string> = new Set(["access_denied", "permission_denied", "user_refused"])

const problemOf = (parameters: URLSearchParams): TokenError | undefined => {
  const problem = parameters.get("oauth_problem") ?? parameters.get("error")
  if (problem === null) return parameters.has("denied") ? denied : undefined
  if (denials.has(problem)) return denied
  const code = Redact.text(problem, 60)
  return rejected(`the server rejected the sign-in with ${code}`, code)
}

/** The verifier in the callback. Fails for the callback of another sign-in, and if the user declined. */
export const verifierOf = (
  { redirectUri, token }: Transaction,
  callback: string | URL | URLSearchParams
): Either.Either<string, TokenError> =>
  Either.gen(function* () {
    if (redirectUri === "oob") return yield* Either.left(outOfBand)
    const parameters = yield* AuthorizationResponse.parametersOf(redirectUri, callback)
    const named = yield* AuthorizationResponse.singleParameter(parameters, "oauth_token")
    // Some servers name the token only in `denied`.
    const given = named ?? (yield* AuthorizationResponse.singleParameter(parameters, "denied"))
    const problem = problemOf(parameters)
    if (given === undefined && problem !== undefined) return yield* Either.left(problem)
    if (given === undefined || !AuthorizationResponse.isSame(given, token)) return yield* Either.left(otherSignIn)
    if (problem !== undefined) return yield* Either.left(problem)
    const verifier = yield* AuthorizationResponse.singleParameter(parameters, "oauth_verifier")
    return verifier === undefined || verifier === "" ? yield* Either.left(noVerifier) : verifier
  })
