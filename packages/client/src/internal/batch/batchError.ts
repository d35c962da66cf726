/** The error of a batch with an unusable checkpoint or invalid keys. */
import * as Data from "effect/Data"

/** See `Batch.BatchReason`. */
export type BatchReason = "Store" | "InvalidKey" | "DuplicateKey" | "Options"

/**
 * Batch failure: the checkpoint cannot be read or written, or the keys of the items are invalid. The outcome of a single call
 * is no error of the batch.
 *
 * @since 0.1.0
 * @category errors
 */
export class BatchError
  extends /* @__PURE__ */ Data.TaggedError("BatchError")<{
    /** Why the batch ended. */
    readonly reason: BatchReason
    /** The error of the store. */
    readonly cause?: unknown
    readonly message: string
  }>
{
  constructor(reason: BatchReason, detail: string, cause?: unknown) {
    super({ reason, message: `The batch ended: ${detail}`, ...(cause !== undefined && { cause }) })
  }
}
