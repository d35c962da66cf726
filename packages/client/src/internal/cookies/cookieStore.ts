/** Stores cookies by domain, and evicts cookies beyond its limits. */

/** A stored cookie (RFC 6265 §5.3). Times are epoch milliseconds. */
export interface StoredCookie {
  readonly name: string
  readonly value: string
  readonly domain: string
  /** Whether it is sent only to `domain`, and not to its subdomains. */
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  /** `Infinity` for a session cookie. */
  readonly expires: number
  /** Sequence number of the cookie's creation. */
  readonly created: number
}

/**
 * The minimum limits of RFC 6265 §6.1 are the limits here. A server that sets more cookies would only fill the memory.
 */
const maxPerDomain = 50
const maxCookies = 3000

/** Unambiguous, because a name contains no `=`. */
const keyOf = ({ name, path }: Pick<StoredCookie, "name" | "path">): string => `${name}=${path}`

type DomainCookies = Map<string, StoredCookie>

const firstInsecure = (cookies: DomainCookies): StoredCookie | undefined => {
  for (const cookie of cookies.values()) if (!cookie.secure) return cookie
  return undefined
}

const isSame = (one: Omit<StoredCookie, "created">, other: StoredCookie): boolean =>
  one.value === other.value &&
  one.expires === other.expires &&
  one.secure === other.secure &&
  one.httpOnly === other.httpOnly &&
  one.hostOnly === other.hostOnly

/** Both indexes are in order of use, the least recently used cookie first. */
export class CookieStore {
  readonly #byDomain = new Map<string, DomainCookies>()
  readonly #byUse = new Set<StoredCookie>()
  #created = 0
  /** The most recently used cookie. Most sessions have only one cookie, which then does not have to be moved. */
  #lastUsed: StoredCookie | undefined
  /** No cookie expires before this time. */
  #earliestExpiry = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#byUse.size
  }

  /** All unexpired cookies, the least recently used first. */
  live(now: number): ReadonlyArray<StoredCookie> {
    return [...this.#byUse].filter(({ expires }) => expires > now)
  }

  /** The unexpired cookies of one domain. */
  ofDomain(domain: string, now: number): Iterable<StoredCookie> {
    const cookies = this.#byDomain.get(domain)
    if (cookies === undefined) return []
    this.#removeExpired(cookies.values(), now)
    return cookies.values()
  }

  /** The cookie that a new cookie with this domain, name and path would replace. */
  find({ domain, name, path }: Pick<StoredCookie, "domain" | "name" | "path">): StoredCookie | undefined {
    return this.#byDomain.get(domain)?.get(keyOf({ name, path }))
  }

  /** Stores a cookie, and replaces or removes the one that it updates. Returns whether anything changed. */
  set(cookie: Omit<StoredCookie, "created">, now: number): boolean {
    const found = this.find(cookie)
    if (found !== undefined) this.#remove(found)
    const before = found !== undefined && found.expires > now ? found : undefined
    if (cookie.expires <= now) return before !== undefined
    this.#add({ ...cookie, created: before?.created ?? this.#created++ })
    this.#evict(cookie.domain, now)
    return before === undefined || !isSame(cookie, before)
  }

  /** Marks cookies as used. */
  markUsed(cookies: ReadonlyArray<StoredCookie>): void {
    for (const cookie of cookies) {
      if (cookie === this.#lastUsed) continue
      this.#remove(cookie)
      this.#add(cookie)
    }
  }

  #add(cookie: StoredCookie): void {
    const { domain, expires } = cookie
    const domainCookies = this.#byDomain.get(domain) ?? new Map<string, StoredCookie>()
    domainCookies.set(keyOf(cookie), cookie)
    this.#byDomain.set(domain, domainCookies)
    this.#byUse.add(cookie)
    this.#lastUsed = cookie
    this.#earliestExpiry = Math.min(this.#earliestExpiry, expires)
  }

  #remove(cookie: StoredCookie): void {
    const domainCookies = this.#byDomain.get(cookie.domain)
    domainCookies?.delete(keyOf(cookie))
    if (domainCookies?.size === 0) this.#byDomain.delete(cookie.domain)
    this.#byUse.delete(cookie)
    if (this.#lastUsed === cookie) this.#lastUsed = undefined
  }

  /**
   * RFC 6265 §5.3, step 12. Evicting cookies without `Secure` first comes from its successor,
   * draft-ietf-httpbis-rfc6265bis.
   */
  #evict(domain: string, now: number): void {
    const domainCookies = this.#byDomain.get(domain)
    if (domainCookies !== undefined && domainCookies.size > maxPerDomain) {
      this.#removeExpired(domainCookies.values(), now)
      if (domainCookies.size > maxPerDomain) this.#drop(firstInsecure(domainCookies) ?? firstOf(domainCookies.values()))
    }
    if (this.size <= maxCookies) return
    // Check all cookies only when one has expired. Otherwise a hostile server could cause a full check per cookie.
    if (this.#earliestExpiry <= now) this.#earliestExpiry = this.#removeExpired(this.#byUse, now)
    if (this.size > maxCookies) this.#drop(firstOf(this.#byUse))
  }

  /** Removes expired cookies. Returns the earliest expiry of the others. */
  #removeExpired(cookies: Iterable<StoredCookie>, now: number): number {
    let earliestExpiry = Number.POSITIVE_INFINITY
    for (const cookie of cookies) {
      if (cookie.expires <= now) this.#remove(cookie)
      else earliestExpiry = Math.min(earliestExpiry, cookie.expires)
    }
    return earliestExpiry
  }

  #drop(cookie: StoredCookie | undefined): void {
    if (cookie !== undefined) this.#remove(cookie)
  }
}

const firstOf = (cookies: Iterable<StoredCookie>): StoredCookie | undefined => {
  for (const cookie of cookies) return cookie
  return undefined
}
