/** Service and options of cookie jars. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"

/**
 * A cookie jar.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The `Cookie` field for a URL. Empty if there are no cookies to send. */
  readonly cookiesFor: (url: string) => Effect.Effect<string>
  /** Stores the cookies of a response's `Set-Cookie` fields. Cookies that the rules reject are ignored. */
  readonly store: (url: string, setCookie: ReadonlyArray<string>) => Effect.Effect<void>
}

/**
 * Options of a persistent jar.
 *
 * @since 0.1.0
 * @category models
 */
export interface PersistentOptions {
  /** The key that the jar is stored under (`"cookies"`). It must not be secret, because warnings contain it. */
  readonly key?: string | undefined
  /**
   * How long changes are collected before they are saved (1 s). With `Duration.infinity` the jar is saved only when its
   * scope closes.
   */
  readonly delay?: Duration.DurationInput | undefined
  /**
   * Whether session cookies, which have no expiry, are saved too (true). A browser removes them when it closes, but a
   * session with an API should survive a restart of the process.
   */
  readonly sessionCookies?: boolean | undefined
}
