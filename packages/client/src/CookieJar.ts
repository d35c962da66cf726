/**
 * Cookie jar ([RFC 6265](https://www.rfc-editor.org/rfc/rfc6265)): a service that stores the cookies of a session, in memory
 * or persistently.
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
import * as OptionNames from "./internal/options/optionNames.js"

export type { Service, PersistentOptions } from "./internal/cookies/service.js"

/**
 * The cookie jar of a client, given as the option `cookies`.
 *
 * @since 0.1.0
 * @category tags
 */
export class CookieJar extends /* @__PURE__ */ Context.Tag("@countersign/client/CookieJar")<CookieJar, Service>() {}

/**
 * Makes an empty cookie jar in memory.
 *
 * Enforced are domains, paths, expiry (by the Effect clock), public suffixes, and the prefixes `__Host-` and `__Secure-`:
 *
 * - Names without a dot (`localhost`) and all names below `local` and `internal` are public suffixes. No cookie is shared
 *   there by a `Domain` attribute.
 * - `Secure` cookies are accepted from, and sent to, https origins. As in browsers, also loopback hosts without TLS
 *   (`localhost`, 127.0.0.0/8, `[::1]`). A response without TLS does not overwrite a `Secure` cookie.
 * - The cookies of a host are sent to all its ports.
 * - `SameSite` has no effect, because no web page makes the requests.
 *
 * Size limits: 4096 octets for name and value, 1024 for an attribute, 8192 for a `Set-Cookie` field. A larger cookie is
 * ignored. A domain has at most 50 cookies, and the jar 3000. When it is full, expired cookies are removed first, then
 * cookies without `Secure`, then any others. Within each group the least recently used goes first.
 *
 * The parser and its list of public suffixes are loaded when the first jar is made.
 *
 * Specification: [RFC 6265 §5](https://www.rfc-editor.org/rfc/rfc6265#section-5). Prefixes, size limits and the protection
 * of `Secure` cookies follow
 * [draft-ietf-httpbis-rfc6265bis](https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc6265bis/).
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = /* @__PURE__ */ Effect.map(
  /* @__PURE__ */ Effect.promise(() => import("./internal/cookies/memoryJar.js")),
  ({ make }) => make()
)

/**
 * Layer with a cookie jar in memory. Each client that provides it gets a separate jar, and so a separate session.
 *
 * To share one session, provide the Layer once to both clients, or give both the same Layer value.
 *
 * @example
 * import * as CookieJar from "@countersign/client/CookieJar"
 * import * as Layer from "effect/Layer"
 *
 * // Effect builds a Layer value once: all clients that are given this one share its jar.
 * const SharedJar = Layer.effect(CookieJar.CookieJar, CookieJar.makeMemory)
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<CookieJar> = /* @__PURE__ */ Layer.fresh(
  // Effect builds a constant Layer once per application. Cookies of one account would then be sent for another.
  /* @__PURE__ */ Layer.effect(CookieJar, makeMemory)
)

/**
 * Default values of {@link PersistentOptions}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { key: "cookies", delay: "1 second", sessionCookies: true } as const

const names: OptionNames.ShapeOf<PersistentOptions> = { key: true, delay: "duration", sessionCookies: true }

/**
 * Makes a cookie jar that is loaded from a `KeyValueStore` and saved to it.
 *
 * The jar is saved in the background, `delay` after a change, and when the scope closes. Its rules are those of {@link
 * makeMemory}.
 *
 * - The record is JSON and contains the cookie values. Protect it like a password.
 * - A record that cannot be parsed causes a warning in the log and an empty jar. It is overwritten at the first cookie.
 * - Stored cookies that are no longer valid are dropped.
 * - A failed save causes a warning. It is tried again after the next change and when the scope closes.
 * - No warning contains a cookie.
 * - Of two jars with the same key, the last one to save wins. Use one key per session.
 *
 * Fails with the store's `PlatformError` when it cannot be read.
 *
 * @param options - the key, the delay, and whether session cookies are saved. See {@link PersistentOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const makePersistent = (
  options: PersistentOptions = {}
): Effect.Effect<Service, PlatformError.PlatformError, KeyValueStore.KeyValueStore | Scope.Scope> =>
  Effect.suspend(() => {
    const {
      delay = defaults.delay,
      key = defaults.key,
      sessionCookies = defaults.sessionCookies
    } = OptionNames.known("CookieJar", options, names)
    return Effect.flatMap(
      Effect.promise(() => import("./internal/cookies/persistentJar.js")),
      ({ make }) => make({ delay, key, sessionCookies })
    )
  })

/**
 * Layer with a cookie jar that is saved to a `KeyValueStore`.
 *
 * `KeyValueStore.layerFileSystem` writes files that every user with access to their directory can read. Give it a directory
 * with mode 0700.
 *
 * @param options - the key, the delay, and whether session cookies are saved. See {@link PersistentOptions}.
 * @since 0.1.0
 * @category layers
 */
export const layerPersistent = (
  options: PersistentOptions = {}
): Layer.Layer<CookieJar, PlatformError.PlatformError, KeyValueStore.KeyValueStore> =>
  Layer.scoped(CookieJar, makePersistent(options))
