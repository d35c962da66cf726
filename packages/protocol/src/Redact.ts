/**
 * Making what comes from requests and servers safe to show: in errors, logs, spans and on a terminal.
 *
 * @since 0.1.0
 */
import { isLoneSurrogate } from "./internal/Char.js"
import { REACH, SecretPatterns, SHORTEST } from "./internal/SecretPatterns.js"
import * as Url from "./internal/Url.js"

/**
 * What stands in the place of a secret.
 *
 * @since 0.1.0
 * @category constants
 */
export const placeholder = "<redacted>"

/**
 * An http or https URL without its secrets: no userinfo, no fragment, and {@link placeholder} in the place of each value
 * in the query (the names stay). The path stays as it is, and the whole is cut after 2048 characters. A path that begins
 * with a slash is treated likewise. Anything else gives `<not a URL>`, because what cannot be read cannot be cleaned.
 *
 * The result is ASCII without control characters, but for the `…` of one that was cut.
 *
 * @param address an absolute URL, or a path with or without a query
 * @param hide replaces secrets in the rest of the URL, as {@link withoutSecrets} does; nothing by default
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-17.9
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-5.3
 * @since 0.1.0
 * @category conversions
 */
export const url = (address: string, hide: (text: string) => string = (text) => text): string => {
  const isPath = address.startsWith("/")
  const parsed = isPath ? Url.parse(address, NOWHERE) : Url.parse(address)
  // `//host` begins like a path, and is none.
  if (parsed === undefined || !Url.isHttp(parsed) || (isPath && parsed.host !== NOWHERE.host)) return "<not a URL>"
  return text(hide((isPath ? "" : parsed.origin) + parsed.pathname + query(parsed.search)), MAX_URL)
}

/**
 * Whether the value of a field is a secret by its name: what carries credentials, cookies, keys, tokens, signatures or
 * sessions, and fields whose links often do. The names are matched by their parts, so `Ocp-Apim-Subscription-Key` and
 * `X-Vault-Token` are known without a list; a name too many (`X-RateLimit-Remaining-Tokens`) costs less than one too few.
 * Challenges and `Idempotency-Key` are not secret.
 *
 * It is a second line of defence. A credential under a name that says nothing is known only to who added it.
 *
 * @param name a field name in any letter case
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-16.4.1
 * @since 0.1.0
 * @category predicates
 */
export const isSensitiveHeader = (name: string): boolean => {
  const lower = name.toLowerCase()
  return !HARMLESS.has(lower) && SECRET_PARTS.some((part) => lower.includes(part))
}

/**
 * The value of a field, fit to be shown: {@link placeholder} if {@link isSensitiveHeader}, {@link url} for fields that hold
 * a URL, and {@link text} for the rest.
 *
 * @param name a field name in any letter case
 * @param value what the field holds
 * @since 0.1.0
 * @category conversions
 */
export const headerValue = (name: string, value: string): string => {
  if (isSensitiveHeader(name)) return placeholder
  return URLS.has(name.toLowerCase()) ? url(value) : text(value)
}

/**
 * Text of a server, such as a realm or an `error_description`, as one line of bounded length that changes nothing around
 * it: control characters (CR, LF, the ESC of a terminal sequence), direction overrides, invisible characters and
 * broken surrogates are written as `\u{1b}`. Everything else stays, also what looks like such an escape.
 *
 * It does not look for secrets: a server that repeats a token in its text is shown to do so.
 *
 * @param serverText any text
 * @param limit UTF-16 code units of the result at most, with the `…` that ends a text that was cut; at least 1. Default 200.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.5
 * @since 0.1.0
 * @category conversions
 */
export const text = (serverText: string, limit: number = 200): string => {
  const most = limit >= 1 ? Math.floor(limit) : 1
  let shown = ""
  let fitting = ""
  for (let index = 0; index < serverText.length;) {
    const character = String.fromCodePoint(serverText.codePointAt(index) ?? 0)
    shown += isLoneSurrogate(serverText, index) || isUnsafe(character) ? escape(character) : character
    if (shown.length > most) return `${fitting}…`
    if (shown.length < most) fitting = shown
    index += character.length
  }
  return shown
}

