/** What a `Set-Cookie` field means for the URL that it came from: RFC 6265 §5.2 and §5.3 up to where cookies are kept. */
import * as Tough from "tough-cookie"
import type { StoredCookie } from "./cookieStore.js"

/** What of a URL decides about cookies. The port does not: RFC 6265 §8.5. */
export interface CookieOrigin {
  readonly host: string
  readonly path: string
  readonly secure: boolean
}

/** Hosts that no network leads to, which browsers trust without TLS too (W3C Secure Contexts §3.1). */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host)

/** Undefined for what is no URL. */
export const cookieOriginOf = (url: string): CookieOrigin | undefined => {
  try {
    const { hostname, pathname, protocol } = new URL(url)
    return { host: hostname, path: pathname, secure: protocol === "https:" || isLoopback(hostname) }
  } catch {
    return undefined
  }
}

/** Octets of name and value together: draft-ietf-httpbis-rfc6265bis, §5.6. A header's characters are octets. */
const maxPairBytes = 4096
/** Octets of an attribute's value (there too), and of a path that comes from the URL. */
const maxAttributeBytes = 1024
/** What is kept may hold on to the text that it was cut from. */
const maxHeaderLength = 8192

/** The last instant that a date can hold. */
const maxDateMillis = 8.64e15

/** What a header's value cannot have: whoever sends the cookie back could send nothing. */
const invalidCharacters = /[^\t\x20-\x7e\x80-\xff]/

const dropLongAttributes = (line: string): string =>
  line.length <= maxAttributeBytes
    ? line
    : line
        .split(";")
        .filter((part, at) => at === 0 || part.slice(part.indexOf("=") + 1).trim().length <= maxAttributeBytes)
        .join(";")

/** What stands for a TAB within a name or value while tough-cookie reads them: it refuses one, RFC 6265 §5.2 does not. */
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
  return ms > 0 ? Math.min(now + ms, maxDateMillis) : Number.NEGATIVE_INFINITY
}

/**
 * Names of private networks, which no list of public suffixes knows: below them each name may be another party's, as the
 * services of a cluster below `svc.cluster.local` and the machines below `compute.internal` are.
 */
const privateSuffix = /(?:^|\.)(?:local|internal)\.?$/

/** A name without a dot, such as `localhost`, is a suffix too. */
const isPublicSuffix = (domain: string): boolean =>
  !/[^.]\.[^.]/.test(domain) ||
  privateSuffix.test(domain) ||
  Tough.getPublicSuffix(domain, { allowSpecialUseDomain: true, ignoreError: true }) === undefined

/** Whom a cookie of `host` may be sent to; undefined where that would be somebody else too. */
const domainScopeOf = (
  attribute: string | null,
  host: string
): Pick<StoredCookie, "domain" | "hostOnly"> | undefined => {
  if (attribute === null || attribute === host) {
    // An address, a name without dots and a public suffix have nothing below them that is theirs.
    return { domain: host, hostOnly: attribute === null || host.startsWith("[") || isPublicSuffix(host) }
  }
  // One dot before it was taken away already: RFC 6265 §5.2.3 takes no other one, and no blanks after it.
  if (attribute.startsWith(".") || attribute.trim() !== attribute) return undefined
  try {
    const domain = Tough.canonicalDomain(attribute) ?? ""
    const isAllowed = Tough.domainMatch(host, domain, false) === true && !isPublicSuffix(domain)
    return isAllowed ? { domain, hostOnly: false } : undefined
  } catch {
    return undefined
  }
}

/** draft-ietf-httpbis-rfc6265bis, §4.1.3: a name's prefix promises something, in any letter case. */
const satisfiesPrefix = (cookie: Omit<StoredCookie, "created">, hasPathAttribute: boolean): boolean => {
  const name = cookie.name.toLowerCase()
  if (name.startsWith("__secure-")) return cookie.secure
  return !name.startsWith("__host-") || (cookie.secure && cookie.hostOnly && hasPathAttribute && cookie.path === "/")
}

/** The cookie of a line; undefined where the rules refuse it. */
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
