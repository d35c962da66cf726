/** Where cookies lie: who is asked for by domain, and who has to go when there are too many. */

/** A cookie as RFC 6265 §5.3 keeps it. Times are epoch milliseconds. */
export interface StoredCookie {
  readonly name: string
  readonly value: string
  readonly domain: string
  /** Whether it is sent to `domain` alone, and not to what lies below it. */
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  /** `Infinity` for one of a session. */
  readonly expires: number
  /** A number that is higher for those that came later. */
  readonly created: number
}

/** What RFC 6265 §6.1 asks for at least is the most of it here: more is somebody filling memory. */
const maxPerDomain = 50
const maxCookies = 3000

/** A name has no `=`. */
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

/** Both indexes are in the order of use, so that who was not used for longest stands first. */
export class CookieStore {
  readonly #byDomain = new Map<string, DomainCookies>()
  readonly #byUse = new Set<StoredCookie>()
  #created = 0
  /** Who was used last: most sessions are one cookie, and that one has its place. */
  #lastUsed: StoredCookie | undefined
  /** None of them expires before. */
  #earliestExpiry = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#byUse.size
  }

  /** All that are live, who was not used for longest first. */
  live(now: number): ReadonlyArray<StoredCookie> {
    return [...this.#byUse].filter(({ expires }) => expires > now)
  }

  /** The live ones of one domain. */
  ofDomain(domain: string, now: number): Iterable<StoredCookie> {
    const cookies = this.#byDomain.get(domain)
    if (cookies === undefined) return []
    this.#removeExpired(cookies.values(), now)
    return cookies.values()
  }

  /** The one that a cookie renews. */
  find({ domain, name, path }: Pick<StoredCookie, "domain" | "name" | "path">): StoredCookie | undefined {
    return this.#byDomain.get(domain)?.get(keyOf({ name, path }))
  }

  /** Keeps a cookie in the place of the one that it renews, or takes that one away; tells whether anything changed. */
  set(cookie: Omit<StoredCookie, "created">, now: number): boolean {
    const found = this.find(cookie)
    if (found !== undefined) this.#remove(found)
    const before = found !== undefined && found.expires > now ? found : undefined
    if (cookie.expires <= now) return before !== undefined
    this.#add({ ...cookie, created: before?.created ?? this.#created++ })
    this.#evict(cookie.domain, now)
    return before === undefined || !isSame(cookie, before)
  }

  /** Notes that cookies are used. */
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

  /** RFC 6265 §5.3, step 12. That those without `Secure` go first is of its successor, draft-ietf-httpbis-rfc6265bis. */
  #evict(domain: string, now: number): void {
    const domainCookies = this.#byDomain.get(domain)
    if (domainCookies !== undefined && domainCookies.size > maxPerDomain) {
      this.#removeExpired(domainCookies.values(), now)
      if (domainCookies.size > maxPerDomain) this.#drop(firstInsecure(domainCookies) ?? firstOf(domainCookies.values()))
    }
    if (this.size <= maxCookies) return
    // Looking through all of them for each one that comes would take a hostile server's time of ours.
    if (this.#earliestExpiry <= now) this.#earliestExpiry = this.#removeExpired(this.#byUse, now)
    if (this.size > maxCookies) this.#drop(firstOf(this.#byUse))
  }

  /** Takes away those that have expired; gives when the first of the others does. */
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
