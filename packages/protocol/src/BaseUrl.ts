/**
 * Base URLs of APIs: joins a path to a base URL, and rejects every path that leads outside of it.
 *
 * @since 0.1.0
 */
import { isAlpha, isControl, isDigit, isLoneSurrogate } from "./internal/Char.js"
import { isLoopbackHost } from "./Origin.js"
import { segmentsRefusal } from "./internal/PathSegments.js"
import * as Url from "./internal/Url.js"
import type { Result } from "./Result.js"
import { err, ok } from "./Result.js"
import * as RequestTarget from "./RequestTarget.js"

/**
 * Why a base URL is rejected.
 *
 * - `InvalidBase`: not an absolute URL of the form `scheme://host`, or it contains a character that no URL may contain.
 * - `BaseScheme`: neither http nor https.
 * - `BaseUserinfo`: contains a user name or a password. Credentials belong to an authentication scheme.
 * - `BaseQuery`, `BaseFragment`: has a query or a fragment, even an empty one. A path cannot be appended to it.
 *
 * @since 0.1.0
 * @category models
 */
export type BaseReason = "InvalidBase" | "BaseScheme" | "BaseUserinfo" | "BaseQuery" | "BaseFragment"

/**
 * Why a path is rejected.
 *
 * - `IllegalCharacter`: a control character, plain or (before the query) percent-encoded; a backslash before the query; a
 *   space at either end; a lone surrogate. URL parsers silently drop or rewrite these.
 * - `LooksLikeAuthority`: begins with `//`, `@` or `:`. Plain concatenation would turn it into a host, userinfo or port.
 * - `DotSegment`: has a segment that some server reads as `..`. Also as `%2e%2e`, between encoded slashes, in overlong UTF-8
 *   (`%c0%af`), or with parameters (`..;`, `..;a=b`).
 * - `UnsupportedScheme`: an absolute URL that is neither http nor https.
 * - `InvalidUrl`: begins with `http:` or `https:` and is not a valid URL of that scheme, such as `https:evil`.
 * - `Userinfo`: an absolute URL with a user name or a password.
 * - `OtherOrigin`: an absolute URL with another scheme, host or port.
 * - `OutsideBase`: an absolute URL of the base's origin that is not below the base's path.
 *
 * @since 0.1.0
 * @category models
 */
export type PathReason =
  | "IllegalCharacter"
  | "LooksLikeAuthority"
  | "DotSegment"
  | "UnsupportedScheme"
  | "InvalidUrl"
  | "Userinfo"
  | "OtherOrigin"
  | "OutsideBase"

/**
 * Why a base URL or a path is rejected.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason = BaseReason | PathReason

/**
 * Validates a base URL, so that an error is reported when a client is made and not at its first request.
 *
 * @param base such as `https://api.example.com/v1`, with or without a slash at its end
 * @returns the normalized URL
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-4.2
 * @since 0.1.0
 * @category decoding
 */
export const validate = (base: string): Result<string, BaseReason> => {
  const url = parseBase(base)
  return typeof url === "string" ? err(url) : ok(url.href)
}

/**
 * Appends a path to a base URL. The result always has the base's origin and is at or below the base's path. Any other path
 * is rejected, and never repaired.
 *
 * - The base path is kept, with or without a slash at its end or at the start of `path`: `https://a.test/v1` and `/users`
 *   give `https://a.test/v1/users`. (RFC 3986 resolution would drop `/v1`.)
 * - Query and fragment of `path` are kept. An empty path gives the base.
 * - An absolute URL is accepted if it is below the base, such as the URL of the next page.
 * - `name:verb` is a path, not a scheme.
 * - Characters that a URL must encode are encoded as UTF-8. Encoded characters stay encoded, and the rest of a query is
 *   unchanged.
 *
 * @example
 * import * as BaseUrl from "@countersign/protocol/BaseUrl"
 *
 * BaseUrl.join("https://api.example.com/v1", "/users/42") // Ok: https://api.example.com/v1/users/42
 * BaseUrl.join("https://api.example.com/v1", "https://evil.test/") // Err
 *
 * @param base as for {@link validate}
 * @param path such as `/users?page=2`, `users`, `?page=2`, or an absolute URL below the base
 * @returns the absolute, normalized URL, or the reason why the base or the path is rejected
 * @see https://www.rfc-editor.org/rfc/rfc3986#section-3.3
 * @since 0.1.0
 * @category constructors
 */
