/** The service and the options of cookie jars. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"

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
 * How a jar is saved.
 *
 * @since 0.1.0
 * @category models
 */
export interface PersistentOptions {
  /** The key that the jar is saved under (`"cookies"`); no secret, since warnings name it. */
  readonly key?: string | undefined
  /** How long changes are gathered before they are saved (1 s). With `Duration.infinity` it is done at the end only. */
  readonly delay?: Duration.DurationInput | undefined
  /**
   * Whether cookies without an expiry are saved too (true). To a browser they end with the window; to an API they are the
   * session that is to outlive the process.
   */
  readonly sessionCookies?: boolean | undefined
}
