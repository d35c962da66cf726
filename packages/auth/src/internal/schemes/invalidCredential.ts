/** Credentials that cannot be right: empty, as with an unset variable, or with the scheme's name. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/** Whether a credential is empty or blank, as with an unset variable. Servers treat it as missing. */
export const isBlank = (secret: Redacted.Redacted<string>): boolean => Redacted.value(secret).trim() === ""

const empty = (option: string): string =>
  `\`${option}\` is empty. Set the environment variable or the value that it comes from.`

/** The error for a blank credential when a request is signed. */
export const blank = (option: "token" | "key"): InvalidRequest =>
  new InvalidRequest({ reason: "Credentials", detail: empty(option) })

/** The error for a blank credential when a Layer is built. */
export const blankOption = (option: "key" | `keys[${number}]` | "username"): InvalidRequest =>
  new InvalidRequest({ reason: "Options", detail: empty(option) })

const schemeName = "bearer "

const prefixed = "`token` begins with `Bearer `, which the scheme adds. Pass the token alone."

const spaced = "`token` begins or ends with white space, often the line break of a file. Remove it."

/** Whether a text that is not empty begins or ends with a space or a control character. */
const isSpaced = (text: string): boolean => text.charCodeAt(0) <= 32 || text.charCodeAt(text.length - 1) <= 32

/** What is wrong with a bearer token. A valid one has no space (RFC 6750 §2.1). */
const problemOf = (token: Redacted.Redacted<string>): string | undefined => {
  if (isBlank(token)) return empty("token")
  if (isSpaced(Redacted.value(token))) return spaced
  return Redacted.value(token).slice(0, schemeName.length).toLowerCase() === schemeName ? prefixed : undefined
}

/** The error for a bearer token that cannot be right. */
export const invalidToken = (
  token: Redacted.Redacted<string>,
  reason: InvalidRequest["reason"] = "Credentials"
): InvalidRequest | undefined => {
  const detail = problemOf(token)
  return detail === undefined ? undefined : new InvalidRequest({ reason, detail })
}

/** Fails if a credential is invalid. */
export const failIf = (problem: InvalidRequest | undefined): Effect.Effect<void, InvalidRequest> =>
  problem === undefined ? Effect.void : Effect.fail(problem)
