/**
 * Where cookies are kept between requests: a service, so that a session can be shared, kept or thrown away.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

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

/**
 * An empty jar that lives as long as the process. Domains, paths, `Secure`, expiry, public suffixes and the name
 * prefixes are held to, with the time of the Effect clock. A cookie of more than 4096 characters is dropped, and so is
 * a new one for a host that has 200. What judges cookies, with its list of public suffixes, is loaded when the first jar
 * is made: programs that keep none do not carry it.
 *
 * Specification: [RFC 6265 §5](https://www.rfc-editor.org/rfc/rfc6265#section-5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.map(
  Effect.promise(() => import("./internal/toughJar.js")),
  ({ make }) => make()
)

/**
 * {@link makeMemory} as a Layer: one session for everything that is given this Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<CookieJar> = Layer.effect(CookieJar, makeMemory)
