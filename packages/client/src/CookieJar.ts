/**
 * Where cookies are kept between requests: a service, so that a session can be shared, kept or thrown away.
 *
 * @since 0.1.0
 */
import type * as PlatformError from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Service, PersistentOptions } from "./internal/cookies/service.js"

export type { Service, PersistentOptions } from "./internal/cookies/service.js"

/**
 * The jar of the clients that keep cookies.
 *
 * @since 0.1.0
 * @category tags
 */
export class CookieJar extends /* @__PURE__ */ Context.Tag("@countersign/client/CookieJar")<CookieJar, Service>() {}

/**
 * An empty jar that lives as long as the process.
 *
 * Domains, paths, expiry, public suffixes and the prefixes `__Host-` and `__Secure-` are enforced, with the time of the
 * Effect clock. Names without a dot (`localhost`) and all names below `local` and `internal` count as public suffixes: no
 * cookie is shared there by a `Domain`. `Secure` cookies are stored from and sent to https, and loopback hosts (`localhost`,
 * 127.0.0.0/8, `[::1]`) without TLS, as browsers do. A response without TLS does not overlay a `Secure` cookie. The port does
 * not tell cookies apart: those of a host are sent to all its ports. `SameSite` has no effect, since no page makes the
 * requests.
 *
 * A cookie of more than 4096 octets (name and value), an attribute of more than 1024 and a field of more than 8192 are
 * passed over. A domain has at most 50 cookies and the jar 3000; who is too many takes the place of one that has expired,
 * else of the one without `Secure`, else of any one, that was not used for longest.
 *
 * What judges cookies, with its list of public suffixes, is loaded when the first jar is made: programs that keep none
 * do not carry it.
 *
 * Specification: [RFC 6265 §5](https://www.rfc-editor.org/rfc/rfc6265#section-5), and of its successor,
 * [draft-ietf-httpbis-rfc6265bis](https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc6265bis/), the prefixes, the
 * lengths and what protects `Secure` cookies.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = /* @__PURE__ */ Effect.map(
  /* @__PURE__ */ Effect.promise(() => import("./internal/cookies/memoryJar.js")),
  ({ make }) => make()
)

/**
 * Layer with a jar in memory. Each place that it is provided in gets a jar of its own, so that two clients, each with
 * its own `Layer.provide(CookieJar.layerMemory)`, are two sessions.
 *
 * To share one session, provide the Layer once to both clients, or give both one Layer value of your own.
 *
 * @example
 * import * as CookieJar from "@countersign/client/CookieJar"
 * import * as Layer from "effect/Layer"
 *
 * // Effect builds a Layer value once: everything that is given this one shares its jar.
 * const SharedJar = Layer.effect(CookieJar.CookieJar, CookieJar.makeMemory)
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<CookieJar> = /* @__PURE__ */ Layer.fresh(
  // A constant Layer is built once for a whole application: the cookies of one account would be sent for another.
  /* @__PURE__ */ Layer.effect(CookieJar, makeMemory)
)

/**
 * What {@link PersistentOptions} are when they are left out.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { key: "cookies", delay: "1 second", sessionCookies: true } as const

/**
 * A jar like {@link makeMemory}'s that begins with what the store holds, and is saved to it: some time after a change,
 * beside the requests, and in any case when the scope closes.
 *
 * What is saved is JSON with the values in it, as secret as a password. Content that is no saved jar is a warning in the
 * log and an empty jar, and stays where it is until the first cookie comes; from a jar whose cookies are no more allowed,
 * those are dropped. A save that fails is a warning too, and is tried again with the next change and at the end. Nothing
 * of this prints a cookie. Of two jars under one key the last to save wins: two sessions over one store need a key each.
 *
 * Fails with the store's `PlatformError` when it cannot be read.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePersistent = ({
  delay = defaults.delay,
  key = defaults.key,
  sessionCookies = defaults.sessionCookies
}: PersistentOptions = {}): Effect.Effect<
  Service,
  PlatformError.PlatformError,
  KeyValueStore.KeyValueStore | Scope.Scope
> =>
  Effect.flatMap(
    Effect.promise(() => import("./internal/cookies/persistentJar.js")),
    ({ make }) => make({ delay, key, sessionCookies })
  )

/**
 * {@link makePersistent} as a Layer over a `KeyValueStore`, such as `KeyValueStore.layerFileSystem`, which writes files that
 * everybody may read who may enter their folder: give it one that is yours alone (mode 0700).
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPersistent = (
  options: PersistentOptions = {}
): Layer.Layer<CookieJar, PlatformError.PlatformError, KeyValueStore.KeyValueStore> =>
  Layer.scoped(CookieJar, makePersistent(options))
