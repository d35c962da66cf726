/**
 * Request targets (RFC 9112 §3.2.1): path and query of a URL.
 *
 * An existing query is never changed, because servers sign and compare its text (RFC 3986 §6.2.2). Parameters are appended.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1
 * @since 0.1.0
 */
import * as Url from "./internal/Url.js"

/** Characters that need no encoding: in a path and a query (1), in a query only (2). In a path, `%` may encode a dot. */
const kinds: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  const isLetterOrDigit = (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
  if (isLetterOrDigit || "-_~/:@!$()*,;=&+.".includes(character)) return 1
  return "%?'[]{}|^`\\".includes(character) ? 2 : 0
})

const slash = 47
const dot = 46
const question = 63

/**
 * Whether path and query from `start` on can be sent unchanged, so that the URL need not be parsed.
 *
 * True is always correct. False only means that the text must be parsed, such as a text with a fragment.
 *
 * @param text a URL or a part of one
 * @param start index of its path, which begins with a slash
 * @see https://url.spec.whatwg.org/#path-state
 * @since 0.1.0
 * @category decoding
 */
export const isNormalized = (text: string, start = 0): boolean => {
  if (text.charCodeAt(start) !== slash) return false
  let allowed = 1
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === question) allowed = 2
    const kind = kinds[code]
    if (kind === undefined || kind === 0 || kind > allowed) return false
    // The parser may resolve a segment that begins with a dot.
    if (code === dot && allowed === 1 && text.charCodeAt(at - 1) === slash) return false
  }
  return true
}

/**
 * Appends a query to the query of a URL, before its fragment. The existing query is not changed.
 *
 * @example
 * import * as RequestTarget from "@countersign/protocol/RequestTarget"
 *
 * RequestTarget.append("https://api.example.com/users?page=1", "size=10") // …/users?page=1&size=10
 *
 * @param url an absolute URL or a part of one
 * @param query encoded parameters without `?`, such as `page=2&limit=10`; nothing is appended if it is empty
 * @see https://www.rfc-editor.org/rfc/rfc3986#section-3.4
 * @since 0.1.0
 * @category constructors
 */
export const append = (url: string, query: string): string => {
  if (query === "") return url
  const hash = url.indexOf("#")
  const before = hash === -1 ? url : url.slice(0, hash)
  const start = before.indexOf("?")
  const isOpen = start === before.length - 1 || before.endsWith("&")
  const separator = start === -1 ? "?" : isOpen ? "" : "&"
  return before + separator + query + (hash === -1 ? "" : url.slice(hash))
}

/**
 * Splits an absolute http or https URL into its origin and its request target.
 *
 * The path is normalized as by a URL parser. In the query only characters that no query may contain are encoded.
 *
 * @returns undefined if the text is not such a URL
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1
 * @since 0.1.0
 * @category decoding
 */
export const parse = (url: string): { readonly origin: string; readonly path: string } | undefined => {
  const parsed = Url.parse(url)
  if (parsed === undefined || !Url.isHttp(parsed)) return undefined
  const { origin } = parsed
  parsed.username = ""
  parsed.password = ""
  const href = Url.hrefWithQuery(parsed, url)
  const hash = href.indexOf("#")
  return { origin, path: href.slice(origin.length, hash === -1 ? undefined : hash) }
}
