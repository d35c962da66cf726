/** Options of the redirect policy, and their names. */
import type * as Duration from "effect/Duration"
import type * as OptionNames from "@countersign/protocol/OptionNames"

/**
 * Options of the redirect policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Maximum number of redirects to follow (5). The next one fails with `RedirectRejected`. */
  readonly limit?: number | undefined
  /** Redirects to another origin: `"follow"` without credentials (default), or `"reject"`. */
  readonly crossOrigin?: "follow" | "reject" | undefined
  /** Whether a 307 or 308 may send the request body to another origin (false). The body may contain secrets. */
  readonly crossOriginBody?: boolean | undefined
  /** Maximum `Retry-After` of a redirect (60 s, or that of the client's retry). A longer one fails with `RateLimited`. */
  readonly maxRetryAfter?: Duration.DurationInput | undefined
}

export const redirectNames: OptionNames.ShapeOf<Options> = {
  limit: "size",
  crossOrigin: true,
  crossOriginBody: true,
  maxRetryAfter: "duration"
}
