/** The checkpoint of a batch: one record for each item, written before its call and after it. */
import type { KeyValueStore } from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { boundBy } from "../call/externalCode.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import { BatchError } from "./batchError.js"

const Started = Schema.Struct({
  version: Schema.Literal(1),
  state: Schema.Literal("started"),
  idempotencyKey: Schema.NonEmptyString
})

const Done = Schema.Struct({
  version: Schema.Literal(1),
  state: Schema.Literal("done"),
  value: Schema.optionalWith(Schema.Unknown, { exact: true })
})

const Stored = Schema.parseJson(Schema.Union(Started, Done))

/** A record of the checkpoint. `damaged` is one that cannot be read: nothing says how far its call came. */
export type Entry = typeof Started.Type | typeof Done.Type | "damaged" | undefined

const encode = Schema.encodeSync(Stored)

const decode = Schema.decodeUnknownEither(Stored)

/** The names of files have at most 255 bytes. */
const maxName = 200

/** See `Batch.Checkpoint`, without the types of items and results. */
export interface Place {
  readonly store: KeyValueStore
  readonly name: string
}

const recordOf = ({ name }: Place, key: string): string => `${name}/${key}`

/** What is wrong with a key, or undefined. */
export const wrongKey = (place: Place, key: string): string | undefined => {
  if (typeof key !== "string" || key === "") return "is empty, or no text. Return a text that identifies the item."
  try {
    const { length } = encodeURIComponent(recordOf(place, key))
    return length <= maxName
      ? undefined
      : `has ${length} characters with the name of the batch. Up to ${maxName} are allowed.`
  } catch {
    return "contains half a surrogate pair. Return valid text."
  }
}

/** A store that does not answer must not hold the batch. */
const storeTimeoutMs = 15_000

const storeError = (action: "read" | "written", why: string, cause?: unknown): BatchError =>
  new BatchError(
    "Store",
    `the checkpoint cannot be ${action}${why}. Calls that were under way were completed. Check the store, and run the batch again.`,
    cause
  )

const bounded = <A>(
  action: "read" | "written",
  operation: () => Effect.Effect<A, unknown>
): Effect.Effect<A, BatchError> =>
  Effect.withFiberRuntime((fiber) =>
    boundBy(
      Effect.mapError(Effect.suspend(operation), (cause) => storeError(action, "", cause)),
      unsafeMonotonicNow(fiber) + storeTimeoutMs,
      Effect.suspend(() => Effect.fail(storeError(action, `: no answer within ${storeTimeoutMs / 1000} s`)))
    )
  )

/** Reads the record of an item. */
export const read = (place: Place, key: string): Effect.Effect<Entry, BatchError> =>
  Effect.map(
    bounded("read", () => place.store.get(recordOf(place, key))),
    Option.match({
      onNone: () => undefined,
      onSome: (text) => Either.getOrElse(decode(text), () => "damaged" as const)
    })
  )

const write = (place: Place, key: string, entry: Exclude<Entry, "damaged" | undefined>) =>
  bounded("written", () => place.store.set(recordOf(place, key), encode(entry)))

/** Records that the call of an item begins. */
export const start = (place: Place, key: string, idempotencyKey: string): Effect.Effect<void, BatchError> =>
  write(place, key, { version: 1, state: "started", idempotencyKey })

/** Records that the call of an item succeeded, with its encoded result. */
export const finish = (place: Place, key: string, value: unknown): Effect.Effect<void, BatchError> =>
  write(place, key, { version: 1, state: "done", ...(value !== undefined && { value }) })

/** Removes the record of an item, so that a later run calls again. */
export const forget = (place: Place, key: string): Effect.Effect<void, BatchError> =>
  bounded("written", () => place.store.remove(recordOf(place, key)))
