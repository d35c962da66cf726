/**
 * What a function of this package answers when its input can be refused: a value, or the reason why there is none.
 *
 * @since 0.1.0
 */

/**
 * The value that was asked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ok<A> {
  readonly _tag: "Ok"
  readonly value: A
}

/**
 * Why there is no value. `reason` is a literal: it names the rule that was broken and never repeats the input, so it may
 * be printed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Err<R extends string> {
  readonly _tag: "Err"
  readonly reason: R
}

/**
 * Either of the two, told apart by `_tag`.
 *
 * @since 0.1.0
 * @category models
 */
export type Result<A, R extends string> = Ok<A> | Err<R>

/**
 * Makes an {@link Ok}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ok = <A>(value: A): Ok<A> => ({ _tag: "Ok", value })

/**
 * Makes an {@link Err}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const err = <R extends string>(reason: R): Err<R> => ({ _tag: "Err", reason })
