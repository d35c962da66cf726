import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Auth from "@countersign/client/Auth"
import * as Redirects from "@countersign/client/Redirects"
import * as Retry from "@countersign/client/Retry"
import * as Status from "@countersign/client/Status"
import * as Telemetry from "@countersign/client/Telemetry"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { base, get, run, transport } from "./support/mockApi.js"

const { fail, never, respond } = MockClient
const canary = "c4n4ry-c4n4ry"
const origin = "https://api.test"

const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** A tracer that records the spans of Effect's native tracer. */
const recording = () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (...given) => {
      const span = native.span(...given)
      spans.push(span)
      return span
    },
    context: (f) => f()
  })
  return { spans, traced: Effect.withTracer(tracer) }
}

interface ClientOptions {
  readonly span?: Partial<Telemetry.SpanOptions>
  readonly auth?: Auth.Service
}

/** The policies that matter here, in the order of the client's pipeline. */
const client = (script: MockClient.Script, { auth = Auth.none, span = {} }: ClientOptions = {}) =>
  Effect.map(transport(script), ({ client: typed, mock }) => ({
    mock,
    execute: typed.pipe(
      Timeout.exchange("1 second"),
      Telemetry.span({ origins: [origin], ...span }),
      Auth.policy({ auth, origins: [origin] }),
      Retry.policy({ schedule: Schedule.recurs(2) }),
      Redirects.follow({ crossOriginBody: true }),
      Timeout.call("10 seconds")
    ).execute
  }))

const attributes = ({ attributes }: Tracer.Span) => Object.fromEntries(attributes)
const traceparents = (sent: ReadonlyArray<MockClient.Sent>) => sent.map(({ headers }) => headers["traceparent"])
const bearer = Auth.makeStaticEffect((request) =>
  Effect.succeed(
    request.pipe(
      HttpClientRequest.setHeaders({ authorization: `Bearer ${canary}`, "x-team": canary }),
      HttpClientRequest.setUrlParam("api_key", canary)
    )
  )
)

