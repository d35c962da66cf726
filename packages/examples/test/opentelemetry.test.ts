/** Spans and metrics of the calls, as an exporter of OpenTelemetry gets them. */
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import { describe, expect, it } from "@effect/vitest"
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import * as Example from "../src/opentelemetry.js"
import * as OrdersApi from "./support/ordersApi.js"
import { config, expectShown } from "./support/shownOutput.js"

const { respond } = MockClient
const good = respond(200, { id: "42", status: "open" })

/** Runs one call, then another one a minute later, and returns the exported spans of the second one, and all metrics. */
const run = (script: ReadonlyArray<MockClient.Step>) =>
  Effect.gen(function* () {
    const exporter = new InMemorySpanExporter()
    const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter: metricExporter })
    const calls = Effect.gen(function* () {
      yield* Example.order("41")
      // A token that is rejected within five seconds may not be known to the API yet.
      yield* TestClock.adjust("1 minute")
      exporter.reset()
      const fiber = yield* Effect.fork(Effect.exit(Example.order("42")))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      yield* Effect.promise(() => reader.forceFlush())
      const spans = exporter.getFinishedSpans()
      const metrics = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
      return { spans, metrics: metrics.flatMap((scope) => scope.metrics) }
    })
    const { metrics, spans } = yield* Effect.provide(
      calls,
      Example.telemetryLayer(new SimpleSpanProcessor(exporter), reader)
    )
    const { sent } = yield* MockClient.MockClient
    const { requests } = yield* OAuthServer.OAuthServer
    return { spans, metrics, sent: yield* sent, tokenRequests: yield* requests }
  }).pipe(
    Effect.provide(Layer.provideMerge(Example.OrdersLive, OrdersApi.layer({}, [good, ...script]))),
    config(OrdersApi.environment),
    Effect.withRandom(Random.fixed([1]))
  )

const idOf = (span: ReadableSpan) => span.spanContext().spanId
const isRequest = ({ name }: ReadableSpan) => name.startsWith("GET")

/** The spans below one of them, with their events, in the order of their beginning. */
const treeOf = (spans: ReadonlyArray<ReadableSpan>, root: ReadableSpan, indent = ""): string => {
  const attributes = ["http.response.status_code", "http.request.resend_count", "error.type"]
    .filter((name) => name in root.attributes)
    .map((name) => `${name}=${String(root.attributes[name])}`)
  const own = root.events.filter(({ name }) => name !== "exception").map(({ name }) => `${indent}  · ${name.trim()}`)
  const children = spans.filter((span) => span.parentSpanContext?.spanId === idOf(root))
  const below = children.map((child) => treeOf(spans, child, `${indent}  `))
  return [[`${indent}${root.name}`, ...attributes].join("  "), ...own, ...below].join("\n")
}

describe("opentelemetry.ts", () => {
  const script = [respond(503), respond(401), good]

  it.effect("exports one span for each request, below the span of the application", () =>
    Effect.gen(function* () {
      const { spans } = yield* run(script)
      const root = spans.find(({ name }) => name === "order")!
      expectShown("opentelemetry.ts", treeOf(spans, root))
      expect(spans.map(({ kind, name }) => `${name} ${kind}`)).toEqual([
        // 2 is the kind of clients.
        ...[1, 2, 3].map(() => "GET /orders/{id} 2"),
        "order 0"
      ])
      expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1)
    })
  )

  it.effect("names attributes and errors by the conventions for HTTP clients", () =>
    Effect.gen(function* () {
      const { spans } = yield* run(script)
      const common = {
        "http.request.method": "GET",
        "server.address": "orders.test",
        "server.port": 443,
        "url.full": "https://orders.test/orders/42?fields=<redacted>",
        "url.template": "/orders/{id}"
      }
      expect(spans.filter(isRequest).map(({ attributes, status }) => ({ ...attributes, code: status.code }))).toEqual([
        { ...common, "http.response.status_code": 503, "error.type": "503", code: 2 },
        {
          ...common,
          "http.request.resend_count": 1,
          "http.response.status_code": 401,
          "error.type": "401",
          code: 2
        },
        { ...common, "http.request.resend_count": 2, "http.response.status_code": 200, code: 1 }
      ])
    })
  )

  it.effect("sends the ids of each span to the API in traceparent, and none to the authorization server", () =>
    Effect.gen(function* () {
      const { sent, spans, tokenRequests } = yield* run(script)
      const expected = spans.filter(isRequest).map((span) => `00-${span.spanContext().traceId}-${idOf(span)}-01`)
      expect(sent.slice(1).map(({ headers }) => headers["traceparent"])).toEqual(expected)
      expect(tokenRequests.map(({ headers, path }) => [path, headers["traceparent"]])).toEqual([
        ["/.well-known/oauth-authorization-server", undefined],
        ["/token", undefined],
        ["/token", undefined]
      ])
    })
  )

  it.effect("exports the reason of a broken connection", () =>
    Effect.gen(function* () {
      const { spans } = yield* run([1, 2, 3].map(() => MockClient.fail("ECONNRESET")))
      const requests = spans.filter(isRequest)
      expect(requests.map(({ attributes }) => attributes["error.type"])).toEqual(
        [1, 2, 3].map(() => "TransportError.ConnectionReset")
      )
      expect(spans.at(-1)!.status).toMatchObject({ code: 2, message: expect.stringContaining("ECONNRESET") })
    })
  )

  it.effect("exports durations and counters", () =>
    Effect.gen(function* () {
      const { metrics } = yield* run(script)
      /** The values of these labels in each point of a metric, for this API. */
      const pointsOf = (name: string, ...labels: ReadonlyArray<string>) =>
        metrics
          .filter(({ descriptor }) => descriptor.name === name)
          .flatMap(({ dataPoints }) => dataPoints.map(({ attributes }) => attributes))
          .filter((attributes) => attributes["server.address"] === "orders.test")
          .map((attributes) => labels.map((label) => attributes[label]).join())
          .sort()
      const duration = metrics.find(({ descriptor }) => descriptor.name === "http.client.request.duration")!
      expect(duration.descriptor.unit).toBe("s")
      expect(pointsOf("http.client.request.duration", "http.response.status_code", "error.type")).toEqual(
        expect.arrayContaining(["200,", "401,401", "503,503"])
      )
      expect(pointsOf("countersign.client.retries", "error.type")).toContain("503")
      expect(pointsOf("countersign.client.credential_refreshes", "renewed")).toContain("true")
      expect(pointsOf("countersign.client.token_requests")).toHaveLength(1)
    })
  )

  it.effect("exports no token, secret or query value", () =>
    Effect.gen(function* () {
      const { metrics, sent, spans, tokenRequests } = yield* run([
        ...script.slice(0, 2),
        MockClient.fail("ECONNRESET"),
        good
      ])
      const tokens = sent.map(({ headers }) => headers["authorization"]!.replace("Bearer ", ""))
      const basic = tokenRequests.map(({ headers }) => headers["authorization"]?.replace("Basic ", ""))
      const secrets = [...new Set([...tokens, ...basic, "fields=status"])].filter((secret) => secret !== undefined)
      expect(secrets.length).toBe(4)
      const exported = inspect([spans, metrics], { depth: 20, maxArrayLength: null, maxStringLength: null })
      expect(exported).toContain("url.full")
      for (const secret of secrets) expect(exported).not.toContain(secret)
    })
  )
})
