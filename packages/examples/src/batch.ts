/** A batch: many calls with an outcome for each, progress, and a checkpoint. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Batch from "@countersign/client/Batch"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com/v1", auth: Auth.none })

// #region outcomes
const ids = ["a", "b", "c"]
const User = Schema.Struct({ name: Schema.String })

export const names = Effect.gen(function* () {
  const api = yield* Api
  const outcomes = yield* Batch.forEach(ids, (id) => api.get("/users/{id}", { path: { id }, schema: User }), {
    concurrency: 5
  })
  const { failed, succeeded } = Batch.group(outcomes)
  for (const { item, value } of succeeded) yield* Console.log(`${item}: ${value.name}`)
  for (const { error, item } of failed) yield* Console.log(`${item}: ${error.message}`)
})
// #endregion

// #region checkpoint
interface Order {
  readonly id: string
  readonly sum: number
}

/** Run again after a crash, it continues: no order is sent twice. */
export const sendOrders = (orders: ReadonlyArray<Order>) =>
  Effect.gen(function* () {
    const api = yield* Api
    const store = yield* KeyValueStore.KeyValueStore
    const outcomes = yield* Batch.forEach(
      orders,
      (order, { idempotencyKey }) =>
        api.post("/orders", { json: order, headers: { "idempotency-key": idempotencyKey } }),
      {
        repeat: "withKey",
        checkpoint: { store, name: "orders-2026", key: (order) => order.id },
        onProgress: ({ done, total }) => Console.log(`${done} of ${total}`)
      }
    )
    return Batch.group(outcomes)
  })
// #endregion

// #region resolve
const Found = Schema.Struct({ total: Schema.Number })

/** For an API without idempotency keys: looks for a payment before it is sent again. */
export const sendPayments = (payments: ReadonlyArray<Order>) =>
  Effect.gen(function* () {
    const api = yield* Api
    const store = yield* KeyValueStore.KeyValueStore
    return yield* Batch.forEach(payments, (payment) => api.post("/payments", { json: payment }), {
      checkpoint: { store, name: "payments-2026", key: (payment) => payment.id },
      resolve: ({ id }) =>
        Effect.map(api.get("/payments", { query: { reference: id }, schema: Found }), ({ total }) =>
          total > 0 ? "succeeded" : "repeat"
        )
    })
  })
// #endregion

export const program = Effect.gen(function* () {
  yield* names
  const orders = [
    { id: "order-1", sum: 10 },
    { id: "order-2", sum: 20 }
  ]
  const first = yield* sendOrders(orders)
  yield* Console.log(`${first.succeeded.length} sent, ${first.failed.length} failed`)
  const second = yield* sendOrders(orders)
  yield* Console.log(`${second.succeeded.length} sent, ${second.succeededBefore.length} before`)
  const payments = yield* sendPayments(orders)
  yield* Console.log(payments.map(({ _tag, key }) => `${key} ${_tag}`).join(", "))
}).pipe(Effect.provide(KeyValueStore.layerMemory))