describe("Telemetry.span", () => {
  it.effect("records method, server, URL and status with OpenTelemetry attributes", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const { execute } = yield* client([respond(201, "made")])
      yield* TestClock.setTime(5)
      yield* run(execute(HttpClientRequest.post(`${base}/x.json`)).pipe(traced))
      expect(spans.map(({ kind, name, status }) => [name, kind, status._tag])).toEqual([["POST", "client", "Ended"]])
      expect(attributes(spans[0]!)).toEqual({
        "http.request.method": "POST",
        "server.address": "api.test",
        "server.port": 443,
        "url.full": `${base}/x.json`,
        "http.response.status_code": 201
      })
      expect(spans[0]).toMatchObject({ status: { startTime: 5_000_000n, endTime: 5_000_000n, exit: Exit.void } })
    })
  )

  it.effect("creates one span per request and counts earlier requests of the call in resend_count", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      let refreshed = false
      const auth: Auth.Service = { ...bearer, onRejected: () => Effect.sync(() => !refreshed && (refreshed = true)) }
      const script = [respond(503), fail("ECONNRESET"), respond(302, "", { location: "/v1/y" }), respond(401)]
      const { execute } = yield* client([...script, respond(200)], { auth })
      yield* run(execute(get("/x")).pipe(traced))
      expect(
        spans.map((span) => {
          const all = attributes(span)
          return [all["http.request.resend_count"], all["http.response.status_code"], all["error.type"]]
        })
      ).toEqual([
        [undefined, 503, "503"],
        [1, undefined, "TransportError.ConnectionReset"],
        [2, 302, undefined],
        [3, 401, "401"],
        [4, 200, undefined]
      ])
      const failed = spans.map(({ status }) => status._tag === "Ended" && Exit.isFailure(status.exit))
      expect(failed).toEqual([true, true, false, true, false])
    })
  )

  it.effect("restarts resend_count with each call", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const { execute } = yield* client(() => respond(200))
      yield* run(Effect.repeatN(execute(get()), 1).pipe(traced))
      expect(spans.map((span) => attributes(span)["http.request.resend_count"])).toEqual([undefined, undefined])
    })
  )

  it.effect("uses the URL template of the caller in names, for the client's own origins only", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const { execute } = yield* client([respond(302, "", { location: "https://cdn.test/1" }), respond(200)])
      yield* run(execute(get("/users/17")).pipe(Telemetry.withTemplate("/users/{id}"), traced))
      expect(spans.map(({ name }) => name)).toEqual(["GET /users/{id}", "GET"])
      expect(spans.map((span) => attributes(span)["url.template"])).toEqual(["/users/{id}", undefined])
      expect(spans.map((span) => attributes(span)["server.address"])).toEqual(["api.test", "cdn.test"])
    })
  )

  it.effect("records a timeout as error and ends with the interruption of the call", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const { execute } = yield* client(() => never)
      const exit = yield* run(Effect.exit(execute(HttpClientRequest.post(base)).pipe(traced)))
      expect(Exit.isFailure(exit)).toBe(true)
      expect(attributes(spans[0]!)["error.type"]).toBe("Timeout.exchange")
      expect(spans[0]).toMatchObject({ status: { startTime: 0n, endTime: 1_000_000_000n } })

      const fiber = yield* Effect.fork(execute(get()).pipe(traced))
      yield* Effect.yieldNow()
      yield* TestClock.adjust("10 millis")
      yield* Fiber.interrupt(fiber)
      expect(spans).toHaveLength(2)
      expect(attributes(spans[1]!)["error.type"]).toBeUndefined()
      const { status } = spans[1]!
      expect(status._tag === "Ended" && Exit.isInterrupted(status.exit)).toBe(true)
    })
  )

  it.effect("nests below the surrounding span and above transport spans", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const { client: typed } = yield* transport([respond(200)])
      const wire = HttpClient.makeWith<never, never, unknown, never>(
        Effect.flatMap((request) => typed.execute(request).pipe(Effect.withSpan("wire"))),
        Effect.succeed
      )
      const { execute } = wire.pipe(Telemetry.span({ origins: [origin] }))
      const outer = execute(get()).pipe(Effect.withSpan("outer"), Effect.annotateSpans({ tenant: "t" }))
      yield* run(outer.pipe(traced))
      const parents = spans.map(({ parent }) => Option.map(parent, ({ spanId }) => spanId))
      expect(spans.map(({ name }) => name)).toEqual(["outer", "GET", "wire"])
      expect(parents).toEqual([Option.none(), Option.some(spans[0]!.spanId), Option.some(spans[1]!.spanId)])
      expect(attributes(spans[1]!)["tenant"]).toBe("t")
    })
  )

  it.effect("restores the surrounding span afterwards, whatever the result", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const after = Effect.as(Effect.withSpan(Effect.void, "after"), "done")
      const { execute } = yield* client((_, index) => (index === 0 ? respond(200) : index === 1 ? fail("E") : never))
      const { client: wire } = yield* transport([never])
      const interrupted = wire.pipe(Telemetry.span({ origins: [origin] }), Timeout.exchange("1 second"))
      const program = Effect.gen(function* () {
        for (const call of [execute(get()), execute(HttpClientRequest.post(base)), interrupted.execute(get())]) {
          yield* Effect.exit(call)
          yield* after
        }
        // In an uninterruptible region, the exchange cannot be interrupted early.
        yield* Effect.uninterruptible(Effect.zipRight(Effect.exit(execute(HttpClientRequest.post(base))), after))
      })
      yield* run(program.pipe(Effect.withSpan("outer"), traced))
      const outer = spans.find(({ name }) => name === "outer")!.spanId
      const rest = spans.filter(({ name }) => name !== "outer")
      expect(rest.map(({ name }) => name)).toEqual(["GET", "POST", "GET", "POST"].flatMap((name) => [name, "after"]))
      for (const { parent, status } of rest) {
        expect(Option.map(parent, ({ spanId }) => spanId)).toEqual(Option.some(outer))
        expect(status._tag).toBe("Ended")
      }
    })
  )

  it.effect("records no credential, for any header, URL and failure", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const hostile = { "www-authenticate": `Bearer realm="${canary}"`, "set-cookie": `a=${canary}` }
      const { execute } = yield* client(
        [
          respond(401, canary, hostile),
          fail("ECONNRESET", canary),
          fail("ECONNRESET", canary),
          respond(302, "", { location: `/v1/y?code=${canary}#${canary}` }),
          respond(200, canary)
        ],
        { auth: bearer }
      )
      const request = HttpClientRequest.get(`${base}/x?token=${canary}#${canary}`).pipe(
        HttpClientRequest.setUrlParam("lone\ud800 &", canary),
        HttpClientRequest.setHeaders({ cookie: canary, "x-mine": canary })
      )
      yield* run(Effect.exit(execute(HttpClientRequest.setHeader(request, "no name", canary)).pipe(traced)))
      yield* run(Effect.exit(execute(request).pipe(traced)))
      yield* run(Effect.exit(execute(request).pipe(traced)))
      for (const url of [`https://u:${canary}@api.test/x`, `https://api.test:443@api.test/`, `${canary}://x`, "//x"]) {
        yield* run(Effect.exit(execute(get().pipe(HttpClientRequest.setUrl(url))).pipe(traced)))
      }
      const broken = HttpClient.makeWith<never, never, unknown, never>(
        Effect.flatMap((request) => (request.method === "GET" ? Effect.fail({ request }) : Effect.die({ request }))),
        Effect.succeed
      ).pipe(Telemetry.span({ origins: [origin] }))
      yield* run(Effect.exit(broken.execute(request).pipe(traced)))
      yield* run(Effect.exit(broken.execute(HttpClientRequest.setMethod(request, "PUT")).pipe(traced)))

      expect(spans.length).toBeGreaterThan(8)
      for (const span of spans) {
        const rendered = [inspect(span, { depth: Infinity, showHidden: true }), JSON.stringify([...span.attributes])]
        if (span.status._tag === "Ended" && Exit.isFailure(span.status.exit)) {
          rendered.push(Cause.pretty(span.status.exit.cause, { renderErrorCause: true }))
        }
        for (const text of rendered) expect(text).not.toMatch(/c4n4ry|443@/)
      }
      expect(attributes(spans[1]!)["url.full"]).toBe(
        `${base}/x?token=<redacted>&lone%EF%BF%BD+%26=<redacted>&api_key=<redacted>`
      )
      expect(spans.slice(-2).map((span) => attributes(span)["error.type"])).toEqual(["_OTHER", "_OTHER"])
    })
  )

  it.effect("formats ports, addresses and methods as OpenTelemetry defines", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const { execute } = yield* client(() => respond(200))
      for (const url of ["http://a.test/", "https://API.test/x", "http://[::1]:8080/"]) {
        yield* run(execute(HttpClientRequest.get(url)).pipe(traced))
      }
      // An unknown method, which only untyped code can send.
      const odd = HttpClientRequest.setMethod(get(), `PURGE${"X".repeat(50)}` as "GET")
      yield* run(Effect.exit(execute(odd).pipe(traced)))
      expect(spans.map((span) => [attributes(span)["server.address"], attributes(span)["server.port"]])).toEqual([
        ["a.test", 80],
        ["api.test", 443],
        ["::1", 8080],
        ["api.test", 443]
      ])
      expect(spans[3]!.name).toBe("HTTP")
      expect(attributes(spans[3]!)).toMatchObject({
        "http.request.method": "_OTHER",
        "http.request.method_original": `PURGE${"X".repeat(34)}…`
      })
    })
  )
})

