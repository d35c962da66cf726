import * as Errors from "@countersign/client/Errors"
import * as JsonCodec from "@countersign/client/JsonCodec"
import * as Operation from "@countersign/client/Operation"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { api, base, failure, requestTimes, run, urls } from "./support/mockApi.js"

const { respond } = MockClient

const Report = Schema.Struct({ url: Schema.String })
const report = { url: "/r/1" }

type Headers = Readonly<Record<string, string>>

const accepted = (headers: Headers, body: unknown = "") => respond(202, body, headers)

/** Options of most operations of these tests. */
const options = { json: { year: 2026 }, schema: Report } as const

const start = (script: MockClient.Script, more: Partial<Operation.RunOptions<typeof Report>> = {}) =>
  Effect.gen(function* () {
    const { api: client, mock } = yield* api(script)
    return { client, mock, outcome: Operation.run(client, "/reports", { ...options, ...more }) }
  })

describe("Operation.run", () => {
  const shapes = [
    {
      name: "Location and 202 until it is done",
      script: [accepted({ location: "/v1/jobs/1" }), accepted({}), respond(200, report)],
      sent: ["POST /reports", "GET /jobs/1", "GET /jobs/1"]
    },
    {
      name: "a redirect to the result",
      script: [accepted({ location: "jobs/1" }), respond(303, "", { location: "/v1/r/1" }), respond(200, report)],
      sent: ["POST /reports", "GET /jobs/1", "GET /r/1"]
    },
    {
      name: "a status in the body, and the result at resourceLocation",
      script: [
        accepted({ "operation-location": `${base}/operations/1?api-version=1` }, { status: "NotStarted" }),
        respond(200, { status: "Running" }),
        respond(200, { status: "Succeeded", resourceLocation: `${base}/r/1` }),
        respond(200, report)
      ],
      sent: ["POST /reports", "GET /operations/1?api-version=1", "GET /operations/1?api-version=1", "GET /r/1"]
    },
    {
      name: "Azure-AsyncOperation, and the result at Location",
      script: [
        accepted({ "azure-asyncoperation": `${base}/operations/1`, location: `${base}/r/1` }),
        respond(200, { status: "InProgress" }),
        respond(200, { status: "Succeeded" }),
        respond(200, report)
      ],
      sent: ["POST /reports", "GET /operations/1", "GET /operations/1", "GET /r/1"]
    },
    {
      name: "a status URL that moves",
      script: [accepted({ location: "/v1/jobs/1" }), accepted({ location: "/v1/jobs/2" }), respond(200, report)],
      sent: ["POST /reports", "GET /jobs/1", "GET /jobs/2"]
    },
    {
      name: "no status URL: the first response is the result",
      script: [respond(201, report, { location: "/v1/r/1" })],
      sent: ["POST /reports"]
    }
  ]

  it.effect.each(shapes)("returns the result with $name", ({ script, sent }) =>
    Effect.gen(function* () {
      const { mock, outcome } = yield* start(script)
      expect(yield* run(outcome)).toEqual(report)
      expect(yield* urls(mock)).toEqual(sent.map((line) => line.replace(" /", ` ${base}/`)))
    })
  )

  it.effect("reads a changed resource after a PUT", () =>
    Effect.gen(function* () {
      const { mock, outcome } = yield* start(
        [
          respond(201, { name: "x" }, { "azure-asyncoperation": `${base}/operations/1` }),
          respond(200, { status: "Succeeded" }),
          respond(200, report)
        ],
        { method: "PUT", query: { v: 1 } }
      )
      expect(yield* run(outcome)).toEqual(report)
      expect(yield* urls(mock)).toEqual([
        `PUT ${base}/reports?v=1`,
        `GET ${base}/operations/1`,
        `GET ${base}/reports?v=1`
      ])
    })
  )

  it.effect("reads Google's done and response, and a state of the caller", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([
        accepted({ "operation-location": "/v1/operations/1" }),
        respond(200, { done: false }),
        respond(200, { done: true, response: report })
      ])
      const Done = Schema.Struct({ response: Report })
      expect(yield* run(Operation.run(client, "/x", { schema: Done }))).toEqual({ response: report })

      const { api: other, mock } = yield* api([
        accepted({ location: "/v1/jobs/1" }),
        respond(200, { phase: 1 }),
        respond(200, { phase: 2, at: "../r/1?x=1" }),
        respond(200, report)
      ])
      const State = Schema.Struct({ phase: Schema.Number, at: Schema.optional(Schema.String) })
      const isState = Schema.is(State)
      const own = Operation.run(other, "/x", {
        schema: Report,
        state: (body) => (isState(body) && body.phase === 1 ? "running" : "succeeded"),
        result: (body) => (isState(body) ? body.at : undefined)
      })
      expect(yield* run(own)).toEqual(report)
      expect((yield* urls(mock)).at(-1)).toBe(`GET ${base}/r/1?x=1`)
    })
  )

  it.effect("returns the response without a schema, also one without a body", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([accepted({ location: "/v1/jobs/1" }), respond(204)])
      const response = yield* run(Operation.run(client, "/x", { method: "DELETE" }))
      expect(response.status).toBe(204)
    })
  )

  it.effect("waits for Retry-After, else for the interval, and at least a second", () =>
    Effect.gen(function* () {
      const times = (more: Partial<Operation.RunOptions<typeof Report>> = {}) =>
        Effect.gen(function* () {
          const { mock, outcome } = yield* start(
            [
              accepted({ location: "/v1/jobs/1", "retry-after": "20" }),
              accepted({}),
              accepted({ "retry-after": "0" }),
              respond(200, report)
            ],
            more
          )
          yield* run(outcome)
          return yield* requestTimes(mock)
        })
      expect(yield* times()).toEqual([0, 20_000, 25_000, 26_000])
    })
  )

  it.effect("decodes with the codec of the client", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(
        [
          accepted({ location: "/v1/jobs/1" }),
          respond(200, '{"id":9007199254740993}', { "content-type": "application/json" })
        ],
        { json: JsonCodec.bigInt }
      )
      const Big = Schema.Struct({ id: Schema.BigIntFromSelf })
      expect(yield* run(Operation.run(client, "/x", { schema: Big }))).toEqual({ id: 9007199254740993n })
    })
  )

  it.effect("calls onStatus after each response, with a position to continue at", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const { api: client } = yield* api([
        accepted({ "operation-location": "/v1/operations/1", location: "/v1/r/1" }),
        respond(200, { status: "Running", percent: 50 }),
        respond(503, "", { "x-should-retry": "false" }),
        respond(200, { status: "Succeeded" }),
        respond(200, report)
      ])
      const outcome = Operation.run(client, "/x", {
        schema: Report,
        onStatus: ({ body, position, state }) =>
          Effect.sync(() => void seen.push(JSON.stringify([state, body ?? null, position])))
      })
      expect(yield* run(failure(outcome))).toBeInstanceOf(Errors.Unavailable)
      const position = { status: `${base}/operations/1`, result: `${base}/r/1` }
      expect(seen.map((line): unknown => JSON.parse(line))).toEqual([
        ["running", null, position],
        ["running", { status: "Running", percent: 50 }, position]
      ])
      const stored = yield* Schema.decodeUnknown(Operation.Position)(position)
      expect(yield* run(Operation.wait(client, stored, { schema: Report }))).toEqual(report)
    })
  )

  it.effect("sends query, body and its header fields with the first request only, and other fields with all", () =>
    Effect.gen(function* () {
      const { mock, outcome } = yield* start([accepted({ location: "/v1/jobs/1" }), respond(200, report)], {
        query: { a: 1 },
        headers: { "x-tenant": "t", "content-type": "application/vnd.x+json" }
      })
      yield* run(outcome)
      const [first, second] = yield* mock.sent
      expect(first).toMatchObject({ method: "POST", url: `${base}/reports?a=1`, body: '{"year":2026}' })
      expect(first?.headers).toMatchObject({ "x-tenant": "t", "content-type": "application/vnd.x+json" })
      expect(second).toMatchObject({ method: "GET", url: `${base}/jobs/1`, body: undefined })
      expect(second?.headers["x-tenant"]).toBe("t")
      expect(second?.headers).not.toHaveProperty("content-type")
    })
  )

  it.effect("repeats requests for the status, and not the first one", () =>
    Effect.gen(function* () {
      const { mock, outcome } = yield* start([
        accepted({ location: "/v1/jobs/1" }),
        respond(503),
        MockClient.fail("ECONNRESET"),
        respond(200, report)
      ])
      expect(yield* run(outcome)).toEqual(report)
      expect(yield* mock.sent).toHaveLength(4)
      const { mock: other, outcome: lost } = yield* start([respond(503), respond(200, report)])
      expect(yield* run(failure(lost))).toBeInstanceOf(Errors.Unavailable)
      expect(yield* other.sent).toHaveLength(1)
    })
  )
})

