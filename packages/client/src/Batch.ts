/**
 * Batches: a call for each of many items, with an outcome for each, progress, and a checkpoint to continue after a crash.
 *
 * The limits, retries and the throttle of the client apply to each call.
 *
 * @since 0.1.0
 */
import type { KeyValueStore } from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Batches from "./internal/batch/batch.js"
import type { BatchError } from "./internal/batch/batchError.js"
import type * as BatchErrors from "./internal/batch/batchError.js"
import * as Checkpoints from "./internal/batch/checkpoint.js"
import * as Outcomes from "./internal/batch/outcome.js"

/**
 * Outcome of an item: its call succeeded.
 *
 * @since 0.1.0
 * @category models
 */
export type Succeeded<I, A> = Outcomes.Succeeded<I, A>

/**
 * Outcome of an item: its call succeeded in an earlier run, and the checkpoint holds no result.
 *
 * @since 0.1.0
 * @category models
 */
export type SucceededBefore<I> = Outcomes.SucceededBefore<I>

/**
 * Outcome of an item: its call failed. A later run with the same checkpoint repeats it, if the server did not act.
 *
 * @since 0.1.0
 * @category models
 */
export type Failed<I, E> = Outcomes.Failed<I, E>

/**
 * Outcome of an item: its call was under way when an earlier run ended, or failed so that the server may have acted. It was not
 * repeated, because it could act twice.
 *
 * @since 0.1.0
 * @category models
 */
export type Unknown<I> = Outcomes.Unknown<I>

/**
 * Outcome of an item: the batch was stopped before its call.
 *
 * @since 0.1.0
 * @category models
 */
export type NotStarted<I> = Outcomes.NotStarted<I>

/**
 * Outcome of an item.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome<I, A, E> = Outcomes.Outcome<I, A, E>

/**
 * What a call gets beside its item.
 *
 * @since 0.1.0
 * @category models
 */
export type CallContext = Batches.CallContext

/**
 * Where the batch records how far it came. One process at a time may use the records of a name.
 *
 * A record is written before a call and after it, so the store should be fast. It is as durable as the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Checkpoint<in I, out A> {
  /** The store of the records: in memory, in files, or of your own. */
  readonly store: KeyValueStore
  /** Name of this batch in the store. A later run with the same name continues. */
  readonly name: string
  /** Identifies an item, also in later runs: an id of the item, not its index. Name and key have up to 200 characters. */
  readonly key: (item: I) => string
  /** Schema of the results, to store them. Without it a later run gives `SucceededBefore` without a result. */
  readonly schema?: (Schema.Schema.AnyNoContext & { readonly Type: A }) | undefined
}

/**
 * What became of a call that was under way when an earlier run ended: it succeeded, it is to be repeated, or unknown.
 *
 * @since 0.1.0
 * @category models
 */
export type Resolution = Batches.Resolution

/**
 * Progress of a batch, after each item.
 *
 * @since 0.1.0
 * @category models
 */
export type Progress<I, A, E> = Batches.Progress<I, A, E>

/**
 * Why a batch ended without outcomes.
 *
 * - `Store`: the checkpoint cannot be read or written. The calls that were under way were completed, and no other was started.
 * - `InvalidKey`, `DuplicateKey`: a key cannot be stored, or two items have the same one. No call was made.
 * - `Options`: an option is unknown or invalid. No call was made.
 *
 * @since 0.1.0
 * @category errors
 */
export type BatchReason = BatchErrors.BatchReason

export { BatchError } from "./internal/batch/batchError.js"

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: typeof Batches.defaults = Batches.defaults

