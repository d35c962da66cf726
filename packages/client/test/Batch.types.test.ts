/** Types of batches: outcomes, errors, requirements and options. */
import type { KeyValueStore } from "@effect/platform/KeyValueStore"
import type { ApiClient } from "@countersign/client/ApiClient"
import * as Batch from "@countersign/client/Batch"
import type * as Errors from "@countersign/client/Errors"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expectTypeOf, it } from "vitest"

interface Order {
  readonly id: string
}

const Receipt = Schema.Struct({ at: Schema.Date })
type Receipt = typeof Receipt.Type

class Search extends Context.Tag("test/Search")<Search, { readonly find: Effect.Effect<boolean> }>() {}

declare const orders: ReadonlyArray<Order>
declare const store: KeyValueStore

type Failure = Errors.ApiError | Errors.InvalidResponse

describe("Batch types", () => {
  it("infer outcomes, errors and services", () => {
    const _batches = (api: ApiClient) => ({
      plain: Batch.forEach(orders, ({ id }) => api.post(`/orders/${id}`, { schema: Receipt })),
      stored: Batch.forEach(orders, ({ id }) => api.post(`/orders/${id}`, { schema: Receipt }), {
        checkpoint: { store, name: "x", key: ({ id }) => id, schema: Receipt },
        stopWhen: (error) => error._tag === "Forbidden"
      }),
      resolving: Batch.forEach(orders, ({ id }) => api.post(`/orders/${id}`, { schema: Receipt }), {
        resolve: () =>
          Effect.flatMap(Search, ({ find }) => Effect.map(find, (found) => (found ? "succeeded" : "repeat")))
      })
    })
    type Batches = ReturnType<typeof _batches>
    type Outcomes = ReadonlyArray<Batch.Outcome<Order, Receipt, Failure>>
    expectTypeOf<Batches["plain"]>().toEqualTypeOf<Effect.Effect<Outcomes, Batch.BatchError>>()
    expectTypeOf<Batches["stored"]>().toEqualTypeOf<Effect.Effect<Outcomes, Batch.BatchError>>()
    expectTypeOf<Batches["resolving"]>().toEqualTypeOf<Effect.Effect<Outcomes, Batch.BatchError, Search>>()
  })

  it("reject misspelt and wrong options", () => {
    const _wrong = (api: ApiClient) => [
      // @ts-expect-error A misspelt option.
      Batch.forEach(orders, () => api.get("/x"), { concurency: 2 }),
      // @ts-expect-error A checkpoint needs the key of an item.
      Batch.forEach(orders, () => api.get("/x"), { checkpoint: { store, name: "x" } }),
      Batch.forEach(orders, () => api.get("/x"), {
        // @ts-expect-error The schema is of another type than the results.
        checkpoint: { store, name: "x", key: ({ id }) => id, schema: Receipt }
      }),
      // @ts-expect-error Another word.
      Batch.forEach(orders, () => api.get("/x"), { repeat: "sometimes" })
    ]
    expectTypeOf(_wrong).toBeFunction()
  })
})