describe("Telemetry.span when disabled", () => {
  const expectNoSpan = (around: (effect: Effect.Effect<unknown>) => Effect.Effect<unknown>) =>
    Effect.gen(function* () {
      const { client: typed, mock } = yield* transport([respond(200)])
      const seen: Array<HttpClientRequest.HttpClientRequest> = []
      const wire = HttpClient.makeWith<never, never, unknown, never>(
        Effect.flatMap((request) => (seen.push(request), typed.execute(request))),
        Effect.succeed
      )
      const request = get()
      yield* run(around(Effect.orDie(wire.pipe(Telemetry.span({ origins: [origin] })).execute(request))))
      expect(seen[0]).toBe(request)
      expect(traceparents(yield* mock.sent)).toEqual([undefined])
    })

  it.effect("adds no span without a tracer and a parent span", () => expectNoSpan((effect) => effect))

  it.effect("adds no span when tracing is disabled", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      yield* expectNoSpan((effect) => traced(Effect.withTracerEnabled(effect, false)))
      expect(spans).toEqual([])
    })
  )

  it.effect("adds no span when HttpClient.currentTracerDisabledWhen matches, as for an exporter", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      yield* expectNoSpan((effect) => traced(Effect.locally(effect, HttpClient.currentTracerDisabledWhen, () => true)))
      expect(spans).toEqual([])
    })
  )

  it.effect("adds no span below an untraced parent", () =>
    expectNoSpan((effect) => {
      const hidden = Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16) })
      const context = Effect.runSync(Effect.withTracerEnabled(Effect.makeSpan("hidden"), false)).context
      return Effect.withParentSpan(effect, { ...hidden, context })
    })
  )
})

