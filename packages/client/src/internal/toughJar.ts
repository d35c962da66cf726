import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Tough from "tough-cookie"
import type { Service } from "../CookieJar.js"

/** RFC 6265 §6.1 asks for at least this much, and for 50 cookies; more is somebody filling memory. */
const largestCookie = 4096
const mostCookies = 200

/** A jar over tough-cookie, as `CookieJar.makeMemory` describes it. */
export const make = (): Service => {
  const kept = new Tough.MemoryCookieStore()
  const jar = new Tough.CookieJar(kept, { rejectPublicSuffixes: true, prefixSecurity: "strict" })

  const live = (url: string, now: number, allPaths: boolean): ReadonlyArray<Tough.Cookie> =>
    // The library looks at the system's clock; expiry is judged here so that a test's clock decides.
    attempt(() => jar.getCookiesSync(url, { expire: false, allPaths, sort: true }), []).filter((cookie) => {
      if ((cookie.expiryTime() ?? Number.POSITIVE_INFINITY) > now) return true
      kept.removeCookie(cookie.domain ?? "", cookie.path ?? "", cookie.key, () => undefined)
      return false
    })

  // Most APIs set no cookie, and asking an empty jar costs more than all the rest of a request's way.
  let isEmpty = true
  const none = Effect.succeed("")
  const cookiesIn = (url: string) =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      live(url, now, false)
        .map((cookie) => cookie.cookieString())
        .join("; ")
    )
  const cookiesFor = (url: string) => Effect.suspend(() => (isEmpty ? none : cookiesIn(url)))

  const put = (url: string, line: string, now: number): void => {
    const cookie = line.length > largestCookie ? undefined : Tough.Cookie.parse(line)
    if (cookie === undefined) return
    const present = live(url, now, true)
    if (present.length >= mostCookies && !present.some(({ key }) => key === cookie.key)) return
    isEmpty = false
    attempt(() => jar.setCookieSync(withExpiry(cookie, now), url, { ignoreError: true, now: new Date(now) }), undefined)
  }

  const store = (url: string, setCookie: ReadonlyArray<string>) =>
    Effect.map(Clock.currentTimeMillis, (now) => setCookie.forEach((line) => put(url, line, now)))

  return { cookiesFor, store }
}

/** The last instant that a date can hold. */
const endOfTime = 8.64e15

/**
 * `Max-Age` as the instant that it means. The library counts it from the last access, by the system's clock: a cookie
 * that is used would never expire.
 */
const withExpiry = (cookie: Tough.Cookie, now: number): Tough.Cookie => {
  const { maxAge } = cookie
  if (typeof maxAge === "number") {
    cookie.expires = new Date(maxAge > 0 ? Math.min(now + maxAge * 1000, endOfTime) : 0)
    cookie.maxAge = null
  }
  return cookie
}

/** The library throws on URLs and cookies that it does not like; for a jar that means: no cookie. */
const attempt = <A>(f: () => A, otherwise: A): A => {
  try {
    return f()
  } catch {
    return otherwise
  }
}
