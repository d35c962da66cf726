/**
 * Redaction: makes URLs, header values and server text safe to show in errors, logs, spans and terminals.
 *
 * @since 0.1.0
 */
import { isLoneSurrogate } from "./internal/Char.js"
import { REACH, SecretPatterns, SHORTEST } from "./internal/SecretPatterns.js"
import * as Url from "./internal/Url.js"

/**
 * The text that replaces a secret.
 *
 * @since 0.1.0
 * @category constants
 */
export const placeholder = "<redacted>"

/**
 * Query parameters for pages of a list. {@link url} shows their values if they are short numbers, which contain no secret.
 *
 * @since 0.1.0
 * @category constants
 */
export const pageParameters: ReadonlyArray<string> = ["page", "per_page", "limit", "offset"]

/**
 * What {@link url} shows and hides.
 *
 * @since 0.1.0
 * @category models
 */
export interface UrlOptions {
  /** Replaces secrets in the rest of the URL, as {@link withoutSecrets} does. Nothing by default. */
  readonly hide?: ((text: string) => string) | undefined
  /**
   * Names of the query parameters to show with their values. By default {@link pageParameters}, if the value has at most nine
   * digits and nothing else.
   */
  readonly show?: ReadonlyArray<string> | undefined
}

/**
 * Redacts an http or https URL: removes userinfo and fragment, and replaces query values by {@link placeholder}, except those
 * that `show` names.
 *
 * Parameter names and the path are kept. The result is cut after 2048 characters. A path that begins with a slash is
 * redacted in the same way. Any other text gives `<not a URL>`. The result is ASCII without control characters, except for
 * the `…` of a cut one.
 *
 * @example
 * import * as Redact from "@countersign/protocol/Redact"
 *
 * Redact.url("https://api.example.com/users?token=secret") // the value of `token` is redacted
 *
 * @param address an absolute URL, or a path with or without a query
 * @param options which values are shown, and which secrets are hidden
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-17.9
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-5.3
 * @since 0.1.0
 * @category conversions
 */
export const url = (address: string, { hide = (text) => text, show }: UrlOptions = {}): string => {
  const isPath = address.startsWith("/")
  const parsed = isPath ? Url.parse(address, NOWHERE) : Url.parse(address)
  // `//host` begins like a path, but is none.
  if (parsed === undefined || !Url.isHttp(parsed) || (isPath && parsed.host !== NOWHERE.host)) return "<not a URL>"
  return text(hide((isPath ? "" : parsed.origin) + parsed.pathname + query(parsed.search, show)), MAX_URL)
}

/**
 * Whether a header field contains a secret, by its name: credentials, cookies, keys, tokens, signatures, sessions, and
 * fields with links that often contain them.
 *
 * Names are matched by their parts, so `Ocp-Apim-Subscription-Key` and `X-Vault-Token` match without a list. A false match
 * (`X-RateLimit-Remaining-Tokens`) does less harm than a missed one. Challenges and `Idempotency-Key` are not secret.
 *
 * This is a second line of defense. It cannot recognize a credential in a field with another name.
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
 * Redacts a header value: {@link placeholder} if {@link isSensitiveHeader}, {@link url} for fields that contain a URL, and
 * {@link text} for others.
 *
 * @param name a field name in any letter case
 * @param value the field value
 * @since 0.1.0
 * @category conversions
 */
export const headerValue = (name: string, value: string): string => {
  if (isSensitiveHeader(name)) return placeholder
  return URLS.has(name.toLowerCase()) ? url(value) : text(value)
}

/**
 * Makes server text, such as a realm or an `error_description`, safe to print: one line of limited length.
 *
 * Control characters (CR, LF, terminal escapes), direction overrides, invisible characters and lone surrogates are written
 * as `\u{1b}`. All other characters are kept, also text that looks like such an escape. It does not remove secrets.
 *
 * @param serverText any text
 * @param limit maximum length of the result in UTF-16 code units, including the `…` of a cut text; at least 1. Default 200.
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
 * Makes a function that replaces secrets in a text by {@link placeholder}.
 *
 * A secret is found in any letter case, percent-encoded, and with the escapes of JSON or a quoted string. Secrets shorter
 * than 8 characters are ignored. Of secrets of 17 characters or more, parts are replaced too: 16 characters, or half of the
 * length, up to 256.
 *
 * The time is linear in the length of the text and of the secrets. With more than 1000 secrets, or more than 524 288
 * characters of secrets, the whole text is replaced.
 *
 * @param secrets the secrets to replace
 * @returns a function of a text and a limit in UTF-16 code units: the text after the limit is cut, and `…` is appended
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
    // A secret that begins before the limit is replaced completely, so that no part of it is shown.
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

const query = (search: string, show: ReadonlyArray<string> | undefined): string => {
  if (search === "") return ""
  const pairs = search.slice(1).split("&")
  return `?${pairs.map((pair) => redactPair(pair, show)).join("&")}`
}

/** A parameter without `=` may be a secret itself. */
const redactPair = (pair: string, show: ReadonlyArray<string> | undefined): string => {
  const equals = pair.indexOf("=")
  if (equals === -1) return pair === "" ? "" : placeholder
  const name = pair.slice(0, equals)
  const value = pair.slice(equals + 1)
  const isShown = show === undefined ? isPage(name, value) : show.includes(decoded(name))
  return `${name}=${isShown ? value : placeholder}`
}

const isPage = (name: string, value: string): boolean => pageParameters.includes(name) && /^[0-9]{1,9}$/.test(value)

/** The name of a form-urlencoded parameter. */
const decoded = (name: string): string => new URLSearchParams(`${name}=`).keys().next().value ?? name

const escape = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

const isUnsafe = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0
  return UNSAFE.some(([first, last]) => code >= first && code <= last)
}

const UNSAFE: ReadonlyArray<readonly [first: number, last: number]> = [
  // C0, DEL and C1: line breaks, and the start of terminal sequences.
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
