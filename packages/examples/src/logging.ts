/** Log lines, the timeline, metrics and spans of the calls of an application. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as ApiLog from "@countersign/client/ApiLog"
import * as Auth from "@countersign/client/Auth"
import * as Telemetry from "@countersign/client/Telemetry"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

// #region client
export class Orders extends ApiClient.Tag("app/Orders")<Orders>() {}

export const OrdersLive = Orders.layer({
  baseUrl: "https://orders.example.com",
  auth: Auth.none,
  showQuery: ["page", "status"],
  metrics: Telemetry.metrics
})
// #endregion

// #region log
const LoggingLive = Layer.merge(
  ApiLog.layer({ headers: ["x-request-id"] }),
  // Effect logs from `Info` on, and successful calls have the level `Debug`.
  Logger.minimumLogLevel(LogLevel.Debug)
)

export const program = Effect.gen(function* () {
  const orders = yield* Orders
  yield* orders.get("/orders", { query: { status: "open", page: 2, customer: "c-17" } })
  yield* Effect.either(orders.get("/orders/43"))
}).pipe(Effect.provide(LoggingLive))
// #endregion

// #region events
export const waits: Array<string> = []

/** Collects the waits of all clients. */
export const WaitsLive = Timeline.layer((event) => {
  if (event._tag === "RetryScheduled") waits.push(`${event.api} ${Timeline.line(event)}`)
})
// #endregion

// #region span
/** Its spans have the name `GET /orders/{id}`, whatever the id is. */
export const order = (id: string) =>
  Effect.gen(function* () {
    const orders = yield* Orders
    return yield* orders.get("/orders/{id}", { path: { id } })
  })
// #endregion