export const join = (base: string, path: string): Result<string, Reason> => {
  const root = parseBase(base)
  return typeof root === "string" ? err(root) : joined(root, path)
}

/**
 * Makes a function that joins paths to one base URL. The base is parsed once, and a path that is normalized already is
 * appended without parsing.
 *
 * @param base as for {@link validate}
 * @returns the join function, or the reason why the base is rejected
 * @since 0.1.0
 * @category constructors
 */
export const joiner = (base: string): Result<(path: string) => Result<string, PathReason>, BaseReason> => {
  const root = parseBase(base)
  if (typeof root === "string") return err(root)
  const prefix = root.origin + withoutSlash(root.pathname)
  return ok((path) =>
    RequestTarget.isNormalized(path) && !path.startsWith("//") ? ok(prefix + path) : joined(root, path)
  )
}

const joined = (root: URL, path: string): Result<string, PathReason> => {
  if (path === "") return ok(root.href)

  const refused = refusalOfText(path)
  if (refused !== undefined) return err(refused)

  const url = startsWithHttp(path) ? parseAbsolute(path) : Url.parse(root.origin + append(root.pathname, path))
  if (url === undefined) return err("InvalidUrl")
  const reason = refusalOfUrl(root, url)
  return reason === undefined ? ok(Url.hrefWithQuery(url, path)) : err(reason)
}

/**
 * Describes a reason for an error message: what is wrong, and what to use instead. It contains nothing of the input.
 *
 * @since 0.1.0
 * @category conversions
 */
export const explain = (reason: Reason): string => EXPLANATIONS[reason]

/** A host name in lower case or an IPv4 address of loopback, with a port and a path. No key and no JWT looks like that. */
const HOST = /^((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}|localhost|127(?:\.\d{1,3}){3})(?::\d{1,5})?(?:\/[\w./~-]*)?$/

/**
 * Adds the scheme that a base URL lacks: `https://api.example.com/v1` for `api.example.com/v1`. Loopback hosts get `http`.
 *
 * @param base a base URL that {@link validate} rejects with `InvalidBase`
 * @returns the URL, which is safe to print. Undefined for a text that may be something else, such as a secret
 * @since 0.1.0
 * @category conversions
 */
export const addScheme = (base: string): string | undefined => {
  const host = base.length > 200 ? undefined : HOST.exec(base)?.[1]
  if (host === undefined) return undefined
  const url = `${isLoopbackHost(host) ? "http" : "https"}://${base}`
  return validate(url)._tag === "Ok" ? url : undefined
}

const EXPLANATIONS: Readonly<Record<Reason, string>> = {
  InvalidBase:
    "The URL has a space or another character that is not allowed, or not the form https://host. Use a URL such as https://api.example.com/v1.",
  BaseScheme: "The URL is neither http nor https. Begin it with https:// or http://.",
  BaseUserinfo: "The URL has a user name or a password. Pass those to an authentication scheme.",
  BaseQuery: "The URL has a query. Remove it, or send it with each request.",
  BaseFragment: "The URL has a fragment (#). Remove it.",
  IllegalCharacter:
    "The path has a control character, a backslash, a space at one end or invalid Unicode. Percent-encode it.",
  LooksLikeAuthority: "The path begins with //, @ or :, so it can be read as a host. Begin it with a single /.",
  DotSegment: "The path has a .. segment. Use the path without it.",
  UnsupportedScheme:
    "The path is an absolute URL that is neither http nor https. Use a path, or a URL below the base URL.",
  InvalidUrl: "The path begins with a scheme and is not a valid URL. Use a path, or a URL below the base URL.",
  Userinfo: "The path is an absolute URL with a user name or a password. Remove those.",
  OtherOrigin:
    "The path is an absolute URL of another origin. Use a URL below the base URL, add the origin to `origins`, or use another client.",
  OutsideBase: "The path is an absolute URL outside the base path. Use a URL below the base URL, or another client."
}

