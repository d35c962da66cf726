/**
 * Credentials of the Basic authentication scheme (RFC 7617).
 *
 * @see https://www.rfc-editor.org/rfc/rfc7617
 * @since 0.1.0
 */
import * as Base64 from "./internal/Base64.js"
import { isControl, isLoneSurrogate } from "./internal/Char.js"
import type { Result } from "./Result.js"
import { err, ok } from "./Result.js"

/**
 * Why a user name or a password cannot be encoded.
 *
 * - `ColonInUser`: the user name contains a colon, which separates it from the password.
 * - `ControlCharacter`: one of them contains a control character, which RFC 7617 forbids.
 * - `LoneSurrogate`: one of them contains a lone surrogate, which has no UTF-8 encoding.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason = "ColonInUser" | "ControlCharacter" | "LoneSurrogate"

/**
 * Encodes a user name and a password as the `token68` of an `Authorization` field: Base64 of `user:password` in UTF-8.
 *
 * Both are normalized to Unicode Normalization Form C first, which servers that send `charset="UTF-8"` expect, and which
 * does not change ASCII. Text longer than 1024 UTF-16 code units is not normalized. No other preparation (RFC 8265) is
 * applied. Both may be empty.
 *
 * @example
 * import * as Basic from "@countersign/protocol/Basic"
 *
 * Basic.encode("Aladdin", "open sesame") // Ok: QWxhZGRpbjpvcGVuIHNlc2FtZQ==
 *
 * @param user the user-id, without `:`
 * @param password may contain `:`
 * @returns the `token68` without the scheme name, or the reason of the rejection. Do not print it.
 * @see https://www.rfc-editor.org/rfc/rfc7617#section-2
 * @see https://www.rfc-editor.org/rfc/rfc7617#section-2.1
 * @since 0.1.0
 * @category encoding
 */
export const encode = (user: string, password: string): Result<string, Reason> => {
  if (user.includes(":")) return err("ColonInUser")
  const reason = refusal(user) ?? refusal(password)
  if (reason !== undefined) return err(reason)
  return ok(Base64.encode(new TextEncoder().encode(`${compose(user)}:${compose(password)}`)))
}

const refusal = (text: string): Reason | undefined => {
  for (let index = 0; index < text.length; index++) {
    if (isControl(text.charCodeAt(index))) return "ControlCharacter"
    if (isLoneSurrogate(text, index)) return "LoneSurrogate"
  }
  return undefined
}

/** Normalization sorts combining marks in quadratic time: 64 KiB of them take seconds. */
const compose = (text: string): string => (text.length > 1024 ? text : text.normalize("NFC"))
