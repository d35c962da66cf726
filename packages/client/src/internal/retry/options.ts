/** Options of the retry policy, and their names. */
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import type * as OptionNames from "@countersign/protocol/OptionNames"
import type * as RetryBudget from "../../RetryBudget.js"
import type { Failure } from "./eligibility.js"

/**
 * A retry schedule: each recurrence is one more attempt, after its delay. Its input is the failure of the last attempt.
 *
 * @since 0.1.0
 * @category models
 */
export type RetrySchedule = Schedule.Schedule<unknown, Failure>

/**
 * Options of the retry policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Number of retries and their delays ({@link backoff}). `Retry-After` is honored with every schedule. */
  readonly schedule?: RetrySchedule | undefined
  /**
   * Statuses to retry (408, 425, 429, 500, 502, 503, 504, 520 to 524, 529). `Retry-After` is honored for each of them. A 401
   * of an API with credentials is handled by the authentication scheme and is not retried.
   */
  readonly statuses?: ReadonlyArray<number> | undefined
  /** Maximum `Retry-After` (60 s). A longer one fails with `RateLimited` at once. */
  readonly maxRetryAfter?: Duration.DurationInput | undefined
  /**
   * Retry budget of each origin. The default is a new {@link RetryBudget.make} for this policy. Clients that get the same
   * value share it. With `false` only the schedule limits the attempts.
   */
  readonly budget?: RetryBudget.RetryBudget | false | undefined
  /** Header field, in lower case, that makes a request retryable whatever its method (`idempotency-key`). */
  readonly idempotencyKeyHeader?: string | undefined
}

export const retryNames: OptionNames.ShapeOf<Options> = {
  schedule: true,
  statuses: true,
  maxRetryAfter: "duration",
  budget: true,
  idempotencyKeyHeader: true
}
