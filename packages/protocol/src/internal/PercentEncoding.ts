/**
 * Percent-encoding of AWS signatures and of OAuth 1.0: all bytes except `A-Z a-z 0-9 - . _ ~`, with upper-case hexadecimal digits.
 *
 * @internal
 */

const hexOf = (code: number): string => `%${code.toString(16).toUpperCase().padStart(2, "0")}`

/** Throws for a lone surrogate only, which becomes U+FFFD, as in a URL. Most texts have none, and are not searched for it. */
const encodeUnicode = (text: string): string => {
  try {
    return encodeURIComponent(text)
  } catch {
    return encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, "\ufffd"))
  }
}

/** Encodes each character that is not unreserved. */
export const encode = (text: string): string =>
  encodeUnicode(text).replace(/[!'()*]/g, (one) => hexOf(one.charCodeAt(0)))

/** Encodes a path. Slashes are not encoded, and `%` is. */
export const encodePath = (path: string): string => path.split("/").map(encode).join("/")

const isUnreserved = (character: string): boolean => /[\w.~-]/.test(character)

/**
 * Encodes a text that may be encoded already. Valid triplets are decoded if they are unreserved, and otherwise written in
 * upper case.
 */
export const encodeAgain = (text: string): string =>
  text.replace(/%[\da-f]{2}|[^\w.~%-]+|%/gi, (part) => {
    if (part.length !== 3 || !part.startsWith("%")) return encode(part)
    const character = String.fromCharCode(Number.parseInt(part.slice(1), 16))
    return isUnreserved(character) ? character : part.toUpperCase()
  })

/** Encodes a path that may be encoded already. */
export const encodePathAgain = (path: string): string => path.split("/").map(encodeAgain).join("/")