describe("Telemetry.span traceparent header", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c"
  const around = (id: string, sampled = true) =>
    Effect.withParentSpan(Tracer.externalSpan({ traceId: id, spanId: "b7ad6b7169203331", sampled }))

  it.effect("continues the incoming trace with the span of the request", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const { execute, mock } = yield* client([respond(503), respond(200)])
      yield* run(execute(get()).pipe(around(traceId), traced))
      const ids = spans.map(({ spanId }) => `00-${traceId}-${spanId.replaceAll("g", "0")}-01`)
      expect(traceparents(yield* mock.sent)).toEqual(ids)
      expect((yield* mock.sent).map(({ headers }) => headers["b3"])).toEqual([undefined, undefined])
    })
  )

  it.effect("sends no trace header to other origins, over any redirect", () =>
    Effect.gen(function* () {
      const { spans, traced } = recording()
      const hop = (location: string) => respond(307, "", { location })
      const { execute, mock } = yield* client([
        hop("/v1/y"),
        hop("https://evil.test/"),
        hop("https://api.test:444/"),
        hop("https://api.test.evil.test/v1"),
        hop(`${base}/back`),
        respond(200)
      ])
      yield* run(execute(HttpClientRequest.post(base)).pipe(around(traceId), traced))
      expect(spans).toHaveLength(6)
      const traceHeaders = (yield* mock.sent).map(({ headers }) =>
        Object.keys(headers).filter((name) => /trace|b3|baggage/.test(name))
      )
      expect(traceHeaders).toEqual([["traceparent"], ["traceparent"], [], [], [], ["traceparent"]])
    })
  )

  it.effect("sends traceparent to the origins of propagateTo only", () =>
    Effect.gen(function* () {
      const { traced } = recording()
      const other = HttpClientRequest.get("https://other.test/x")
      const propagating = yield* client(() => respond(200), { span: { propagateTo: ["https://other.test"] } })
      yield* run(propagating.execute(get()).pipe(traced))
      yield* run(propagating.execute(other).pipe(traced))
      expect(traceparents(yield* propagating.mock.sent)).toEqual([undefined, expect.any(String)])
      const notPropagating = yield* client(() => respond(200), { span: { propagateTo: [] } })
      yield* run(notPropagating.execute(get()).pipe(traced))
      yield* run(propagating.execute(other).pipe(Effect.locally(HttpClient.currentTracerPropagation, false), traced))
      expect(traceparents(yield* notPropagating.mock.sent)).toEqual([undefined])
      expect(traceparents(yield* propagating.mock.sent)[2]).toBeUndefined()
    })
  )

  it.effect("adds traceparent after signing, unless the request has one", () =>
    Effect.gen(function* () {
      const { traced } = recording()
      const signed: Array<ReadonlyArray<string>> = []
      const auth = Auth.makeStaticEffect((request) => {
        signed.push(Object.keys(request.headers))
        return Effect.succeed(request)
      })
      const { execute, mock } = yield* client(() => respond(200), { auth })
      yield* run(execute(get()).pipe(traced))
      yield* run(execute(HttpClientRequest.setHeader(get(), "traceparent", "mine")).pipe(traced))
      expect(signed).toEqual([[], ["traceparent"]])
      expect(traceparents(yield* mock.sent)).toEqual([expect.stringMatching(/^00-/), "mine"])
    })
  )

  it.effect("omits traceparent for invalid trace ids, which an incoming request may carry", () =>
    Effect.gen(function* () {
      const { traced } = recording()
      const { execute, mock } = yield* client(() => respond(200))
      for (const id of [`x\r\nx-admin: 1`, "noop", "0".repeat(32), traceId.toUpperCase(), `${traceId}\n`]) {
        yield* run(execute(get()).pipe(around(id), traced))
      }
      expect(traceparents(yield* mock.sent)).toEqual(Array.from({ length: 5 }, () => undefined))
    })
  )

  it.effect("clears the sampled flag when the span is not sampled", () =>
    Effect.gen(function* () {
      const unsampled = Tracer.make({
        span: (...given) => Object.assign(native.span(...given), { sampled: false }),
        context: (f) => f()
      })
      const { execute, mock } = yield* client(() => respond(200))
      yield* run(execute(get()).pipe(Effect.withTracer(unsampled)))
      expect(traceparents(yield* mock.sent)[0]).toMatch(/-00$/)
    })
  )
})