const parseBase = (base: string): URL | BaseReason => {
  if (hasIllegalCharacter(base)) return "InvalidBase"
  // The parser would also accept `https:evil` and `https:///evil`, where a reader would not recognize the host.
  const start = base.indexOf(":") + 3
  const url = base.startsWith("://", start - 3) && base[start] !== "/" ? Url.parse(base) : undefined
  if (url === undefined) return "InvalidBase"
  if (!Url.isHttp(url)) return "BaseScheme"
  // The parsed URL does not distinguish an empty query or fragment from a missing one.
  if (base.includes("#")) return "BaseFragment"
  if (base.includes("?")) return "BaseQuery"
  const slash = base.indexOf("/", start)
  return base.slice(start, slash === -1 ? undefined : slash).includes("@") ? "BaseUserinfo" : url
}

const refusalOfText = (path: string): PathReason | undefined => {
  if (hasIllegalCharacter(path)) return "IllegalCharacter"
  if (path.startsWith("//") || path.startsWith("@") || path.startsWith(":")) return "LooksLikeAuthority"
  if (hasOtherScheme(path)) return "UnsupportedScheme"
  return segmentsRefusal(path.slice(0, endOfPath(path)))
}

const refusalOfUrl = (root: URL, url: URL): PathReason | undefined => {
  if (Url.hasUserinfo(url)) return "Userinfo"
  if (url.origin !== root.origin) return "OtherOrigin"
  const prefix = withoutSlash(root.pathname)
  return url.pathname === prefix || url.pathname.startsWith(`${prefix}/`) ? undefined : "OutsideBase"
}

const append = (basePath: string, path: string): string => {
  if (path.startsWith("?") || path.startsWith("#")) return basePath + path
  return withoutSlash(basePath) + (path.startsWith("/") ? path : `/${path}`)
}

const withoutSlash = (path: string): string => (path.endsWith("/") ? path.slice(0, -1) : path)

const startsWithHttp = (path: string): boolean => {
  const start = path.slice(0, 6).toLowerCase()
  return start.startsWith("http:") || start === "https:"
}

/** `https:evil` and `https:/evil` are relative or absolute, depending on the parser. */
const parseAbsolute = (path: string): URL | undefined =>
  path.startsWith("//", path.indexOf(":") + 1) ? Url.parse(path) : undefined

/** Another scheme followed by a slash. Without the slash it is a path such as `instances:batchDelete`. */
const hasOtherScheme = (path: string): boolean => {
  if (startsWithHttp(path) || !isAlpha(path.charCodeAt(0))) return false
  let index = 1
  while (isSchemeChar(path.charCodeAt(index))) index++
  return path.startsWith(":/", index)
}

const isSchemeChar = (code: number): boolean =>
  isAlpha(code) || isDigit(code) || code === 0x2b || code === 0x2d || code === 0x2e

const endOfPath = (text: string): number => {
  const query = text.indexOf("?")
  const fragment = text.indexOf("#")
  if (query === -1) return fragment === -1 ? text.length : fragment
  return fragment === -1 ? query : Math.min(query, fragment)
}

const hasIllegalCharacter = (text: string): boolean => {
  if (text.startsWith(" ") || text.endsWith(" ")) return true
  const end = endOfPath(text)
  for (let index = 0; index < text.length; index++) {
    if (isControl(text.charCodeAt(index)) || isLoneSurrogate(text, index)) return true
    if (index < end && text[index] === "\\") return true
  }
  return false
}
