/**
 * What a request asks an origin for: the path and the query of its URL.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1
 * @since 0.1.0
 */

/** What a URL parser leaves as it is: in a path and a query (1), in a query only (2). `%` may hide a dot in a path. */
const kinds: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  const isLetterOrDigit = (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
  if (isLetterOrDigit || "-_~/:@!$()*,;=&+.".includes(character)) return 1
  return character === "%" || character === "?" ? 2 : 0
})

const slash = 47
const dot = 46
const question = 63

/**
 * Whether the path and the query from `start` on are written as a URL parser would write them, so that parsing is not
 * needed to know what it would give. Most are; the answer is never a wrong yes. A fragment is a no.
 *
 * @param text a URL or a part of one
 * @param start where its path begins, with a slash
 * @see https://url.spec.whatwg.org/#path-state
 * @since 0.1.0
 * @category decoding
 */
export const isNormal = (text: string, start = 0): boolean => {
  if (text.charCodeAt(start) !== slash) return false
  let allowed = 1
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === question) {
      // An empty query is one that a URL's parts do not tell of.
      if (allowed === 1 && at === text.length - 1) return false
      allowed = 2
    }
    const kind = kinds[code]
    if (kind === undefined || kind === 0 || kind > allowed) return false
    // A segment that begins with a dot may be one that the parser resolves.
    if (code === dot && allowed === 1 && text.charCodeAt(at - 1) === slash) return false
  }
  return true
}
