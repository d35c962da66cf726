/** Taking tokens of a rate limit: the options and the result. */
import type * as Duration from "effect/Duration"

/**
 * How tokens are counted.
 *
 * - `fixed-window`: `limit` tokens per window. A window starts with the first token after the previous window. An interval
 *   of a window's length that spans two windows may contain up to twice the limit.
 * - `sliding-window`: `limit` tokens in any interval of the window's length. Tokens return up to 1/64 of the window late.
 * - `token-bucket`: `limit` tokens at once, then refilled evenly, `limit` per window. An interval of a window's length may
 *   contain up to twice the limit.
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm = "fixed-window" | "sliding-window" | "token-bucket"

/**
 * Options of `consume`: the limit, and how many tokens to take.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConsumeOptions {
  /**
   * What is limited. Each key has a separate count. Callers with the same key must use the same limit, window and algorithm.
   */
  readonly key: string
  /** Tokens per window. */
  readonly limit: number
  /** Length of the window. */
  readonly window: Duration.DurationInput
  /** How tokens are counted (`fixed-window`). */
  readonly algorithm?: Algorithm | undefined
  /**
   * When there are too few tokens: `fail` (default), or `delay`, which takes future tokens and returns how long to wait for
   * them.
   */
  readonly onExceeded?: "delay" | "fail" | undefined
  /** How many tokens to take (1). */
  readonly tokens?: number | undefined
}

/**
 * Result of taking tokens.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConsumeResult {
  /** How long to wait before the tokens may be used: zero, unless `onExceeded` is `"delay"`. */
  readonly delay: Duration.Duration
  /** Tokens per window. */
  readonly limit: number
  /** Tokens that are left. */
  readonly remaining: number
  /** Time until all tokens are available again, if none is taken. */
  readonly resetAfter: Duration.Duration
}
