import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { markImmediate } from "../call/immediate.js"
import type { StoredCookie } from "./cookieStore.js"
import { CookieStore } from "./cookieStore.js"
import type { CookieOrigin } from "./parseSetCookie.js"
import { pathMatches, parseSetCookie, cookieOriginOf } from "./parseSetCookie.js"
import { SecureOverlay } from "./secureOverlay.js"
import type { Service } from "./service.js"

/** RFC 6265 §5.4: longer paths first, then earlier created cookies. */
const compareForHeader = (one: StoredCookie, other: StoredCookie): number =>
  other.path.length - one.path.length || one.created - other.created

const isSentTo = (cookie: StoredCookie, { host, path, secure }: CookieOrigin): boolean =>
  (!cookie.hostOnly || cookie.domain === host) && (!cookie.secure || secure) && pathMatches(path, cookie.path)

/** A host and its parent domains. Whether they may have cookies was checked when the cookies were set. */
const domainsOf = (host: string): ReadonlyArray<string> => {
  const domains = [host]
  for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) domains.push(host.slice(dot + 1))
  return domains
}

/** A `Set-Cookie` field for a saved cookie, so that the same rules apply to both. */
const toSetCookie = ({ domain, hostOnly, httpOnly, name, path, secure, value }: StoredCookie): string =>
  [
    `${name}=${value}`,
    `Path=${path}`,
    ...(hostOnly ? [] : [`Domain=${domain}`]),
    ...(secure ? ["Secure"] : []),
    ...(httpOnly ? ["HttpOnly"] : [])
  ].join("; ")

/** Whether the rules accept the cookie, and parse it unchanged. */
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

/** Parses cookies with tough-cookie and stores them in a {@link CookieStore}. */
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

  /** Stores the cookies of a response's `Set-Cookie` fields. Returns whether anything changed. */
  store(url: string, setCookie: ReadonlyArray<string>, now: number): boolean {
    const origin = cookieOriginOf(url)
    let changed = false
    if (origin === undefined) return changed
    let overlay: SecureOverlay | undefined
    for (const header of setCookie) {
      const cookie = parseSetCookie(header, origin, now)
      if (cookie === undefined) continue
      // A response without TLS adds no `Secure` cookie, so this overlay stays complete.
      if (!origin.secure && (overlay ??= new SecureOverlay(this.#store.live(now), origin.host)).covers(cookie)) continue
      changed = this.#store.set(cookie, now) || changed
    }
    return changed
  }

  /** All unexpired cookies, in order of use. */
  liveCookies(now: number): ReadonlyArray<StoredCookie> {
    return this.#store.live(now)
  }

  /** Loads saved cookies, except those that the rules reject. */
  load(saved: ReadonlyArray<StoredCookie>, now: number): void {
    const accepted = saved.filter((stored) => stored.expires > now && survivesRoundTrip(stored))
    // Set them in order of creation, then mark them in order of use.
    for (const cookie of [...accepted].sort((one, other) => one.created - other.created)) this.#store.set(cookie, now)
    this.#store.markUsed(accepted.flatMap((cookie) => this.#store.find(cookie) ?? []))
  }
}

const none = Effect.succeed("")

/**
 * Makes the service of a jar.
 *
 * @param onChange - called after each change of the jar.
 */
export const makeService = (jar: Jar, onChange: () => void): Service =>
  markImmediate({
    // Most APIs set no cookies, so an empty jar does nothing.
    cookiesFor: (url) =>
      Effect.suspend(() =>
        jar.isEmpty ? none : Effect.map(Clock.currentTimeMillis, (now) => jar.cookiesFor(url, now))
      ),
    store: (url, setCookie) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (jar.store(url, setCookie, now)) onChange()
      })
  })

/** Makes an in-memory jar. See `CookieJar.makeMemory`. */
export const make = (): Service => makeService(new Jar(), () => undefined)
