/** Runs a call for each item, and records in the checkpoint how far it came. */
import * as OptionNames from "@countersign/protocol/OptionNames"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as IdempotencyKey from "../../IdempotencyKey.js"
import { BatchError } from "./batchError.js"
import type { Entry, Place } from "./checkpoint.js"
import * as Checkpoints from "./checkpoint.js"
import type { Outcome } from "./outcome.js"
import { isCommon, mayHaveActed } from "./outcome.js"

/** See `Batch.CallContext`. */
export interface CallContext {
  /** The same for each repetition of this item's call, if there is a checkpoint. */
  readonly idempotencyKey: string
  /** Index of the item, from 0. */
  readonly index: number
}

/** See `Batch.Checkpoint`. */
interface Checkpoint<in I, out A> extends Place {
  readonly key: (item: I) => string
  readonly schema?: (Schema.Schema.AnyNoContext & { readonly Type: A }) | undefined
}

/** See `Batch.Resolution`. */
export type Resolution = "succeeded" | "repeat" | "unknown"

/** See `Batch.Progress`. */
export interface Progress<I, A, E> {
  /** The outcome of the item that ended just now. */
  readonly outcome: Outcome<I, A, E>
  /** Number of items that have ended, with any outcome. */
  readonly done: number
  /** Number of items. */
  readonly total: number
  /** Number of items that failed, are unknown, or were not started. */
  readonly unsuccessful: number
}

/** See `Batch.Options`. */
export interface Options<I, A, E, R2> {
  readonly concurrency?: number | undefined
  readonly checkpoint?: Checkpoint<I, A> | undefined
  readonly repeat?: "never" | "withKey" | "always" | undefined
  readonly resolve?: ((item: I, key: string) => Effect.Effect<Resolution, E, R2>) | undefined
  readonly mayHaveActed?: ((error: E) => boolean) | undefined
  readonly stopWhen?: ((error: E) => boolean) | undefined
  readonly onProgress?: ((progress: Progress<I, A, E>) => Effect.Effect<void>) | undefined
}

/** The call of one item. */
export type Call<I, A, E, R> = (item: I, context: CallContext) => Effect.Effect<A, E, R>

const names: OptionNames.ShapeOf<Options<unknown, unknown, unknown, unknown>> = {
  concurrency: "count",
  checkpoint: { store: true, name: true, key: true, schema: true },
  repeat: true,
  resolve: true,
  mayHaveActed: true,
  stopWhen: true,
  onProgress: true
}

/** See `Batch.defaults`. */
export const defaults = {
  /** Number of calls at a time. */
  concurrency: 10,
  /** Whether a call that was under way when an earlier run ended is repeated. */
  repeat: "never"
} as const

/** A full disk may be mended. The value would be lost. */
const writeAgain = Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(5))

const problemOf = (items: ReadonlyArray<unknown>, options: Options<never, unknown, never, unknown>) => {
  const unknown = OptionNames.findUnknown(options, names)
  if (unknown !== undefined) return new BatchError("Options", OptionNames.explain("`Batch.forEach`", unknown))
  const wrong = OptionNames.findWrongValue(options, names)
  if (wrong !== undefined) return new BatchError("Options", OptionNames.explainWrongValue("`Batch.forEach`", wrong))
  return options.checkpoint === undefined ? undefined : keyProblem(items, options.checkpoint)
}

const keyProblem = (items: ReadonlyArray<unknown>, checkpoint: Checkpoint<never, unknown>): BatchError | undefined => {
  const seen = new Map<string, number>()
  for (const [index, item] of items.entries()) {
    // The items are those that the checkpoint was declared for.
    const key = checkpoint.key(item as never)
    const wrong = Checkpoints.wrongKey(checkpoint, key)
    if (wrong !== undefined) return new BatchError("InvalidKey", `the key of item ${index} ${wrong}`)
    const other = seen.get(key)
    const advice = "Return a text that identifies the item."
    if (other !== undefined)
      return new BatchError("DuplicateKey", `items ${other} and ${index} have one key. ${advice}`)
    seen.set(key, index)
  }
  return undefined
}

