/** What became of the items of a batch. */
import * as ApiError from "../../ApiError.js"

/** Fields of all outcomes. */
interface Item<out I> {
  /** The item. */
  readonly item: I
  /** Its key in the checkpoint, or its index as text. */
  readonly key: string
}

/** See `Batch.Succeeded`. */
export interface Succeeded<out I, out A> extends Item<I> {
  readonly _tag: "Succeeded"
  /** The result of the call. */
  readonly value: A
}

/** See `Batch.SucceededBefore`. */
export interface SucceededBefore<out I> extends Item<I> {
  readonly _tag: "SucceededBefore"
}

/** See `Batch.Failed`. */
export interface Failed<out I, out E> extends Item<I> {
  readonly _tag: "Failed"
  /** The error of the call. */
  readonly error: E
}

/** See `Batch.Unknown`. */
export interface Unknown<out I> extends Item<I> {
  readonly _tag: "Unknown"
}

/** See `Batch.NotStarted`. */
export interface NotStarted<out I> extends Item<I> {
  readonly _tag: "NotStarted"
}

/** See `Batch.Outcome`. */
export type Outcome<I, A, E> = Succeeded<I, A> | SucceededBefore<I> | Failed<I, E> | Unknown<I> | NotStarted<I>

/** Errors of a token source: nothing was sent. */
const unsent: ReadonlySet<unknown> = new Set(["TokenError", "TokenStoreError"])

const tagOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "_tag" in error ? error._tag : undefined

/** See `Batch.mayHaveActed`. */
export const mayHaveActed = (error: unknown): boolean => !unsent.has(tagOf(error)) && ApiError.mayHaveActed(error)

/** Errors that each further call would have too. */
const common: ReadonlySet<unknown> = new Set(["Unauthorized", "TokenError", "TokenStoreError"])

/** See `Batch.isCommon`. */
export const isCommon = (error: unknown): boolean => common.has(tagOf(error))

/** See `Batch.Groups`. */
export interface Groups<I, A, E> {
  readonly succeeded: ReadonlyArray<Succeeded<I, A>>
  readonly succeededBefore: ReadonlyArray<SucceededBefore<I>>
  readonly failed: ReadonlyArray<Failed<I, E>>
  readonly unknown: ReadonlyArray<Unknown<I>>
  readonly notStarted: ReadonlyArray<NotStarted<I>>
}

/** See `Batch.group`. */
export const group = <I, A, E>(outcomes: Iterable<Outcome<I, A, E>>): Groups<I, A, E> => {
  const succeeded: Array<Succeeded<I, A>> = []
  const succeededBefore: Array<SucceededBefore<I>> = []
  const failed: Array<Failed<I, E>> = []
  const unknown: Array<Unknown<I>> = []
  const notStarted: Array<NotStarted<I>> = []
  for (const outcome of outcomes) {
    if (outcome._tag === "Succeeded") succeeded.push(outcome)
    else if (outcome._tag === "SucceededBefore") succeededBefore.push(outcome)
    else if (outcome._tag === "Failed") failed.push(outcome)
    else if (outcome._tag === "Unknown") unknown.push(outcome)
    else notStarted.push(outcome)
  }
  return { succeeded, succeededBefore, failed, unknown, notStarted }
}
