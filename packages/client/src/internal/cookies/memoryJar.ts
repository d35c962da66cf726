import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { StoredCookie } from "./cookieStore.js"
import { CookieStore } from "./cookieStore.js"
import type { CookieOrigin } from "./parseSetCookie.js"
import { pathMatches, parseSetCookie, cookieOriginOf } from "./parseSetCookie.js"
import { SecureOverlay } from "./secureOverlay.js"
import type { Service } from "./service.js"

/** RFC 6265 §5.4: longer paths first, and of those that are as long who came first. */
const compareForHeader = (one: StoredCookie, other: StoredCookie): number =>
  other.path.length - one.path.length || one.created - other.created

const isSentTo = (cookie: StoredCookie, { host, path, secure }: CookieOrigin): boolean =>
  (!cookie.hostOnly || cookie.domain === host) && (!cookie.secure || secure) && pathMatches(path, cookie.path)

/** A host and what it lies below. Which of them may have cookies was judged when those came. */
const domainsOf = (host: string): ReadonlyArray<string> => {
  const domains = [host]
  for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) domains.push(host.slice(dot + 1))
  return domains
}

/** The field that a saved cookie could have come as, so that what holds for those holds for it. */
const toSetCookie = ({ domain, hostOnly, httpOnly, name, path, secure, value }: StoredCookie): string =>
  [
    `${name}=${value}`,
    `Path=${path}`,
    ...(hostOnly ? [] : [`Domain=${domain}`]),
    ...(secure ? ["Secure"] : []),
    ...(httpOnly ? ["HttpOnly"] : [])
  ].join("; ")

/** Whether the rules allow it, and read nothing else than it. */
const survivesRoundTrip = (stored: StoredCookie): boolean => {
  const origin = cookieOriginOf(`https://${stored.domain}/`)
  const cookie = origin === undefined ? undefined : parseSetCookie(toSetCookie(stored), origin, 0)
  return (
    cookie?.name === stored.name &&
    cookie.value === stored.value &&
    cookie.domain === stored.domain &&
    cookie.hostOnly === stored.hostOnly &&
    cookie.path === stored.path
  )
}

/** The rules of tough-cookie over a shelf of our own. */
export class Jar {
  readonly #store = new CookieStore()

  get isEmpty(): boolean {
    return this.#store.size === 0
  }

  /** The `Cookie` field for a URL. */
  cookiesFor(url: string, now: number): string {
    const origin = cookieOriginOf(url)
    if (origin === undefined) return ""
    const found: Array<StoredCookie> = []
    for (const domain of domainsOf(origin.host)) {
      for (const cookie of this.#store.ofDomain(domain, now)) if (isSentTo(cookie, origin)) found.push(cookie)
    }
    this.#store.markUsed(found)
    return found
      .sort(compareForHeader)
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ")
  }

  /** Takes the `Set-Cookie` fields of an answer; tells whether anything changed. */
  store(url: string, setCookie: ReadonlyArray<string>, now: number): boolean {
    const origin = cookieOriginOf(url)
    let onChange = false
    if (origin === undefined) return onChange
    let overlay: SecureOverlay | undefined
    for (const header of setCookie) {
      const cookie = parseSetCookie(header, origin, now)
      if (cookie === undefined) continue
      // A response without TLS adds no Secure cookie: those that are there now are all.
      if (!origin.secure && (overlay ??= new SecureOverlay(this.#store.live(now), origin.host)).covers(cookie)) continue
      onChange = this.#store.set(cookie, now) || onChange
    }
    return onChange
  }

  /** All that are live, in the order of their use. */
  liveCookies(now: number): ReadonlyArray<StoredCookie> {
    return this.#store.live(now)
  }

  /** Takes what was saved, as far as the rules allow it. */
  load(saved: ReadonlyArray<StoredCookie>, now: number): void {
    const accepted = saved.filter((stored) => stored.expires > now && survivesRoundTrip(stored))
    // Put in the order that they came in, and then used in the order that they were used in.
    for (const cookie of [...accepted].sort((one, other) => one.created - other.created)) this.#store.set(cookie, now)
    this.#store.markUsed(accepted.flatMap((cookie) => this.#store.find(cookie) ?? []))
  }
}

const none = Effect.succeed("")

/**
 * A jar as a service.
 *
 * @param onChange - is told when there is something that was not there before.
 */
export const makeService = (jar: Jar, onChange: () => void): Service => ({
  // Most APIs set no cookie, and then the jar is not to cost anything.
  cookiesFor: (url) =>
    Effect.suspend(() => (jar.isEmpty ? none : Effect.map(Clock.currentTimeMillis, (now) => jar.cookiesFor(url, now)))),
  store: (url, setCookie) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      if (jar.store(url, setCookie, now)) onChange()
    })
})

/** A jar over tough-cookie, as `CookieJar.makeMemory` describes it. */
export const make = (): Service => makeService(new Jar(), () => undefined)
