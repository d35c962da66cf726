/** Errors of a rate limiter. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"

/**
 * The limit has too few tokens, and none was taken.
 *
 * After `retryAfter` there are enough, unless another caller takes them. For a request of more tokens than the limit,
 * `retryAfter` is the whole window, and the request can never succeed.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitExceeded extends Data.TaggedError("RateLimiterError")<{
  readonly reason: "Exceeded"
  /** Time until there are enough tokens. */
  readonly retryAfter: Duration.Duration
  /** The key of the limit. */
  readonly key: string
  /** Tokens per window. */
  readonly limit: number
  /** Tokens that are left: too few for the request. */
  readonly remaining: number
  readonly message: string
}> {
  constructor(fields: Pick<RateLimitExceeded, "retryAfter" | "key" | "limit" | "remaining">) {
    const wait = Duration.format(fields.retryAfter)
    super({
      ...fields,
      reason: "Exceeded",
      message: `Rate limit exceeded: the limit is ${fields.limit} tokens per window. Try again in ${wait}.`
    })
  }
}

/**
 * The rate limit store could not be read or written. `detail` contains the cause.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitStoreError extends Data.TaggedError("RateLimiterError")<{
  readonly reason: "StoreError"
  /** What failed, such as the message of the storage. */
  readonly detail: string
  readonly message: string
}> {
  constructor(fields: Pick<RateLimitStoreError, "detail">) {
    super({ ...fields, reason: "StoreError", message: `The rate limit store failed: ${fields.detail}` })
  }
}