/** Values of a metric that has `tag` among its tag values. */
const metrics = (name: string, tag: string) =>
  Effect.map(Metric.snapshot, (pairs) =>
    pairs
      .filter(({ metricKey }) => metricKey.name === name && metricKey.tags.some(({ value }) => value === tag))
      .map(({ metricKey, metricState }) => ({
        tags: Object.fromEntries(metricKey.tags.map(({ key, value }) => [key, value])),
        state: metricState
      }))
  )

describe("Telemetry.durations", () => {
  const measuredClient = (script: MockClient.Script, at: string) =>
    Effect.map(transport(script), ({ client: typed }) =>
      typed.pipe(Timeout.exchange("1 second"), Telemetry.durations({ origins: [at] }))
    )

  it.effect("measures each request in seconds, with the buckets that OpenTelemetry defines", () =>
    Effect.gen(function* () {
      const at = "https://durations.test"
      const { execute } = yield* measuredClient(
        [
          MockClient.delay("30 millis", respond(200)),
          respond(404),
          fail("ECONNREFUSED"),
          never,
          never,
          respond(999),
          respond(200)
        ],
        at
      )
      const request = HttpClientRequest.get(`${at}/users/17?token=${canary}`)
      yield* run(execute(request).pipe(Effect.tagMetrics("tenant", "t")))
      yield* run(execute(request))
      yield* run(Effect.exit(execute(request)))
      yield* run(Effect.exit(execute(request)))
      const fiber = yield* Effect.fork(execute(request))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      yield* run(execute(request))
      const found = yield* metrics("http.client.request.duration", "durations.test")
      const shared = {
        "http.request.method": "GET",
        "server.address": "durations.test",
        "server.port": "443",
        unit: "s"
      }
      expect(found.map(({ tags }) => tags)).toHaveLength(6)
      expect(found.map(({ tags }) => tags)).toEqual(
        expect.arrayContaining([
          { ...shared, tenant: "t", "http.response.status_code": "200" },
          { ...shared, "http.response.status_code": "404", "error.type": "404" },
          { ...shared, "error.type": "TransportError.ConnectionRefused" },
          { ...shared, "error.type": "Timeout.exchange" },
          { ...shared, "error.type": "Interrupted" },
          { ...shared, "http.response.status_code": "_OTHER", "error.type": "_OTHER" }
        ])
      )
      const ok = found.find(({ tags }) => tags["tenant"] === "t")!.state
      if (!MetricState.isHistogramState(ok)) throw new Error("no histogram")
      expect([ok.count, ok.sum]).toEqual([1, 0.03])
      expect(ok.buckets.map(([boundary]) => boundary).slice(0, 14)).toEqual([
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
      ])
    })
  )

  it.effect("tags own origins only, so that redirects add no time series", () =>
    Effect.gen(function* () {
      const { execute } = yield* measuredClient(() => respond(200), "https://bounded.test")
      for (let n = 0; n < 20; n++) yield* run(execute(HttpClientRequest.get(`https://h${n}.test/${n}`)))
      const odd = HttpClientRequest.setMethod(HttpClientRequest.get("https://bounded.test/"), "BREW" as "GET")
      yield* run(Effect.exit(execute(odd)))
      const pairs = yield* Metric.snapshot
      const addresses = pairs.flatMap(({ metricKey }) =>
        metricKey.tags.flatMap(({ key, value }) => (key === "server.address" ? [value] : []))
      )
      expect(addresses.filter((address) => /^h\d/.test(address))).toEqual([])
      expect((yield* metrics("http.client.request.duration", "bounded.test")).map(({ tags }) => tags)).toMatchObject([
        { "http.request.method": "_OTHER" }
      ])
    })
  )
})

