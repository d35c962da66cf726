/** The claims of an ID token (OpenID Connect Core §3.1.3.7), and why one is rejected. */
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type { Claims } from "../../IdToken.js"
import type { Client } from "../oauth/client.js"
import type { Context, Conversation } from "../oauth/serverClient.js"
import * as Member from "../response/bodyMembers.js"
import type { Body } from "../response/responseBody.js"
import * as Audiences from "./authorizedParty.js"

const disbelieved = (why: string): TokenError =>
  new TokenError({ reason: "InvalidResponse", detail: `the ID token is not believed: ${why}; sign in again` })

const claimsWrong: Readonly<Record<string, string>> = {
  nonce: "it belongs to another sign-in (nonce)",
  iss: "it comes from another issuer (iss)",
  aud: "it is meant for another client (aud)",
  azp: "it is meant for another client (azp)",
  exp: "it has expired (exp): compare the clocks",
  nbf: "it is not valid yet (nbf): compare the clocks",
  auth_time: "somebody signed in longer ago than was asked for (auth_time)"
}

const wrongSignature = "its signature is not its issuer's"
const unsupported = "it is not signed, or by an algorithm or with an extension that is not accepted"

/** The library tells what it did not like by what it holds against it. */
const has = <Name extends string>(value: unknown, name: Name): value is Readonly<Record<Name, unknown>> =>
  typeof value === "object" && value !== null && name in value

const untrusted =
  "it names other audiences beside this client (aud), and no azp. Set `complianceFixes.audiences` to the ones that you trust"

/** The library names the claim in its message, which holds nothing of the token. */
const missing = (message: string): string => {
  const [, name] = /"(\w+)" \(/.exec(message) ?? []
  const claim = name === undefined ? "a claim" : `the claim \`${name}\``
  const advice = name === "nonce" ? ". If the provider leaves it out, set `complianceFixes.nonce` to false" : ""
  return `${claim} is missing, or of another type than it should be${advice}`
}

const whyOf = ({ cause, message }: oauth.OperationProcessingError): string | undefined => {
  if (has(cause, "signature")) return wrongSignature
  if (has(cause, "claim") && typeof cause.claim === "string") {
    // A client that is not among the audiences is told what it expected.
    if (cause.claim === "aud" && !("expected" in cause)) return untrusted
    return claimsWrong[cause.claim] ?? "one of its claims is not as it should be"
  }
  if (has(cause, "header")) return unsupported
  return has(cause, "claims") ? missing(message) : undefined
}

/** No key of the issuer fits the header. */
export const keyless: TokenError = disbelieved("its issuer has no key that it could be signed by")

/** A key fits the header, and the signature is that of another one. */
export const isForged = ({ detail }: TokenError): boolean => detail === forged.detail

const forged = disbelieved(wrongSignature)

/** What the library throws at an ID token, in our terms; undefined for what is wrong with something else. */
const disbelief = (error: unknown): TokenError | undefined => {
  if (error instanceof oauth.OperationProcessingError) {
    if (error.code === oauth.KEY_SELECTION) return keyless
    const why = whyOf(error)
    return why === undefined ? undefined : disbelieved(why)
  }
  // What it does not support of the answer itself comes with its body.
  return error instanceof oauth.UnsupportedOperationError && !has(error.cause, "body")
    ? disbelieved(unsupported)
    : undefined
}

/** Lets pass what the library makes, and turns its disbelief into ours. */
export const believing = async <A>(checked: Promise<A>): Promise<Either.Either<A, TokenError>> => {
  try {
    return Either.right(await checked)
  } catch (error) {
    const refused = disbelief(error)
    if (refused === undefined) throw error
    return Either.left(refused)
  }
}

const anonymous = disbelieved("there is none, although it was asked for (openid)")
const malformed = disbelieved("it is no JWT")

/** An ID token whose claims hold, and whose signature was not checked. */
export interface Claimed {
  readonly claims: Claims | undefined
  readonly idToken: Redacted.Redacted<string>
  /** By which the library finds it again. */
  readonly response: Response
}

/** What the library needs to get to an ID token. */
const responseOf = (idToken: string): Response =>
  Response.json({ access_token: "-", token_type: "bearer", id_token: idToken })

type Check = (response: Response, context: Context) => Promise<oauth.TokenEndpointResponse>

const claimsOf = async (idToken: string, check: Check, context: Context): Promise<Omit<Claimed, "idToken">> => {
  const response = responseOf(idToken)
  return { claims: oauth.getValidatedIdTokenClaims(await check(response, context)), response }
}

/**
 * Checks the claims of the ID token in a token response. The library reads whole responses, and rejects the ones that it does
 * not like: it is given one that holds nothing but the ID token.
 */
export const claimed = (
  { call }: Conversation,
  body: Body,
  client: Pick<Client, "clientId" | "complianceFixes">,
  check: Check
): Effect.Effect<Claimed, TokenError> => {
  const idToken = Member.text(body["id_token"])
  if (idToken === undefined) return Effect.fail(anonymous)
  const authorized = Audiences.authorized(idToken, client)
  return call(async (context) => {
    const checked =
      authorized === undefined
        ? claimsOf(idToken, check, context)
        : claimsOf(authorized, check, context).then(({ claims }) => Audiences.withoutParty(claims, idToken, context))
    return Either.map(await believing(checked), (found) => ({ ...found, idToken: Redacted.make(idToken) }))
  }).pipe(
    // Nothing is sent here: what is wrong is the ID token.
    Effect.mapError((error) => (error.reason === "Rejected" ? malformed : error)),
    Effect.flatten
  )
}
