/** Streamed responses: events, lines and bytes. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as JsonLines from "@countersign/client/JsonLines"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: Auth.none })

// #region answer
const Delta = Schema.Struct({ text: Schema.String })
const Failure = Schema.Struct({ message: Schema.String })

const answer = (api: ApiClient.ApiClient, question: string) =>
  ServerEvents.stream(api, "/v1/answers", {
    method: "POST",
    json: { question },
    events: { delta: Delta },
    failOn: { error: Failure },
    until: "[DONE]"
  })

export const ask = (question: string) =>
  Effect.gen(function* () {
    const api = yield* Api
    yield* Stream.runForEach(answer(api, question), ({ data }) => Console.log(data.text))
    yield* Console.log("complete")
  }).pipe(
    Effect.catchTags({
      EventError: ({ data }) => Console.log(`the server failed: ${data.message}`),
      TransportError: ({ reason }) => Console.log(`incomplete: ${reason}`)
    })
  )
// #endregion

// #region feed
const Order = Schema.Struct({ order: Schema.Number })

/** Each event has an id, so that the stream continues where it broke. */
export const feed = Effect.gen(function* () {
  const api = yield* Api
  const orders = ServerEvents.stream(api, "/v1/orders/events", { schema: Order, idle: "2 minutes" })
  yield* Stream.runForEach(Stream.take(orders, 3), ({ data, id }) => Console.log(`${id}: order ${data.order}`))
})
// #endregion

// #region lines
export const exported = Effect.gen(function* () {
  const api = yield* Api
  const orders = JsonLines.stream(api, "/v1/orders/export", { schema: Order })
  yield* Stream.runForEach(orders, ({ order }) => Console.log(`order ${order}`))
})
// #endregion

// #region open
export const bytes = Effect.gen(function* () {
  const api = yield* Api
  const { headers, stream } = yield* api.open("/v1/files/{name}", { path: { name: "report.pdf" }, idle: "30 seconds" })
  const length = yield* Stream.runFold(stream, 0, (sum, chunk) => sum + chunk.length)
  yield* Console.log(`${headers["content-type"]}: ${length} bytes`)
}).pipe(Effect.scoped)
// #endregion

export const program = Effect.all([ask("Why?"), ask("When?"), ask("How?"), feed, exported, bytes], { discard: true })
