/** What a cache knows about the client of a call. */
import type * as Scope from "effect/Scope"
import type * as Auth from "../../Auth.js"
import type * as CookieJar from "../../CookieJar.js"

/**
 * The parts of a client that select the responses it may use.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheClient {
  /** The scheme of the call. */
  readonly auth: Auth.Service<unknown>
  /** The scheme of the client. A call or `api.with` may have another one. */
  readonly ownAuth: Auth.Service<unknown>
  /** The cookie jar of the call. */
  readonly jar?: CookieJar.Service | undefined
  /** Validations in the background are interrupted when it closes. Without it, they end by themselves within 30 seconds. */
  readonly scope?: Scope.Scope | undefined
  /** Whether the client reads bodies whole. Responses that are streamed are neither stored nor served. */
  readonly readsBodies: boolean
  readonly settings: {
    /** Largest body of the call, in bytes (10 MiB). */
    readonly maxBodySize?: number | undefined
  }
}
