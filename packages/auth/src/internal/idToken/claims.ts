/** The claims of an ID token (OpenID Connect Core §3.1.3.7), and why one is rejected. */
import { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type { Claims } from "../../IdToken.js"
import type { Client } from "../oauth/client.js"
import type { Context, ServerClient } from "../oauth/serverClient.js"
import * as BodyMembers from "../response/bodyMembers.js"
import type { Body } from "../response/responseBody.js"
import * as Audiences from "./authorizedParty.js"

const invalidIdToken = (why: string): TokenError =>
  new TokenError({ reason: "InvalidResponse", detail: `the ID token is invalid: ${why}. Sign in again` })

const claimsWrong: Readonly<Record<string, string>> = {
  nonce: "it belongs to another sign-in (`nonce`)",
  iss: "it comes from another issuer (`iss`)",
  aud: "it is issued for another client (`aud`)",
  azp: "it is issued for another client (`azp`)",
  exp: "it has expired (`exp`), or the clocks differ",
  nbf: "it is not valid yet (`nbf`), or the clocks differ",
  auth_time: "the user signed in longer ago than `max_age` allows (`auth_time`)"
}

const wrongSignature = "its signature is not that of its issuer"
const unsupported = "it is not signed, or its header has an algorithm or extension that is not accepted"

/** The members of the library's error causes distinguish its errors. */
const has = <Name extends string>(value: unknown, name: Name): value is Readonly<Record<Name, unknown>> =>
  typeof value === "object" && value !== null && name in value

const untrusted =
  "it names other audiences beside this client (`aud`), and no `azp`. Set `complianceFixes.audiences` to the ones that you trust"

/** The library names the claim in its message. The message contains nothing of the token. */
const missing = (message: string): string => {
  const [, name] = /"(\w+)" \(/.exec(message) ?? []
  const claim = name === undefined ? "a claim" : `the claim \`${name}\``
  const advice = name === "nonce" ? ". If the provider leaves it out, set `complianceFixes.nonce` to false" : ""
  return `${claim} is missing, or of another type than it should be${advice}`
}

const reasonOf = ({ cause, message }: oauth.OperationProcessingError): string | undefined => {
  if (has(cause, "signature")) return wrongSignature
  if (has(cause, "claim") && typeof cause.claim === "string") {
    // With `expected`, the client is not among the audiences. Without it, `azp` is missing.
    if (cause.claim === "aud" && !("expected" in cause)) return untrusted
    return claimsWrong[cause.claim] ?? "one of its claims is invalid"
  }
  if (has(cause, "header")) return unsupported
  return has(cause, "claims") ? missing(message) : undefined
}

/** No key of the issuer matches the header. */
export const noMatchingKey: TokenError = invalidIdToken("its issuer publishes no key that matches its header")

/** A key matches the header, but the signature was made with another key. */
export const isInvalidSignature = ({ detail }: TokenError): boolean => detail === invalidSignature.detail

const invalidSignature = invalidIdToken(wrongSignature)

/** The error for an ID token that the library rejected. Undefined for any other error. */
const toIdTokenError = (error: unknown): TokenError | undefined => {
  if (error instanceof oauth.OperationProcessingError) {
    if (error.code === oauth.KEY_SELECTION) return noMatchingKey
    const why = reasonOf(error)
    return why === undefined ? undefined : invalidIdToken(why)
  }
  // A cause with a body is about the response, not about the ID token.
  return error instanceof oauth.UnsupportedOperationError && !has(error.cause, "body")
    ? invalidIdToken(unsupported)
    : undefined
}

/** Maps the library's rejection of an ID token to a `TokenError`. Other errors are thrown again. */
export const mapIdTokenErrors = async <A>(checked: Promise<A>): Promise<Either.Either<A, TokenError>> => {
  try {
    return Either.right(await checked)
  } catch (error) {
    const refused = toIdTokenError(error)
    if (refused === undefined) throw error
    return Either.left(refused)
  }
}

const missingIdToken = invalidIdToken("`id_token` is missing, although the scope `openid` was requested")
const malformed = invalidIdToken("it is not a JWT")

/** An ID token with valid claims. Its signature is not checked yet. */
export interface IdTokenResponse {
  readonly claims: Claims | undefined
  readonly idToken: Redacted.Redacted<string>
  /** A response from which the library reads the ID token again, for the check of its signature. */
  readonly response: Response
}

/** The smallest token response from which the library reads an ID token. */
const responseOf = (idToken: string): Response =>
  Response.json({ access_token: "-", token_type: "bearer", id_token: idToken })

type Check = (response: Response, context: Context) => Promise<oauth.TokenEndpointResponse>

const claimsOf = async (idToken: string, check: Check, context: Context): Promise<Omit<IdTokenResponse, "idToken">> => {
  const response = responseOf(idToken)
  return { claims: oauth.getValidatedIdTokenClaims(await check(response, context)), response }
}

/**
 * Checks the claims of the ID token in a token response. The library also validates the other members of a response. So
 * it gets a response that holds only the ID token.
 */
export const validateIdToken = (
  { call }: ServerClient,
  body: Body,
  client: Pick<Client, "clientId" | "complianceFixes">,
  check: Check
): Effect.Effect<IdTokenResponse, TokenError> => {
  const idToken = BodyMembers.text(body["id_token"])
  if (idToken === undefined) return Effect.fail(missingIdToken)
  const authorized = Audiences.authorized(idToken, client)
  return call(async (context) => {
    const checked =
      authorized === undefined
        ? claimsOf(idToken, check, context)
        : claimsOf(authorized, check, context).then(({ claims }) => Audiences.withoutParty(claims, idToken, context))
    return Either.map(await mapIdTokenErrors(checked), (found) => ({ ...found, idToken: Redacted.make(idToken) }))
  }).pipe(
    // No request is sent here, so the ID token is the cause of the error.
    Effect.mapError((error) => (error.reason === "Rejected" ? malformed : error)),
    Effect.flatten
  )
}