/** What to do with an item, from its record. */
type Plan =
  | { readonly _tag: "Call"; readonly idempotencyKey: string | undefined }
  | { readonly _tag: "Restore"; readonly value: unknown }
  | { readonly _tag: "Unclear" }

const planOf = (entry: Entry, repeat: "never" | "withKey" | "always"): Plan => {
  if (entry === undefined) return { _tag: "Call", idempotencyKey: undefined }
  if (entry !== "damaged" && entry.state === "done") return { _tag: "Restore", value: entry.value }
  if (repeat === "always") return { _tag: "Call", idempotencyKey: undefined }
  return repeat === "withKey" && entry !== "damaged"
    ? { _tag: "Call", idempotencyKey: entry.idempotencyKey }
    : { _tag: "Unclear" }
}

/** One run of a batch. */
class Run<I, A, E, R, R2> {
  readonly #call: Call<I, A, E, R>
  readonly #options: Options<I, A, E, R2>
  readonly #repeat: "never" | "withKey" | "always"
  readonly #total: number
  #done = 0
  #unsuccessful = 0
  #isStopped = false
  /** The first failure of the checkpoint. Calls that are under way are completed before the batch fails with it. */
  failure: BatchError | undefined

  constructor(total: number, call: Call<I, A, E, R>, options: Options<I, A, E, R2>) {
    this.#total = total
    this.#call = call
    this.#options = options
    this.#repeat = options.repeat ?? defaults.repeat
  }

  item(item: I, index: number): Effect.Effect<Outcome<I, A, E>, never, R | R2> {
    const key = this.#options.checkpoint?.key(item) ?? String(index)
    const ran = Effect.suspend(() =>
      this.#isStopped ? Effect.succeed(this.#notStarted(item, key)) : this.#run(item, key, index)
    )
    const outcome = Effect.catchAll(ran, (error) =>
      Effect.sync((): Outcome<I, A, E> => {
        this.failure ??= error
        this.#isStopped = true
        return this.#notStarted(item, key)
      })
    )
    return Effect.tap(outcome, (ended) => this.#report(ended))
  }

  #notStarted(item: I, key: string): Outcome<I, A, E> {
    return { _tag: "NotStarted", item, key }
  }

  #report(outcome: Outcome<I, A, E>): Effect.Effect<void> {
    this.#done++
    if (outcome._tag !== "Succeeded" && outcome._tag !== "SucceededBefore") this.#unsuccessful++
    const progress = { outcome, done: this.#done, total: this.#total, unsuccessful: this.#unsuccessful }
    return this.#options.onProgress?.(progress) ?? Effect.void
  }

