/**
 * Results of validating functions: a value, or the reason why the input is rejected.
 *
 * @since 0.1.0
 */

/**
 * A successful result.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ok<A> {
  readonly _tag: "Ok"
  /** The validated value. */
  readonly value: A
}

/**
 * A rejected input. `reason` is a literal that names the violated rule. It never contains the input, so it is safe to print.
 *
 * @since 0.1.0
 * @category models
 */
export interface Err<R extends string> {
  readonly _tag: "Err"
  /** The rule that the input violates. */
  readonly reason: R
}

/**
 * A value, or the reason why the input is rejected. `_tag` is `"Ok"` or `"Err"`.
 *
 * @since 0.1.0
 * @category models
 */
export type Result<A, R extends string> = Ok<A> | Err<R>

/**
 * Makes a successful result.
 *
 * @example
 * import * as Result from "@countersign/protocol/Result"
 *
 * const positive = (value: number): Result.Result<number, "NotPositive"> =>
 *   value > 0 ? Result.ok(value) : Result.err("NotPositive")
 *
 * @since 0.1.0
 * @category constructors
 */
export const ok = <A>(value: A): Ok<A> => ({ _tag: "Ok", value })

/**
 * Makes the result of a rejected input.
 *
 * @since 0.1.0
 * @category constructors
 */
export const err = <R extends string>(reason: R): Err<R> => ({ _tag: "Err", reason })