/**
 * Makes a function that replaces secrets in a text by {@link placeholder}. A secret is found in any letter case,
 * percent-encoded, and with the escapes of JSON or of a quoted string. One of fewer than 8 characters is not looked for. Of
 * one of 17 characters or more, parts are replaced too: 16 characters, or half of its length, up to 256.
 *
 * The time is linear in the text and in the secrets, whatever they are. With more than 1000 secrets, or more than 524 288
 * characters of them, the whole of each text is replaced.
 *
 * @param secrets the texts to be replaced
 * @returns a function of a text and of a limit: what follows so many UTF-16 code units of the text is cut, for a `…`
 * @since 0.1.0
 * @category conversions
 */
export const withoutSecrets = (secrets: Iterable<string>): ((text: string, limit?: number) => string) => {
  const all = [...new Set(secrets)]
  if (all.length > MAX_SECRETS || all.reduce((sum, { length }) => sum + length, 0) > MAX_SECRET_LENGTH) {
    return (serverText) => (serverText === "" ? "" : placeholder)
  }
  const patterns = new SecretPatterns(all)
  return (serverText, limit = serverText.length) => {
    const most = Math.min(limit, serverText.length)
    const rest = most < serverText.length ? "…" : ""
    // A secret that begins before the limit is replaced as a whole, so that no part of it is shown.
    const shown =
      serverText.length < SHORTEST
        ? serverText.slice(0, most)
        : replaced(serverText.slice(0, most + REACH), most, patterns)
    return shown + rest
  }
}

const MAX_SECRETS = 1000

const MAX_SECRET_LENGTH = 512 * 1024

const replaced = (serverText: string, most: number, patterns: SecretPatterns): string => {
  if (patterns.isEmpty) return serverText.slice(0, most)
  const marks = patterns.mark(serverText)
  let shown = ""
  let start = 0
  for (let index = marks.indexOf(1); index !== -1 && index < most; index = marks.indexOf(1, start)) {
    shown += serverText.slice(start, index) + placeholder
    const end = marks.indexOf(0, index)
    start = end === -1 ? serverText.length : end
  }
  return shown + serverText.slice(start, most)
}

const MAX_URL = 2048

const NOWHERE = new URL("https://nowhere.invalid")

const SECRET_PARTS: ReadonlyArray<string> = [
  "auth",
  "cookie",
  "credential",
  "dpop",
  "jwt",
  "key",
  "link",
  "passw",
  "pwd",
  "secret",
  "session",
  "sig",
  "token"
]

const HARMLESS: ReadonlySet<string> = new Set(["idempotency-key", "proxy-authenticate", "www-authenticate"])

const URLS: ReadonlySet<string> = new Set(["content-location", "location", "origin", "referer"])

const query = (search: string): string => {
  if (search === "") return ""
  const pairs = search.slice(1).split("&")
  return `?${pairs.map((pair) => redactPair(pair)).join("&")}`
}

/** A part without `=` may be a secret by itself. */
const redactPair = (pair: string): string => {
  const equals = pair.indexOf("=")
  return equals === -1 ? (pair === "" ? "" : placeholder) : `${pair.slice(0, equals)}=${placeholder}`
}

const escape = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

const isUnsafe = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0
  return UNSAFE.some(([first, last]) => code >= first && code <= last)
}

const UNSAFE: ReadonlyArray<readonly [first: number, last: number]> = [
  // C0, DEL and C1: new lines, and the beginnings of terminal sequences.
  [0x00, 0x1f],
  [0x7f, 0x9f],
  // Soft hyphen, Arabic letter mark, Mongolian vowel separator: invisible.
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  // Zero width, direction marks; line and paragraph separators, embeddings and overrides; invisible operators, isolates.
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  // Byte order mark, interlinear annotations, tags.
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe007f]
]
