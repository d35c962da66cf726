/** Why what a server says of somebody is not believed. */
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as oauth from "oauth4webapi"
import type { Claims } from "../IdToken.js"
import type { Context, Conversation } from "./conversation.js"
import * as Member from "./member.js"
import type { Body } from "./responseBody.js"

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

const unsupported = "it is not signed, or by an algorithm or with an extension that is not accepted"

/** The library tells what it did not like by what it holds against it. */
const has = <Name extends string>(value: unknown, name: Name): value is Readonly<Record<Name, unknown>> =>
  typeof value === "object" && value !== null && name in value

const whyOf = ({ cause }: oauth.OperationProcessingError): string | undefined => {
  if (has(cause, "signature")) return "its signature is not its issuer's"
  if (has(cause, "claim") && typeof cause.claim === "string") {
    return claimsWrong[cause.claim] ?? "one of its claims is not as it should be"
  }
  if (has(cause, "header")) return unsupported
  return has(cause, "claims") ? "a claim is missing, or of another type than it should be" : undefined
}

const keyless = disbelieved("its issuer has no key that it could be signed by")

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
const believing = async <A>(checked: Promise<A>): Promise<Either.Either<A, TokenError>> => {
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
interface Claimed {
  readonly claims: Claims | undefined
  readonly idToken: Redacted.Redacted<string>
  /** By which the library finds it again. */
  readonly response: Response
}

/** What the library needs to get to an ID token. */
const responseOf = (idToken: string): Response =>
  Response.json({ access_token: "-", token_type: "bearer", id_token: idToken })

/**
 * Checks the claims of the ID token in a token response. The library reads whole responses, and rejects the ones that it does
 * not like: it is given one that holds nothing but the ID token.
 */
export const claimed = (
  { call }: Conversation,
  body: Body,
  check: (response: Response, context: Context) => Promise<oauth.TokenEndpointResponse>
): Effect.Effect<Claimed, TokenError> => {
  const idToken = Member.text(body["id_token"])
  if (idToken === undefined) return Effect.fail(anonymous)
  const response = responseOf(idToken)
  return call(async (context) => {
    const claims = Either.map(await believing(check(response, context)), oauth.getValidatedIdTokenClaims)
    return Either.map(claims, (claims) => ({ claims, idToken: Redacted.make(idToken), response }))
  }).pipe(
    // Nothing is sent here: what is wrong is the ID token.
    Effect.mapError((error) => (error.reason === "Refused" ? malformed : error)),
    Effect.flatten
  )
}

/** Keys can be asked for as often as it takes; the code that the answer was got with, only once. */
const again = Schedule.intersect(Schedule.exponential("500 millis"), Schedule.recurs(2))

const checked = (
  { call }: Conversation,
  server: oauth.AuthorizationServer,
  answer: Response
): Effect.Effect<void, TokenError> =>
  call(({ options }) => believing(oauth.validateApplicationLevelSignature(server, answer, options))).pipe(
    Effect.retry({ schedule: again, while: ({ reason }) => reason === "Unavailable" }),
    Effect.flatten
  )

/**
 * Checks the signature of the ID token in an answer that the library has read, by the keys of the server: by those that are
 * known, and where none of them fits by those that it has now. The library keeps keys by the identity of the metadata, for a
 * minute at least, and a server may have begun to sign with another one in that time.
 */
export const signed = (
  conversation: Conversation,
  server: oauth.AuthorizationServer,
  answer: Response
): Effect.Effect<void, TokenError> =>
  Effect.catchIf(
    checked(conversation, server, answer),
    (error) => error === keyless,
    () => checked(conversation, { ...server }, answer)
  )
