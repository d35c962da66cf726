/** Where cookies lie: who is asked for by domain, and who has to go when there are too many. */

/** A cookie as RFC 6265 §5.3 keeps it. Times are epoch milliseconds. */
export interface Kept {
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
const mostOfDomain = 50
const mostOfAll = 3000

/** A name has no `=`. */
const keyOf = ({ name, path }: Pick<Kept, "name" | "path">): string => `${name}=${path}`

type OfDomain = Map<string, Kept>

const firstInsecure = (cookies: OfDomain): Kept | undefined => {
  for (const cookie of cookies.values()) if (!cookie.secure) return cookie
  return undefined
}

const isSame = (one: Omit<Kept, "created">, other: Kept): boolean =>
  one.value === other.value &&
  one.expires === other.expires &&
  one.secure === other.secure &&
  one.httpOnly === other.httpOnly &&
  one.hostOnly === other.hostOnly

/** Both indexes are in the order of use, so that who was not used for longest stands first. */
export class Shelf {
  readonly #byDomain = new Map<string, OfDomain>()
  readonly #byUse = new Set<Kept>()
  #created = 0
  /** Who was used last: most sessions are one cookie, and that one has its place. */
  #latest: Kept | undefined
  /** None of them expires before. */
  #soonest = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#byUse.size
  }

  /** All that are live, who was not used for longest first. */
  live(now: number): ReadonlyArray<Kept> {
    return [...this.#byUse].filter(({ expires }) => expires > now)
  }

  /** The live ones of one domain. */
  of(domain: string, now: number): Iterable<Kept> {
    const cookies = this.#byDomain.get(domain)
    if (cookies === undefined) return []
    this.#sweep(cookies.values(), now)
    return cookies.values()
  }

  /** The one that a cookie renews. */
  find({ domain, name, path }: Pick<Kept, "domain" | "name" | "path">): Kept | undefined {
    return this.#byDomain.get(domain)?.get(keyOf({ name, path }))
  }

  /** Keeps a cookie in the place of the one that it renews, or takes that one away; tells whether anything changed. */
  put(cookie: Omit<Kept, "created">, now: number): boolean {
    const found = this.find(cookie)
    if (found !== undefined) this.#remove(found)
    const before = found !== undefined && found.expires > now ? found : undefined
    if (cookie.expires <= now) return before !== undefined
    this.#add({ ...cookie, created: before?.created ?? this.#created++ })
    this.#makeRoom(cookie.domain, now)
    return before === undefined || !isSame(cookie, before)
  }

  /** Notes that cookies are used. */
  touch(cookies: ReadonlyArray<Kept>): void {
    for (const cookie of cookies) {
      if (cookie === this.#latest) continue
      this.#remove(cookie)
      this.#add(cookie)
    }
  }

  #add(cookie: Kept): void {
    const { domain, expires } = cookie
    const neighbours = this.#byDomain.get(domain) ?? new Map<string, Kept>()
    neighbours.set(keyOf(cookie), cookie)
    this.#byDomain.set(domain, neighbours)
    this.#byUse.add(cookie)
    this.#latest = cookie
    this.#soonest = Math.min(this.#soonest, expires)
  }

  #remove(cookie: Kept): void {
    const neighbours = this.#byDomain.get(cookie.domain)
    neighbours?.delete(keyOf(cookie))
    if (neighbours?.size === 0) this.#byDomain.delete(cookie.domain)
    this.#byUse.delete(cookie)
    if (this.#latest === cookie) this.#latest = undefined
  }

  /** RFC 6265 §5.3, step 12. That those without `Secure` go first is of its successor, draft-ietf-httpbis-rfc6265bis. */
  #makeRoom(domain: string, now: number): void {
    const neighbours = this.#byDomain.get(domain)
    if (neighbours !== undefined && neighbours.size > mostOfDomain) {
      this.#sweep(neighbours.values(), now)
      if (neighbours.size > mostOfDomain) this.#drop(firstInsecure(neighbours) ?? first(neighbours.values()))
    }
    if (this.size <= mostOfAll) return
    // Looking through all of them for each one that comes would take a hostile server's time of ours.
    if (this.#soonest <= now) this.#soonest = this.#sweep(this.#byUse, now)
    if (this.size > mostOfAll) this.#drop(first(this.#byUse))
  }

  /** Takes away those that have expired; gives when the first of the others does. */
  #sweep(cookies: Iterable<Kept>, now: number): number {
    let soonest = Number.POSITIVE_INFINITY
    for (const cookie of cookies) {
      if (cookie.expires <= now) this.#remove(cookie)
      else soonest = Math.min(soonest, cookie.expires)
    }
    return soonest
  }

  #drop(cookie: Kept | undefined): void {
    if (cookie !== undefined) this.#remove(cookie)
  }
}

const first = (cookies: Iterable<Kept>): Kept | undefined => {
  for (const cookie of cookies) return cookie
  return undefined
}
