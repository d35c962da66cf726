/** Parses a JWT. Its claims and its signature are not verified. */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"

type Members = Readonly<Record<string, unknown>>

export interface Parts {
  readonly header: Members
  readonly claims: Members
}

/** Maximum number of characters. A token is sent in a header field, and few servers accept half of this there. */
const maxLength = 64 * 1024

const alphabet = /^[A-Za-z0-9_-]+$/

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const membersOf = (part: string): Members | undefined => {
  const bytes = alphabet.test(part) ? Encoding.decodeBase64Url(part) : undefined
  if (bytes === undefined || Either.isLeft(bytes)) return undefined
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.right))
    return isMembers(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The header and the claims; or a description of the problem, which does not quote the text. */
export const parse = (text: string): Either.Either<Parts, string> => {
  if (text.length > maxLength) return Either.left(`it is longer than ${maxLength} characters`)
  // The limit bounds the work for a text that consists of dots.
  const parts = text.split(".", 6)
  if (parts.length === 5) return Either.left("it is encrypted, which is not supported")
  const [first = "", second = "", signature = ""] = parts
  if (parts.length !== 3 || (signature !== "" && !alphabet.test(signature))) return Either.left("it is not a JWT")
  const header = membersOf(first)
  if (header === undefined) return Either.left("its header is not a JSON object")
  const claims = membersOf(second)
  return claims === undefined ? Either.left("its claims are not a JSON object") : Either.right({ header, claims })
}

/** `exp` in epoch milliseconds. Undefined if it is missing, or not a representable time. */
export const expiresAt = ({ claims }: Parts): number | undefined => {
  const { exp } = claims
  return typeof exp === "number" && exp > 0 && exp <= 8.64e12 ? Math.floor(exp * 1000) : undefined
}
