/** Parses a `Set-Cookie` field for the URL of its response (RFC 6265 §5.2 and §5.3, up to the storage of cookies). */
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Tough from "tough-cookie"
import type { StoredCookie } from "./cookieStore.js"

/** The parts of a URL that decide about cookies. The port does not (RFC 6265 §8.5). */
export interface CookieOrigin {
  readonly host: string
  readonly path: string
  readonly secure: boolean
}

/** Loopback hosts, which browsers trust without TLS too (W3C Secure Contexts §3.1). */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host)

/** Undefined for an invalid URL. */
export const cookieOriginOf = (url: string): CookieOrigin | undefined => {
  try {
    const { hostname, pathname, protocol } = new URL(url)
    return { host: hostname, path: pathname, secure: protocol === "https:" || isLoopback(hostname) }
  } catch {
    return undefined
  }
}

/**
 * Maximum octets of name and value together (draft-ietf-httpbis-rfc6265bis, §5.6). The characters of a header are
 * octets.
 */
const maxPairBytes = 4096
/** Maximum octets of an attribute's value (same section), and of a path that comes from the URL. */
const maxAttributeBytes = 1024
/** Limited because a stored value may keep the whole text in memory. */
const maxHeaderLength = 8192

/** Characters that a header value cannot contain. Such a cookie could not be sent back. */
const invalidCharacters = /[^\t\x20-\x7e\x80-\xff]/

const dropLongAttributes = (line: string): string =>
  line.length <= maxAttributeBytes
    ? line
    : line
        .split(";")
        .filter((part, at) => at === 0 || part.slice(part.indexOf("=") + 1).trim().length <= maxAttributeBytes)
        .join(";")

/**
 * Replaces a TAB in a name or value while tough-cookie parses them. tough-cookie rejects TABs, RFC 6265 §5.2 allows
 * them.
 */
const tabPlaceholder = "\ufdd0"

const parseWithTough = (line: string): Tough.Cookie | undefined => {
  if (line.length > maxHeaderLength || line.includes(tabPlaceholder)) return undefined
  const bounded = dropLongAttributes(line)
  const end = bounded.indexOf(";")
  const pair = end === -1 ? bounded : bounded.slice(0, end)
  if (!pair.includes("\t")) return Tough.Cookie.parse(bounded)
  const cookie = Tough.Cookie.parse(pair.replaceAll("\t", tabPlaceholder) + bounded.slice(pair.length))
  if (cookie === undefined) return undefined
  cookie.key = cookie.key.replaceAll(tabPlaceholder, "\t").trim()
  cookie.value = cookie.value.replaceAll(tabPlaceholder, "\t").trim()
  return cookie
}

/** RFC 6265 §5.1.4. */
export const pathMatches = (path: string, cookiePath: string): boolean =>
  path.startsWith(cookiePath) &&
  (path.length === cookiePath.length || cookiePath.endsWith("/") || path.charAt(cookiePath.length) === "/")

const expiryOf = ({ expires, maxAge }: Tough.Cookie, now: number): number => {
  if (maxAge === null) return expires instanceof Date ? expires.getTime() : Number.POSITIVE_INFINITY
  const ms = Number(maxAge) * 1000
  return ms > 0 ? Math.min(now + ms, HttpDate.maxMillis) : Number.NEGATIVE_INFINITY
}

/**
 * Private domains, which public suffix lists do not contain. Names below them may belong to different parties: the
 * services of a cluster below `svc.cluster.local`, or the machines below `compute.internal`.
 */
const privateSuffix = /(?:^|\.)(?:local|internal)\.?$/

/** A name without a dot, such as `localhost`, counts as a suffix too. */
const isPublicSuffix = (domain: string): boolean =>
  !/[^.]\.[^.]/.test(domain) ||
  privateSuffix.test(domain) ||
  Tough.getPublicSuffix(domain, { allowSpecialUseDomain: true, ignoreError: true }) === undefined

/** The hosts that a cookie of `host` is sent to. Undefined if they would include hosts of other parties. */
const domainScopeOf = (
  attribute: string | null,
  host: string
): Pick<StoredCookie, "domain" | "hostOnly"> | undefined => {
  if (attribute === null || attribute === host) {
    // Names below an IP address, a name without dots or a public suffix belong to other parties.
    return { domain: host, hostOnly: attribute === null || host.startsWith("[") || isPublicSuffix(host) }
  }
  // tough-cookie has already removed one leading dot. RFC 6265 §5.2.3 allows no second one, and no whitespace after it.
  if (attribute.startsWith(".") || attribute.trim() !== attribute) return undefined
  try {
    const domain = Tough.canonicalDomain(attribute) ?? ""
    const isAllowed = Tough.domainMatch(host, domain, false) === true && !isPublicSuffix(domain)
    return isAllowed ? { domain, hostOnly: false } : undefined
  } catch {
    return undefined
  }
}

/**
 * Octets that some servers remove from the start of a name: NEL and NBSP in Latin-1, and the spaces of Unicode in UTF-8. Such a
 * server would read `\x85__Host-a` as `__Host-a`.
 */
const ignoredStart = /^[\t \x80-\xff]+/

/** Whether the cookie satisfies the prefix of its name, in any letter case (draft-ietf-httpbis-rfc6265bis, §4.1.3). */
const satisfiesPrefix = (cookie: Omit<StoredCookie, "created">, hasPathAttribute: boolean): boolean => {
  const name = cookie.name.replace(ignoredStart, "").toLowerCase()
  if (name.startsWith("__secure-")) return cookie.secure
  return !name.startsWith("__host-") || (cookie.secure && cookie.hostOnly && hasPathAttribute && cookie.path === "/")
}

/** Parses a `Set-Cookie` field. Undefined if the rules reject the cookie. */
export const parseSetCookie = (
  line: string,
  origin: CookieOrigin,
  now: number
): Omit<StoredCookie, "created"> | undefined => {
  const parsed = parseWithTough(line)
  if (parsed === undefined || parsed.key.length + parsed.value.length > maxPairBytes) return undefined
  if (invalidCharacters.test(parsed.key) || invalidCharacters.test(parsed.value)) return undefined
  if (parsed.secure && !origin.secure) return undefined
  const scope = domainScopeOf(parsed.domain, origin.host)
  const path = parsed.path ?? Tough.defaultPath(origin.path)
  if (scope === undefined || path.length > maxAttributeBytes) return undefined
  const { httpOnly, key: name, secure, value } = parsed
  const cookie = { name, value, ...scope, path, secure, httpOnly, expires: expiryOf(parsed, now) }
  return satisfiesPrefix(cookie, parsed.path !== null) ? cookie : undefined
}
