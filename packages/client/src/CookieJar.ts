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

/** RFC 6265 §6.1 asks for at least this much; more is somebody filling memory. */
const largestCookie = 4096

/**
 * An empty jar that lives as long as the process. Domains, paths, `Secure`, expiry, public suffixes and the name
 * prefixes are held to, with the time of the Effect clock. A cookie of more than 4096 characters is dropped.
 *
 * Specification: [RFC 6265 §5](https://www.rfc-editor.org/rfc/rfc6265#section-5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.sync(() => {
  const jar = new Tough.CookieJar(undefined, { rejectPublicSuffixes: true, prefixSecurity: "strict" })

  const cookiesFor = (url: string) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      // The library looks at the system's clock; expiry is judged here so that a test's clock decides.
      const live = attempt<ReadonlyArray<Tough.Cookie>>(() => jar.getCookiesSync(url, { expire: false }), []).filter(
        (cookie) => (cookie.expiryTime() ?? Number.POSITIVE_INFINITY) > now
      )
      return live.map((cookie) => cookie.cookieString()).join("; ")
    })

  const store = (url: string, setCookie: ReadonlyArray<string>) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      for (const line of setCookie) {
        if (line.length > largestCookie) continue
        attempt(() => jar.setCookieSync(line, url, { ignoreError: true, now: new Date(now) }), undefined)
      }
    })

  return { cookiesFor, store }
})

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
