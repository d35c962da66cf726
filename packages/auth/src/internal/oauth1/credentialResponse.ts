/** Responses with temporary credentials or token credentials (RFC 5849 §2.1, §2.3), and their errors. */
import { TokenError } from "../../Errors.js"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as ErrorResponse from "../response/errorResponse.js"
import type { ServerResponse } from "../response/receivedResponse.js"
import { isSuccess } from "../response/receivedResponse.js"
import type { Body } from "../response/responseBody.js"
import * as ResponseBody from "../response/responseBody.js"

/** A token with its secret, and the other members of the response. */
export interface Credentials {
  readonly token: string
  readonly tokenSecret: Redacted.Redacted<string>
  readonly members: Readonly<Record<string, string>>
}

const invalid = (what: string, cause: string): TokenError =>
  new TokenError({ reason: "InvalidResponse", detail: `invalid response with ${what}: ${cause}` })

/** The text of a member. JSON has numbers and booleans too. A number above 2^53 is left out, because it was rounded. */
const textOf = (value: unknown): string | undefined => {
  if (Predicate.isString(value)) return value
  return typeof value === "boolean" || Number.isSafeInteger(value) ? String(value) : undefined
}

/** The members of a form, or of a JSON object, whatever the content type. Undefined if a member has two values. */
const membersOf = (text: string): ReadonlyMap<string, string> | undefined => {
  const trimmed = text.trim()
  const json = ResponseBody.isJsonLike(trimmed) ? (ResponseBody.parse(trimmed) ?? {}) : undefined
  const pairs = json === undefined ? [...new URLSearchParams(`&${trimmed}`)] : Object.entries(json)
  const members = new Map<string, string>()
  for (const [name, member] of pairs) {
    const value = textOf(member)
    if (value === undefined) continue
    if ((members.get(name) ?? value) !== value) return undefined
    members.set(name, value)
  }
  return members
}

/** A text that is no page. Servers often explain a rejection in a line of text. */
const sentenceOf = (text: string): string | undefined => {
  const trimmed = text.trim()
  return trimmed === "" || /[<>{]/.test(trimmed) ? undefined : trimmed
}

/** The body of an error in the form of OAuth 2, which the common code reads. */
const errorBodyOf = (text: string, members: ReadonlyMap<string, string> | undefined): Body | undefined => {
  const problem = members?.get("oauth_problem")
  if (problem !== undefined) return { error: problem, message: members?.get("oauth_problem_advice") }
  const message = sentenceOf(text)
  return ResponseBody.parse(text) ?? (message === undefined ? undefined : { message })
}

/** Statuses that a proxy sends, and those of a server that accepts a later request. */
const isOther = (status: number): boolean =>
  status < 400 || status >= 500 || [407, 408, 425, 429].some((other) => other === status)

const advice =
  "Check `clientId`, `clientSecret`, the endpoints, and whether the server knows `redirectUri` and `signatureMethod`"

const failureOf = (received: ServerResponse, body: Body | undefined): TokenError => {
  const error = ErrorResponse.of(received, body === undefined ? [] : [body], undefined)
  if (isOther(received.status)) return error
  const texts = [body?.["error"], body?.["message"]].flatMap((text) => {
    const shown = Predicate.isString(text) ? received.secrets.redacted(text, 200) : undefined
    return shown === undefined || shown === "" ? [] : [`"${shown}"`]
  })
  return new TokenError({
    reason: "Rejected",
    error: error.error,
    detail: `${["the server answered", String(received.status), ...texts].join(" ")}. ${advice}`
  })
}

/** Reads the token and its secret. */
export const read = (what: string, received: ServerResponse): Either.Either<Credentials, TokenError> => {
  const members = membersOf(received.text)
  const isError = !isSuccess(received) || members?.has("oauth_problem") === true
  if (isError) return Either.left(failureOf(received, errorBodyOf(received.text, members)))
  if (members === undefined) return Either.left(invalid(what, "a member has two values"))
  const token = members.get("oauth_token") ?? ""
  const tokenSecret = members.get("oauth_token_secret")
  if (token === "") return Either.left(invalid(what, "`oauth_token` is missing. Check the URL of the endpoint"))
  if (tokenSecret === undefined) return Either.left(invalid(what, "`oauth_token_secret` is missing"))
  return Either.right({ token, tokenSecret: Redacted.make(tokenSecret), members: Object.fromEntries(members) })
}

const unconfirmed = new TokenError({
  reason: "InvalidResponse",
  detail:
    "the server does not confirm the callback (`oauth_callback_confirmed`): it uses the first edition of OAuth 1.0, where an attacker could complete the sign-in of another user. This edition is not supported"
})

/** Reads temporary credentials. The confirmation of the callback is the protection of OAuth 1.0a against session fixation. */
export const readTemporary = (received: ServerResponse): Either.Either<Credentials, TokenError> =>
  Either.flatMap(read("temporary credentials", received), (credentials) =>
    credentials.members["oauth_callback_confirmed"]?.toLowerCase() === "true"
      ? Either.right(credentials)
      : Either.left(unconfirmed)
  )
