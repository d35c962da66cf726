/** Spans and metrics of the calls, exported with `@effect/opentelemetry`. */
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Telemetry from "@countersign/client/Telemetry"
import * as Timeline from "@countersign/client/Timeline"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import type { MetricReader } from "@opentelemetry/sdk-metrics"
import type { SpanProcessor } from "@opentelemetry/sdk-trace-base"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

// #region layer
export class Orders extends ApiClient.Tag("app/Orders")<Orders, TokenSourceError>() {}

export const OrdersLive = Orders.layer({
  baseUrl: "https://orders.test",
  auth: ClientCredentials.layerConfig({
    issuer: Config.string("ISSUER"),
    clientId: Config.string("CLIENT_ID"),
    clientSecret: Config.redacted("CLIENT_SECRET")
  }),
  metrics: Telemetry.metrics
}).pipe(Layer.provide(TokenStore.layerMemory))

export const telemetryLayer = (spanProcessor: SpanProcessor, metricReader: MetricReader) =>
  NodeSdk.layer(() => ({ resource: { serviceName: "shop" }, spanProcessor, metricReader }))
// #endregion

// #region events
const shown: ReadonlySet<Timeline.Event["_tag"]> = new Set([
  "TokenRequested",
  "TokenObtained",
  "CredentialsRefreshed",
  "RetryScheduled",
  "Throttled",
  "Queued"
])

/** Adds waits and token requests to the current span, as events. */
const withSpanEvents = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.orDie(Effect.currentSpan), (span) =>
    Timeline.observe((event) => {
      if (shown.has(event._tag)) span.event(Timeline.line(event), BigInt(event.at) * 1_000_000n)
    })(effect)
  )
// #endregion

const Order = Schema.Struct({ id: Schema.String, status: Schema.String })

// #region call
export const order = (id: string) =>
  Effect.gen(function* () {
    const orders = yield* Orders
    return yield* orders.get("/orders/{id}", { path: { id }, query: { fields: "status" }, schema: Order })
  }).pipe(withSpanEvents, Effect.withSpan("order"))
// #endregion
