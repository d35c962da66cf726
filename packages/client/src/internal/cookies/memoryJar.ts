import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Kept } from "./cookieStore.js"
import { Shelf } from "./cookieStore.js"
import type { Where } from "./parseSetCookie.js"
import { pathMatches, read, whereOf } from "./parseSetCookie.js"
import { SecureOverlay } from "./secureOverlay.js"
import type { Service } from "./service.js"

/** RFC 6265 §5.4: longer paths first, and of those that are as long who came first. */
const inOrder = (one: Kept, other: Kept): number => other.path.length - one.path.length || one.created - other.created

const isFor = (cookie: Kept, { host, path, secure }: Where): boolean =>
  (!cookie.hostOnly || cookie.domain === host) && (!cookie.secure || secure) && pathMatches(path, cookie.path)

/** A host and what it lies below. Which of them may have cookies was judged when those came. */
const domainsOf = (host: string): ReadonlyArray<string> => {
  const domains = [host]
  for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) domains.push(host.slice(dot + 1))
  return domains
}

/** The field that a saved cookie could have come as, so that what holds for those holds for it. */
const lineOf = ({ domain, hostOnly, httpOnly, name, path, secure, value }: Kept): string =>
  [
    `${name}=${value}`,
    `Path=${path}`,
    ...(hostOnly ? [] : [`Domain=${domain}`]),
    ...(secure ? ["Secure"] : []),
    ...(httpOnly ? ["HttpOnly"] : [])
  ].join("; ")

/** Whether the rules allow it, and read nothing else than it. */
const readsAsItself = (kept: Kept): boolean => {
  const where = whereOf(`https://${kept.domain}/`)
  const cookie = where === undefined ? undefined : read(lineOf(kept), where, 0)
  return (
    cookie?.name === kept.name &&
    cookie.value === kept.value &&
    cookie.domain === kept.domain &&
    cookie.hostOnly === kept.hostOnly &&
    cookie.path === kept.path
  )
}

/** The rules of tough-cookie over a shelf of our own. */
export class Jar {
  readonly #shelf = new Shelf()

  get isEmpty(): boolean {
    return this.#shelf.size === 0
  }

  /** The `Cookie` field for a URL. */
  cookiesFor(url: string, now: number): string {
    const where = whereOf(url)
    if (where === undefined) return ""
    const found: Array<Kept> = []
    for (const domain of domainsOf(where.host)) {
      for (const cookie of this.#shelf.of(domain, now)) if (isFor(cookie, where)) found.push(cookie)
    }
    this.#shelf.touch(found)
    return found
      .sort(inOrder)
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ")
  }

  /** Takes the `Set-Cookie` fields of an answer; tells whether anything changed. */
  store(url: string, lines: ReadonlyArray<string>, now: number): boolean {
    const where = whereOf(url)
    let changed = false
    if (where === undefined) return changed
    let overlay: SecureOverlay | undefined
    for (const line of lines) {
      const cookie = read(line, where, now)
      if (cookie === undefined) continue
      // A response without TLS adds no Secure cookie: those that are there now are all.
      if (!where.secure && (overlay ??= new SecureOverlay(this.#shelf.live(now), where.host)).covers(cookie)) continue
      changed = this.#shelf.put(cookie, now) || changed
    }
    return changed
  }

  /** All that are live, in the order of their use. */
  saved(now: number): ReadonlyArray<Kept> {
    return this.#shelf.live(now)
  }

  /** Takes what was saved, as far as the rules allow it. */
  load(saved: ReadonlyArray<Kept>, now: number): void {
    const taken = saved.filter((kept) => kept.expires > now && readsAsItself(kept))
    // Put in the order that they came in, and then used in the order that they were used in.
    for (const cookie of [...taken].sort((one, other) => one.created - other.created)) this.#shelf.put(cookie, now)
    this.#shelf.touch(taken.flatMap((cookie) => this.#shelf.find(cookie) ?? []))
  }
}

const none = Effect.succeed("")

/**
 * A jar as a service.
 *
 * @param changed - is told when there is something that was not there before.
 */
export const serve = (jar: Jar, changed: () => void): Service => ({
  // Most APIs set no cookie, and then the jar is not to cost anything.
  cookiesFor: (url) =>
    Effect.suspend(() => (jar.isEmpty ? none : Effect.map(Clock.currentTimeMillis, (now) => jar.cookiesFor(url, now)))),
  store: (url, setCookie) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      if (jar.store(url, setCookie, now)) changed()
    })
})

/** A jar over tough-cookie, as `CookieJar.makeMemory` describes it. */
export const make = (): Service => serve(new Jar(), () => undefined)
