/**
 * Request fields that select a representation: parser for the field `Vary` (RFC 9110 §12.5.5).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5
 * @since 0.1.0
 */
import { isTokenChar, skip, trimBlanks } from "./internal/Char.js"

/** With more names a response is treated as one with `Vary: *`. */
const maxNames = 32

/** A longer value has too many names. */
const maxLength = 4096

/**
 * The names of a field value, in lower case and without repetitions.
 *
 * @example
 * import * as Vary from "@countersign/protocol/Vary"
 *
 * Vary.parse("Accept-Encoding, Accept-Language") // ["accept-encoding", "accept-language"]
 *
 * @param fieldValue the field value. The values of several lines are joined by commas
 * @returns `undefined` for `*`, for more than 32 names, and for a member that is no field name: such a response matches no
 *   further request
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5
 * @since 0.1.0
 * @category decoding
 */
export const parse = (fieldValue: string | undefined): ReadonlyArray<string> | undefined => {
  if (fieldValue === undefined) return []
  if (fieldValue.length > maxLength) return undefined
  const names = new Set<string>()
  for (const member of fieldValue.split(",")) {
    const name = trimBlanks(member).toLowerCase()
    if (name === "") continue
    if (name === "*" || skip(name, 0, isTokenChar) < name.length) return undefined
    names.add(name)
  }
  return names.size > maxNames ? undefined : [...names]
}

/**
 * A field value for comparison: blanks around commas, and repeated blanks, do not count (RFC 9111 §4.1).
 *
 * @param fieldValue a value of a request field
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-4.1
 * @since 0.1.0
 * @category decoding
 */
export const normalize = (fieldValue: string | undefined): string | undefined =>
  fieldValue
    ?.split(",")
    .map((part) =>
      part
        .split(/[ \t]+/)
        .filter((word) => word !== "")
        .join(" ")
    )
    .join(", ")