describe("Operation: failures", () => {
  it.effect.each([
    [{ status: "Failed", error: { message: "no space\nleft" } }, "Failed", 'failed at the server: "no space left".'],
    [{ status: "cancelled" }, "Canceled", "was canceled at the server."],
    [{ done: true, error: { message: "quota" } }, "Failed", 'failed at the server: "quota".']
  ] as const)("fails after the status %j", ([body, reason, text]) =>
    Effect.gen(function* () {
      const { outcome } = yield* start([accepted({ location: "/v1/jobs/1" }), respond(200, body)])
      const error = yield* run(failure(outcome))
      expect(error).toMatchObject({ _tag: "OperationError", reason })
      expect(String(error)).toContain(`The operation ${base}/jobs/1 ${text}`)
      expect(error instanceof Operation.OperationError && error.body).toEqual(body)
    })
  )

  it.effect("fails with TooLong after maxWait, and continues at its position", () =>
    Effect.gen(function* () {
      const { client, mock, outcome } = yield* start(
        (_, index) =>
          index === 0 ? accepted({ location: "/v1/jobs/1" }) : index < 5 ? accepted({}) : respond(200, report),
        { maxWait: "12 seconds" }
      )
      const error = yield* run(failure(outcome))
      expect(error).toMatchObject({ _tag: "OperationError", reason: "TooLong" })
      expect(yield* requestTimes(mock)).toEqual([0, 5_000, 10_000])
      const position = error instanceof Operation.OperationError ? error.position : undefined
      expect(position).toEqual({ status: `${base}/jobs/1` })
      if (position === undefined) return
      expect(yield* run(Operation.wait(client, position, { schema: Report }))).toEqual(report)
    })
  )

  it.effect("fails at once when the server asks for longer than maxWait", () =>
    Effect.gen(function* () {
      const { mock, outcome } = yield* start([accepted({ location: "/v1/jobs/1", "retry-after": "999999999" })])
      expect(yield* run(failure(outcome))).toMatchObject({ reason: "TooLong" })
      expect(yield* requestTimes(mock)).toEqual([0])
    })
  )

  it.effect.each([
    { name: "no field", headers: {} },
    { name: "another scheme", headers: { location: "ftp://x/1" } },
    { name: "userinfo", headers: { "operation-location": "https://u:p@api.test/v1/x" } },
    { name: "no URL", headers: { "operation-location": "https://[" } }
  ])("fails with NoStatusUrl after a 202 with $name", ({ headers }) =>
    Effect.gen(function* () {
      const { mock, outcome } = yield* start([accepted({ ...headers })])
      expect(yield* run(failure(outcome))).toMatchObject({ _tag: "OperationError", reason: "NoStatusUrl" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect.each(["https://evil.test/jobs/1", "http://api.test/v1/jobs/1", "/other/jobs", "/v1/../x"])(
    "sends nothing to the status URL %s",
    (location) =>
      Effect.gen(function* () {
        const { mock, outcome } = yield* start([accepted({ location })])
        expect(yield* run(failure(outcome))).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
        expect(yield* mock.sent).toHaveLength(1)
      })
  )

  it.effect("fails with InvalidResponse for a result of another shape, or without JSON", () =>
    Effect.gen(function* () {
      for (const last of [respond(200, { no: "url" }), respond(200, "<html>"), respond(204)]) {
        const { outcome } = yield* start([accepted({ location: "/v1/jobs/1" }), last])
        expect(yield* run(failure(outcome))).toBeInstanceOf(Errors.InvalidResponse)
      }
    })
  )

  it.effect("shows no query of a URL and no body in an error", () =>
    Effect.gen(function* () {
      const { outcome } = yield* start([
        accepted({ location: "/v1/jobs/1?sig=s3cret" }),
        respond(200, { status: "failed", token: "t0ken" })
      ])
      const error = yield* run(failure(outcome))
      const shown = [String(error), inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)].join("\n")
      expect(shown).toContain("/v1/jobs/1")
      expect(shown).not.toMatch(/s3cret|t0ken/)
    })
  )

  it.effect.each([
    [{ intervall: 1 }, "has no option `intervall`. Did you mean `interval`?"],
    [{ interval: 0 }, "`interval` of `Operation.run` is no duration above 0."],
    [{ maxWait: "0 seconds" }, "`maxWait` of `Operation.run` is no duration above 0."],
    [{ errorSchema: Report }, "has no option `errorSchema`"]
  ] as const)("rejects %j, and sends nothing", ([wrong, text]) =>
    Effect.gen(function* () {
      // The types reject these options, as for callers in TypeScript.
      const { mock, outcome } = yield* start([], wrong as object)
      const error = yield* run(failure(outcome))
      expect(error).toBeInstanceOf(Errors.InvalidRequest)
      expect(String(error)).toContain(text)
      expect(yield* mock.sent).toHaveLength(0)
    })
  )

  it.effect("ends when it is interrupted, and sends nothing more", () =>
    Effect.gen(function* () {
      const { mock, outcome } = yield* start([accepted({ location: "/v1/jobs/1" })])
      const fiber = yield* Effect.fork(outcome)
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      yield* Fiber.interrupt(fiber)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})

describe("Operation.stateOf", () => {
  it.effect.each([
    ["In Progress", 200, "running"],
    ["in_progress", 200, "running"],
    ["SUCCEEDED", 202, "succeeded"],
    ["ready", 200, "succeeded"],
    [7, 202, "running"],
    ["x".repeat(100_000), 202, "running"]
  ] as const)("reads the state of a response: %$", ([status, code, state]) =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(code, {})])
      expect(Operation.stateOf({ status }, yield* run(client.get("/x")))).toBe(state)
    })
  )
})
