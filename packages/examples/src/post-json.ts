/** JSON bodies: encoded, decoded, with typed errors, idempotency keys and big integers. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as JsonCodec from "@countersign/client/JsonCodec"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region client
export const ApiLive = Api.layer({
  baseUrl: "https://api.example.com",
  auth: Auth.none,
  // Only for an API that supports idempotency keys: a POST is then retried like a GET.
  idempotencyKey: IdempotencyKey.make(),
  // Only for an API with integers beyond 2^53.
  json: JsonCodec.bigInt
})
// #endregion

// #region schemas
/** Like the application: a `Date` and a `bigint`. Like the API: a text and a number. */
const Order = Schema.Struct({ id: Schema.BigIntFromSelf, item: Schema.String, due: Schema.Date })
const NewOrder = Schema.Struct({ item: Schema.NonEmptyString, due: Schema.Date })

const Problem = Schema.Struct({ code: Schema.String, field: Schema.String })
// #endregion

// #region create
const create = (item: string) =>
  Effect.gen(function* () {
    const api = yield* Api
    const order = yield* api.post("/orders", {
      json: { item, due: new Date("2026-12-24T18:00:00Z") },
      jsonSchema: NewOrder,
      schema: Order,
      errorSchema: Problem
    })
    yield* Console.log(`order ${order.id} is due on ${order.due.toISOString().slice(0, 10)}`)
  }).pipe(
    Effect.catchTags({
      // `body` has the type of `errorSchema`. It is undefined if the body does not match.
      ClientError: ({ body, status }) => Console.log(`${status}: ${body?.code ?? "unknown"} of ${body?.field ?? "?"}`),
      // Nothing was sent.
      InvalidRequest: ({ message }) => Console.log(message)
    })
  )
// #endregion

// #region others
const change = Effect.gen(function* () {
  const api = yield* Api
  const path = { id: 9007199254740993n }
  yield* api.put("/orders/{id}", { path, json: { item: "pen", due: "2026-12-24" } })
  yield* api.patch("/orders/{id}", {
    path,
    json: { item: "pencil" },
    headers: { "content-type": "application/merge-patch+json" }
  })
  const deleted = yield* api.delete("/orders/{id}", { path })
  yield* Console.log(deleted.status)
})
// #endregion

export const program = Effect.all([create("pen"), create("pen"), create(""), change], { discard: true })
