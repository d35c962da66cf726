/**
 * The credentials of the Basic authentication scheme.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7617
 * @since 0.1.0
 */
import { isControl, isLoneSurrogate } from "./internal/Char.js"
import type { Result } from "./Result.js"
import { err, ok } from "./Result.js"

/**
 * Why a user name and a password cannot be sent: a colon in the user name would move the border between the two, control
 * characters are forbidden in both, and half a surrogate pair has no UTF-8.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason = "ColonInUser" | "ControlCharacter" | "LoneSurrogate"

/**
 * Encodes a user name and a password as the `token68` that follows `Basic ` in an Authorization field: Base64 of
 * `user:password` in UTF-8. Both are brought to Unicode Normalization Form C first, which servers that announce
 * `charset="UTF-8"` expect and which leaves ASCII as it is; one that is longer than 1024 UTF-16 code units was typed by
 * nobody, and goes as it is. No other preparation (RFC 8265) is made. Both may be empty.
 *
 * @param user the user-id, without `:`
 * @param password may hold `:`
 * @returns the token68 without the scheme name, or the reason why there is none; neither is fit to be printed with the input
 * @see https://www.rfc-editor.org/rfc/rfc7617#section-2
 * @see https://www.rfc-editor.org/rfc/rfc7617#section-2.1
 * @since 0.1.0
 * @category encoding
 */
export const encode = (user: string, password: string): Result<string, Reason> => {
  if (user.includes(":")) return err("ColonInUser")
  const reason = refusal(user) ?? refusal(password)
  if (reason !== undefined) return err(reason)
  return ok(base64(new TextEncoder().encode(`${compose(user)}:${compose(password)}`)))
}

const refusal = (text: string): Reason | undefined => {
  for (let index = 0; index < text.length; index++) {
    if (isControl(text.charCodeAt(index))) return "ControlCharacter"
    if (isLoneSurrogate(text, index)) return "LoneSurrogate"
  }
  return undefined
}

/** The engine sorts combining marks in quadratic time: 64 KiB of them take seconds. */
const compose = (text: string): string => (text.length > 1024 ? text : text.normalize("NFC"))

const base64 = (bytes: Uint8Array): string => {
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}