/**
 * Options of a batch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<I, A, E, R2 = never> {
  /** Number of calls at a time (10). The limits of the client apply too. */
  readonly concurrency?: number | undefined
  /** Records how far the batch came, to continue after a crash. */
  readonly checkpoint?: Checkpoint<I, A> | undefined
  /**
   * Whether to repeat a call that was under way when an earlier run ended (`"never"`).
   *
   * - `"never"`: its outcome is `Unknown`, unless `resolve` says more.
   * - `"withKey"`: it is repeated. The call must send `idempotencyKey`, which is the same as before.
   * - `"always"`: it is repeated. The call must be idempotent, such as a GET, PUT or DELETE. Nothing is written before it.
   */
  readonly repeat?: "never" | "withKey" | "always" | undefined
  /** Finds out what became of a call that was under way, for example by a search at the server. */
  readonly resolve?: ((item: I, key: string) => Effect.Effect<Resolution, E, R2>) | undefined
  /** Whether the server may have acted although the call failed ({@link mayHaveActed}). If not, a later run repeats it. */
  readonly mayHaveActed?: ((error: E) => boolean) | undefined
  /** Whether an error stops the batch ({@link isCommon}). Calls that are under way are completed. */
  readonly stopWhen?: ((error: E) => boolean) | undefined
  /** Called after each item. */
  readonly onProgress?: ((progress: Progress<I, A, E>) => Effect.Effect<void>) | undefined
}

/**
 * Whether the server may have acted on a call that failed: `ApiError.mayHaveActed`, and no for an error of a token source. The
 * default of the option `mayHaveActed`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const mayHaveActed: (error: unknown) => boolean = Outcomes.mayHaveActed

/**
 * Whether each further call would fail with the same error: `Unauthorized`, `TokenError` or `TokenStoreError`. The default of the
 * option `stopWhen`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isCommon: (error: unknown) => boolean = Outcomes.isCommon

/**
 * Makes a call for each item, and returns the outcomes in the order of the items.
 *
 * An error of a call is the outcome of its item. The effect fails with {@link BatchError} only, if the checkpoint cannot be used.
 *
 * **After a crash**, or an interruption, run it again with the same checkpoint. Items that succeeded are not called again. A call
 * that was under way is repeated only as `repeat` says.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Batch from "@countersign/client/Batch"
 * import * as KeyValueStore from "@effect/platform/KeyValueStore"
 * import * as Effect from "effect/Effect"
 *
 * class Shop extends ApiClient.Tag("app/Shop")<Shop>() {}
 *
 * interface Order {
 *   readonly id: string
 *   readonly sum: number
 * }
 *
 * const send = (orders: ReadonlyArray<Order>) =>
 *   Effect.gen(function* () {
 *     const shop = yield* Shop
 *     const store = yield* KeyValueStore.KeyValueStore
 *     return yield* Batch.forEach(
 *       orders,
 *       (order, { idempotencyKey }) =>
 *         shop.post("/orders", { json: order, headers: { "idempotency-key": idempotencyKey } }),
 *       { repeat: "withKey", checkpoint: { store, name: "orders-2026", key: (order) => order.id } }
 *     )
 *   })
 *
 * @param items - the items. All of them are read first.
 * @param call - makes the call of an item.
 * @param options - see {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const forEach = <I, A, E, R, R2 = never>(
  items: Iterable<I>,
  call: (item: I, context: CallContext) => Effect.Effect<A, E, R>,
  options: Options<I, A, E, R2> = {}
): Effect.Effect<ReadonlyArray<Outcome<I, A, E>>, BatchError, R | R2> => Batches.forEach(items, call, options)

/**
 * Removes the records of items, so that a later run calls them again. Fails with {@link BatchError}, reason `Store`.
 *
 * @param checkpoint - store and name of the batch.
 * @param keys - the keys of the items.
 * @since 0.1.0
 * @category checkpoints
 */
export const forget = (
  checkpoint: Pick<Checkpoint<never, never>, "store" | "name">,
  keys: Iterable<string>
): Effect.Effect<void, BatchError> =>
  Effect.forEach(keys, (key) => Checkpoints.forget(checkpoint, key), { discard: true })

/**
 * The outcomes of a batch by their tag.
 *
 * @since 0.1.0
 * @category models
 */
export type Groups<I, A, E> = Outcomes.Groups<I, A, E>

/**
 * Groups outcomes by their tag, in their order.
 *
 * @since 0.1.0
 * @category getters
 */
export const group = <I, A, E>(outcomes: Iterable<Outcome<I, A, E>>): Groups<I, A, E> => Outcomes.group(outcomes)
