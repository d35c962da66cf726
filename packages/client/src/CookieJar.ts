/**
 * Where cookies are kept between requests: a service, so that a session can be shared, kept or thrown away.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Tough from "tough-cookie"

/**
 * A jar of cookies.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The `Cookie` field for a URL; empty when there is none to send. */
  readonly cookiesFor: (url: string) => Effect.Effect<string>
  /** Keeps the cookies of an answer's `Set-Cookie` fields. One that the rules refuse is dropped, without an error. */
  readonly store: (url: string, setCookie: ReadonlyArray<string>) => Effect.Effect<void>
}

/**
 * The jar of the clients that keep cookies.
 *
 * @since 0.1.0
 * @category tags
 */
export class CookieJar extends Context.Tag("@countersign/client/CookieJar")<CookieJar, Service>() {}

/** RFC 6265 §6.1 asks for at least this much, and for 50 cookies; more is somebody filling memory. */
const largestCookie = 4096
const mostCookies = 200

/**
 * An empty jar that lives as long as the process. Domains, paths, `Secure`, expiry, public suffixes and the name
 * prefixes are held to, with the time of the Effect clock. A cookie of more than 4096 characters is dropped, and so is
 * a new one for a host that has 200.
 *
 * Specification: [RFC 6265 §5](https://www.rfc-editor.org/rfc/rfc6265#section-5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.sync(() => {
  const kept = new Tough.MemoryCookieStore()
  const jar = new Tough.CookieJar(kept, { rejectPublicSuffixes: true, prefixSecurity: "strict" })

  const live = (url: string, now: number, allPaths: boolean): ReadonlyArray<Tough.Cookie> =>
    // The library looks at the system's clock; expiry is judged here so that a test's clock decides.
    attempt(() => jar.getCookiesSync(url, { expire: false, allPaths, sort: true }), []).filter((cookie) => {
      if ((cookie.expiryTime() ?? Number.POSITIVE_INFINITY) > now) return true
      kept.removeCookie(cookie.domain ?? "", cookie.path ?? "", cookie.key, () => undefined)
      return false
    })

  const cookiesFor = (url: string) =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      live(url, now, false)
        .map((cookie) => cookie.cookieString())
        .join("; ")
    )

  const put = (url: string, line: string, now: number): void => {
    const cookie = line.length > largestCookie ? undefined : Tough.Cookie.parse(line)
    if (cookie === undefined) return
    const present = live(url, now, true)
    if (present.length >= mostCookies && !present.some(({ key }) => key === cookie.key)) return
    attempt(() => jar.setCookieSync(withExpiry(cookie, now), url, { ignoreError: true, now: new Date(now) }), undefined)
  }

  const store = (url: string, setCookie: ReadonlyArray<string>) =>
    Effect.map(Clock.currentTimeMillis, (now) => setCookie.forEach((line) => put(url, line, now)))

  return { cookiesFor, store }
})

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

/**
 * {@link makeMemory} as a Layer: one session for everything that is given this Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<CookieJar> = Layer.effect(CookieJar, makeMemory)
