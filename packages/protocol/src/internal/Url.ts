import { BACKSLASH, isControl, skip } from "./Char.js"

/**
 * The WHATWG URL parser without its exception. Transports use the same parser, so decisions about a URL hold for the
 * request.
 *
 * A host (with userinfo and port) of more than 1024 characters is rejected. DNS names have at most 253 characters, and the
 * parser sorts the combining marks of a host in quadratic time: 64 KiB of them take a second, also if percent-encoded.
 *
 * @internal
 */
export const parse = (text: string, base?: URL): URL | undefined => {
  if (hasLongAuthority(text)) return undefined
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

/** Index of the query of a URL reference, with its `?`. -1 if it has none. */
export const queryStart = (text: string): number => {
  const query = text.indexOf("?")
  if (query === -1) return -1
  const fragment = text.indexOf("#")
  return fragment === -1 || query < fragment ? query : -1
}

/** The query of a URL reference with its `?`, unchanged. Empty if it has none. */
const queryOf = (text: string): string => {
  const start = queryStart(text)
  if (start === -1) return ""
  const fragment = text.indexOf("#", start)
  return fragment === -1 ? text.slice(start) : text.slice(start, fragment)
}

/**
 * Serializes a parsed http or https URL, with the query of the text that it was parsed from.
 *
 * The parser encodes characters that a query may not contain (blanks, quotes, letters outside ASCII). It also encodes the
 * apostrophe, which a query may contain (RFC 3986 §3.4). Here the apostrophe stays unchanged.
 */
export const hrefWithQuery = (url: URL, written: string): string => {
  const query = queryOf(written)
  if (!query.includes("'")) return url.href
  const { hash, href, origin, pathname } = url
  // In a scheme that is not special, the query is encoded by the same rules, except for the apostrophe.
  const search = parse(`a:${query}`)?.search ?? url.search
  return origin + pathname + search + (hash === "" && href.endsWith("#") ? "#" : hash)
}

/** Percent-encodes the octets of a field value outside ASCII one by one. Text with characters above 255 is not changed. */
export const encodeOctets = (value: string): string => {
  let encoded = ""
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (code > 0xff) return value
    encoded += code < 0x80 ? value.charAt(index) : `%${code.toString(16).toUpperCase()}`
  }
  return encoded
}

/** Whether a text contains a control character. The parser would drop some of them. */
export const hasControl = (text: string): boolean => {
  for (let index = 0; index < text.length; index++) {
    if (isControl(text.charCodeAt(index))) return true
  }
  return false
}

/** Whether the scheme is http or https. */
export const isHttp = (url: URL): boolean => url.protocol === "https:" || url.protocol === "http:"

/** Whether the URL contains a user name or a password. */
export const hasUserinfo = (url: URL): boolean => url.username !== "" || url.password !== ""

const MAX_AUTHORITY = 1024

const hasLongAuthority = (text: string): boolean => {
  if (text.length <= MAX_AUTHORITY) return false
  const start = skip(text, 0, (code) => isControl(code) || code === 0x20)
  const colon = text.indexOf(":", start)
  const hasScheme = colon !== -1 && colon < skip(text, start, isInside)
  // After a scheme the parser accepts any number of slashes, even none. It drops tabs and newlines anywhere.
  const slashes = hasScheme ? colon + 1 : start
  const authority = skip(text, slashes, (code) => isSlash(code) || isControl(code))
  const isPath = !hasScheme && countSlashes(text.slice(slashes, authority)) < 2
  return !isPath && skip(text, authority, isInside) - authority > MAX_AUTHORITY
}

const isSlash = (code: number): boolean => code === 0x2f || code === BACKSLASH

/** Whether an authority or a scheme continues: it ends at a slash, a query or a fragment. */
const isInside = (code: number): boolean => !isSlash(code) && code !== 0x3f && code !== 0x23

const countSlashes = (text: string): number =>
  Array.from(text).filter((character) => isSlash(character.charCodeAt(0))).length