describe("Telemetry.counters", () => {
  it.effect("sets gauges for the circuit state and the throttle delay", () =>
    Effect.gen(function* () {
      const at = "https://states.test"
      const gauge = (name: string, address: string) =>
        Metric.value(
          Metric.gauge(`countersign.client.${name}`, {
            description:
              name === "circuit_state"
                ? "0: closed, 1: half-open, 2: open."
                : "Wait of the request that was throttled last; 0 after a request is admitted."
          }).pipe(Metric.tagged("server.address", address))
        )
      const after = (event: Parameters<typeof Timeline.emit>[0]) =>
        Telemetry.counters({ origins: [at] })(
          HttpClient.makeWith<never, never, never, never>(
            Effect.flatMap((request) =>
              Effect.as(Timeline.emit(event), HttpClientResponse.fromWeb(request, new Response()))
            ),
            Effect.succeed
          )
        ).execute(HttpClientRequest.get(at))
      const states = []
      for (const origin of [at, "https://elsewhere.test"]) {
        yield* after(() => ({ _tag: "CircuitOpened", origin, ms: 1000, reason: "503" }))
        const address = origin === at ? "states.test" : "_OTHER"
        states.push((yield* gauge("circuit_state", address)).value)
        yield* after(() => ({ _tag: "CircuitHalfOpened", origin }))
        states.push((yield* gauge("circuit_state", address)).value)
        yield* after(() => ({ _tag: "CircuitClosed", origin }))
        states.push((yield* gauge("circuit_state", address)).value)
      }
      expect(states).toEqual([2, 1, 0, 2, 1, 0])
      yield* after(() => ({ _tag: "Throttled", ms: 1500 }))
      expect((yield* gauge("throttle_delay_seconds", "states.test")).value).toBe(1.5)
      yield* after(() => ({ _tag: "Admitted", ms: 1500 }))
      expect((yield* gauge("throttle_delay_seconds", "states.test")).value).toBe(0)
    })
  )

  it.effect("counts events of a call, which Timeline.record receives too", () =>
    Effect.gen(function* () {
      const at = "https://counters.test"
      const { client: typed } = yield* transport([
        respond(503),
        fail("ECONNRESET"),
        respond(302, "", { location: "/y" }),
        respond(401),
        respond(200)
      ])
      let refreshed = false
      const auth: Auth.Service = { ...bearer, onRejected: () => Effect.sync(() => !refreshed && (refreshed = true)) }
      const { execute } = typed.pipe(
        Auth.policy({ auth, origins: [at] }),
        Retry.policy({ schedule: Schedule.recurs(2) }),
        Redirects.follow(),
        Status.policy,
        Telemetry.counters({ origins: [at] })
      )
      const { events } = yield* run(
        Timeline.record(execute(HttpClientRequest.get(at)).pipe(Effect.tagMetrics("tenant", canary)))
      )
      expect(events.map(({ _tag }) => _tag)).toContain("Redirected")
      const counts = (name: string) =>
        Effect.map(metrics(`countersign.client.${name}`, "counters.test"), (found) =>
          found.map(({ state, tags }) => ({ ...tags, count: MetricState.isCounterState(state) ? state.count : -1 }))
        )
      const shared = { tenant: canary, "server.address": "counters.test", count: 1 }
      const retries = yield* counts("retries")
      expect(retries).toHaveLength(2)
      expect(retries).toEqual(
        expect.arrayContaining([
          { ...shared, "error.type": "503" },
          { ...shared, "error.type": "TransportError" }
        ])
      )
      expect(yield* counts("redirects")).toEqual([shared])
      expect(yield* counts("credential_refreshes")).toEqual([{ ...shared, renewed: "true" }])
    })
  )

  it.effect("ignores unknown events and maps unknown reasons to _OTHER", () =>
    Effect.gen(function* () {
      const at = "https://unknown.test"
      const emitting = HttpClient.makeWith<never, never, unknown, never>(
        () =>
          Effect.zipRight(
            Timeline.emit(() => ({ _tag: "RetryScheduled", ms: 0, reason: canary })),
            Effect.fail("done")
          ),
        Effect.succeed
      ).pipe(Telemetry.counters({ origins: [at] }))
      yield* Effect.exit(emitting.execute(HttpClientRequest.get(at)))
      expect((yield* metrics("countersign.client.retries", "unknown.test")).map(({ tags }) => tags)).toEqual([
        { "server.address": "unknown.test", "error.type": "_OTHER" }
      ])
    })
  )
})