  #run(item: I, key: string, index: number): Effect.Effect<Outcome<I, A, E>, BatchError, R | R2> {
    const { checkpoint } = this.#options
    if (checkpoint === undefined) {
      return Effect.flatMap(IdempotencyKey.uuid, (idempotencyKey) => this.#send(item, key, { idempotencyKey, index }))
    }
    return Effect.flatMap(Checkpoints.read(checkpoint, key), (entry) => {
      const plan = planOf(entry, this.#repeat)
      if (plan._tag === "Restore") return Effect.succeed(this.#restored(item, key, plan.value, checkpoint))
      if (plan._tag === "Unclear") return this.#resolve(item, key, index, checkpoint)
      return this.#record(item, key, index, checkpoint, plan.idempotencyKey)
    })
  }

  #restored(item: I, key: string, value: unknown, { schema }: Checkpoint<I, A>): Outcome<I, A, E> {
    if (schema === undefined) return { _tag: "SucceededBefore", item, key }
    return Either.match(Schema.decodeUnknownEither(schema)(value), {
      onLeft: (): Outcome<I, A, E> => ({ _tag: "SucceededBefore", item, key }),
      // The checkpoint declares the type of the schema.
      onRight: (restored): Outcome<I, A, E> => ({ _tag: "Succeeded", item, key, value: restored as A })
    })
  }

  /** Asks the caller what became of a call that was under way when an earlier run ended. */
  #resolve(item: I, key: string, index: number, checkpoint: Checkpoint<I, A>) {
    const { resolve = () => Effect.succeed("unknown" as const) } = this.#options
    return Effect.matchEffect(resolve(item, key), {
      onFailure: (error): Effect.Effect<Outcome<I, A, E>, BatchError, R> =>
        Effect.sync(() => this.#failed(item, key, error)),
      onSuccess: (found): Effect.Effect<Outcome<I, A, E>, BatchError, R> => {
        if (found === "repeat") return this.#record(item, key, index, checkpoint, undefined)
        if (found === "unknown") return Effect.succeed({ _tag: "Unknown", item, key })
        return Effect.as(Checkpoints.finish(checkpoint, key, undefined), { _tag: "SucceededBefore", item, key })
      }
    })
  }

  /** Calls, and records before it that the call begins, and after it how it ended. */
  #record(item: I, key: string, index: number, checkpoint: Checkpoint<I, A>, storedKey: string | undefined) {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(this, function* () {
        const idempotencyKey = storedKey ?? (yield* IdempotencyKey.uuid)
        if (this.#repeat !== "always") yield* Checkpoints.start(checkpoint, key, idempotencyKey)
        const outcome = yield* restore(this.#send(item, key, { idempotencyKey, index }))
        if (outcome._tag === "Succeeded") yield* this.#finish(checkpoint, key, outcome.value)
        if (outcome._tag === "Failed" && this.#isUnacted(outcome.error)) yield* Checkpoints.forget(checkpoint, key)
        return outcome
      })
    )
  }

  #finish(checkpoint: Checkpoint<I, A>, key: string, value: A): Effect.Effect<void, BatchError> {
    const { schema } = checkpoint
    // A value that the schema cannot encode is not stored. The call succeeded all the same.
    const encoded: unknown =
      schema === undefined ? undefined : Either.getOrUndefined(Schema.encodeEither(schema)(value))
    return Effect.retry(Checkpoints.finish(checkpoint, key, encoded), writeAgain)
  }

  #isUnacted(error: E): boolean {
    return this.#repeat !== "always" && !(this.#options.mayHaveActed ?? mayHaveActed)(error)
  }

  #send(item: I, key: string, context: CallContext): Effect.Effect<Outcome<I, A, E>, never, R> {
    return Effect.match(
      Effect.suspend(() => this.#call(item, context)),
      {
        onFailure: (error) => this.#failed(item, key, error),
        onSuccess: (value): Outcome<I, A, E> => ({ _tag: "Succeeded", item, key, value })
      }
    )
  }

  #failed(item: I, key: string, error: E): Outcome<I, A, E> {
    if ((this.#options.stopWhen ?? isCommon)(error)) this.#isStopped = true
    return { _tag: "Failed", item, key, error }
  }
}

/** See `Batch.forEach`. */
export const forEach = <I, A, E, R, R2>(
  items: Iterable<I>,
  call: Call<I, A, E, R>,
  options: Options<I, A, E, R2>
): Effect.Effect<ReadonlyArray<Outcome<I, A, E>>, BatchError, R | R2> =>
  Effect.suspend(() => {
    const list = Array.from(items)
    // Only names, numbers and keys are checked, which do not depend on the types.
    const problem = problemOf(list, options as unknown as Options<never, unknown, never, unknown>)
    if (problem !== undefined) return Effect.fail(problem)
    const run = new Run(list.length, call, options)
    const outcomes = Effect.forEach(list, (item, index) => run.item(item, index), {
      concurrency: options.concurrency ?? defaults.concurrency
    })
    return Effect.flatMap(outcomes, (all) =>
      run.failure === undefined ? Effect.succeed(all) : Effect.fail(run.failure)
    )
  })
