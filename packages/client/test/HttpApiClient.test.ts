import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as HttpApiClient from "@countersign/client/HttpApiClient"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { Currency, Description, Locked, Maintenance, NotFound, Serviced } from "./support/billing.js"
import { api, base, failure, requestTimes, run, urls } from "./support/mockApi.js"

const { respond } = MockClient
const invoice = { id: 7, total: "12.50" }

/** The client of the description over a mock transport. */
const billing = (script: MockClient.Script, options: Partial<ApiClient.Options<unknown>> = {}) =>
  Effect.gen(function* () {
    const { api: client, mock } = yield* api(script, options)
    return { mock, client: yield* HttpApiClient.makeWith(client, Description) }
  })

type Client = Effect.Effect.Success<ReturnType<typeof billing>>["client"]

const addition = { payload: { total: 12 }, headers: { "x-batch": 3 }, urlParams: { dry: true } }

/** A function as code without types calls it. */
const untyped = (f: unknown) => f as () => Effect.Effect<unknown, unknown>

const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)

const find = { path: { id: 7 } }
const page = (status: number, type = "text/html") =>
  respond(status, "<html>Bad Gateway</html>", { "content-type": type })

interface Case {
  readonly name: string
  readonly script: ReadonlyArray<MockClient.Step>
  readonly options?: Partial<ApiClient.Options<unknown>>
  readonly outcome: object
  readonly sends?: number
}

const cases: ReadonlyArray<Case> = [
  { name: "returns the value of a declared response", script: [respond(200, invoice)], outcome: invoice },
  {
    name: "fails with the declared error of a declared status",
    script: [respond(404, { _tag: "NotFound", id: 7 })],
    outcome: new NotFound({ id: 7 })
  },
  {
    name: "fails with the declared error of the group after all retries",
    script: Array.from({ length: 3 }, () => respond(503, { _tag: "Maintenance", until: "noon" })),
    outcome: new Maintenance({ until: "noon" }),
    sends: 3
  },
  {
    name: "fails with ClientError for a declared status with the page of a proxy",
    script: [page(404)],
    outcome: { _tag: "ClientError", status: 404 }
  },
  {
    name: "fails with Unavailable for a declared status with the page of a proxy",
    script: Array.from({ length: 3 }, () => page(503)),
    outcome: { _tag: "Unavailable", status: 503 },
    sends: 3
  },
  {
    name: "fails with ClientError for a declared error that breaks off",
    script: [MockClient.truncated(404, '{"_tag":"NotF')],
    outcome: { _tag: "ClientError", status: 404 }
  },
  {
    name: "fails with Unauthorized for a 401",
    script: [respond(401, { message: "bad token" })],
    outcome: { _tag: "Unauthorized", serverMessage: "bad token" }
  },
  {
    name: "fails with Forbidden for a 403",
    script: [respond(403, { message: "admins only" })],
    outcome: { _tag: "Forbidden", serverMessage: "admins only" }
  },
  {
    name: "fails with RateLimited for a 429",
    script: [respond(429, { message: "slow down" }, { "retry-after": "100" })],
    outcome: { _tag: "RateLimited", serverMessage: "slow down" }
  },
  {
    name: "fails with ClientError for an undeclared 418, with the server's message",
    script: [respond(418, { message: "a teapot" })],
    outcome: { _tag: "ClientError", status: 418, serverMessage: "a teapot" }
  },
  {
    name: "fails with ClientError for a declared status with another JSON body",
    script: [respond(404, { message: "no such route" })],
    outcome: { _tag: "ClientError", status: 404, serverMessage: "no such route" }
  },
  {
    name: "fails with InvalidResponse and the place for a body of another shape",
    script: [respond(200, { id: "7", total: "1" })],
    outcome: {
      _tag: "InvalidResponse",
      reason: "Schema",
      mismatches: [{ path: "$.id", expected: "number" }],
      status: 200,
      url: `${base}/invoices/7`
    }
  },
  {
    name: "fails with InvalidResponse for a good response that is not JSON",
    script: [page(200)],
    outcome: { _tag: "InvalidResponse", reason: "Json", mismatches: [] }
  },
  {
    name: "fails with InvalidResponse for an undeclared good status",
    script: [respond(202, invoice)],
    outcome: {
      _tag: "InvalidResponse",
      reason: "Schema",
      mismatches: [{ path: "$", expected: "a response with a declared status (200)" }]
    }
  },
  {
    name: "fails with InvalidResponse for a redirect that the client does not follow",
    script: [respond(302, "", { location: "/elsewhere" })],
    options: { redirects: false },
    outcome: { _tag: "InvalidResponse", status: 302 }
  },
  {
    name: "fails with RedirectRejected for a redirect to another origin",
    script: [respond(302, "", { location: "http://api.test/v1/elsewhere" })],
    outcome: { _tag: "RedirectRejected" }
  },
  {
    name: "fails with BodyTooLarge for a body over maxBodySize",
    script: [respond(200, { id: 7, total: "x".repeat(200) })],
    options: { maxBodySize: 100 },
    outcome: { _tag: "BodyTooLarge", limit: 100 }
  },
  {
    name: "retries a body that breaks off",
    script: [MockClient.truncated(200, '{"id":7,"to'), respond(200, invoice)],
    outcome: invoice,
    sends: 2
  },
  {
    name: "fails with TransportError for a connection that cannot be established",
    script: Array.from({ length: 3 }, () => MockClient.fail("ECONNREFUSED")),
    outcome: { _tag: "TransportError", reason: "ConnectionRefused" },
    sends: 3
  }
]

/** Requests of code without types. */
const unfit: ReadonlyArray<{
  readonly name: string
  readonly request: (client: Client) => Effect.Effect<unknown, unknown>
  readonly reason: string
  readonly detail: string
}> = [
  {
    name: "a path",
    request: ({ invoices }) => invoices.find({ path: { id: "7" as never } }),
    reason: "Url",
    detail: "`path` does not match the HttpApi: at $.id, expected number."
  },
  {
    name: "a missing path",
    request: ({ invoices }) => untyped(invoices.find)(),
    reason: "Url",
    detail: "`path` does not match the HttpApi: at $, expected { readonly id: NumberFromString }."
  },
  {
    name: "a query parameter",
    request: ({ invoices }) => invoices.add({ ...addition, urlParams: { dry: "yes" as never } }),
    reason: "Url",
    detail: "`urlParams` does not match the HttpApi: at $.dry, expected boolean."
  },
  {
    name: "a header field",
    request: ({ invoices }) => invoices.add({ ...addition, headers: { "x-batch": "3" as never } }),
    reason: "Header",
    detail: "`headers` does not match the HttpApi: at $.x-batch, expected number."
  },
  {
    name: "a payload",
    request: ({ invoices }) => invoices.add({ ...addition, payload: { total: "12" as never } }),
    reason: "Body",
    detail: "`payload` does not match the HttpApi: at $.total, expected number."
  },
  {
    name: "a missing payload",
    request: ({ invoices }) => untyped(invoices.add)(),
    reason: "Body",
    detail: "`payload` does not match the HttpApi: at $, expected { readonly total: NumberFromString }."
  },
  {
    name: "a payload of a GET",
    request: ({ invoices }) => invoices.search({ payload: { q: "1" as never } }),
    reason: "Url",
    detail: "`payload` does not match the HttpApi: at $.q, expected number."
  }
]

describe("HttpApiClient", () => {
  for (const { name, options = {}, outcome, script, sends = 1 } of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { client, mock } = yield* billing(script, options)
        const result = Either.merge(yield* run(Effect.either(client.invoices.find(find))))
        expect(result).toMatchObject(outcome)
        if (outcome instanceof Error) expect(result).toStrictEqual(outcome)
        expect(ParseResult.isParseError(result) || HttpClientError.isHttpClientError(result)).toBe(false)
        expect(yield* mock.sent).toHaveLength(sends)
      })
    )
  }

  it.effect("fails with Timeout at the deadline of the call", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* billing([MockClient.never], { timeout: { call: "5 seconds", exchange: false } })
      expect(yield* failure(client.invoices.find(find))).toMatchObject({ _tag: "Timeout" })
      expect(yield* requestTimes(mock)).toEqual([0])
      expect(yield* mock.interrupted).toHaveLength(1)
    })
  )

  it.effect("cancels the request when the call is interrupted", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* billing([MockClient.never])
      const fiber = yield* Effect.fork(client.invoices.find(find))
      yield* Effect.yieldNow()
      const exit = yield* Fiber.interrupt(fiber)
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(yield* mock.interrupted).toHaveLength(1)
    })
  )

  it.effect("returns the response too with withResponse", () =>
    Effect.gen(function* () {
      const { client } = yield* billing([respond(200, invoice, { "x-request-id": "r1" })])
      const [value, response] = yield* run(client.invoices.find({ ...find, withResponse: true }))
      expect(value).toEqual(invoice)
      expect(response.headers["x-request-id"]).toBe("r1")
      expect(yield* response.json).toEqual(invoice)
    })
  )

  it.effect("sends path, query, header fields and payload as described", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* billing([respond(201, invoice), respond(204), respond(200, "pong"), respond(204)])
      yield* run(client.invoices.add({ payload: { total: 12 }, headers: { "x-batch": 3 }, urlParams: { dry: true } }))
      yield* run(client.invoices.search({ payload: { q: 1 } }))
      expect(yield* run(client.invoices.text())).toBe("pong")
      const [added, searched, text] = yield* mock.sent
      expect(added).toMatchObject({
        method: "POST",
        url: `${base}/invoices?dry=true`,
        body: '{"total":"12"}',
        headers: { "x-batch": "3", "content-type": "application/json" }
      })
      expect(searched).toMatchObject({ method: "GET", url: `${base}/search?q=1` })
      expect(text).toMatchObject({ method: "GET", url: `${base}/text` })
    })
  )

  it.effect("sends a multipart form", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* billing([respond(204)])
      const payload = new FormData()
      payload.append("note", "paid")
      yield* run(client.invoices.upload({ payload }))
      const [sent] = yield* mock.sent
      expect(sent).toMatchObject({ method: "POST", url: `${base}/uploads` })
      expect(sent?.body).toMatch(/name="note"\r\n\r\npaid\r\n/)
    })
  )

  it.effect("calls an endpoint of a top-level group", () =>
    Effect.gen(function* () {
      const { client } = yield* billing([respond(200, { up: true })])
      expect(yield* run(client.health())).toEqual({ up: true })
      expect(Object.keys(client).sort()).toEqual(["health", "invoices"])
    })
  )

  it.effect("fails with RedirectRejected for a redirect that is declared too", () =>
    Effect.gen(function* () {
      const { client } = yield* billing([respond(302, "", { location: "http://api.test/v1/elsewhere" })])
      expect(yield* failure(client.invoices.moved())).toMatchObject({ _tag: "RedirectRejected" })
    })
  )

  it.effect("encodes a path parameter, so that its slash leads nowhere else", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* billing([respond(200, [])])
      yield* run(client.invoices.named({ path: { name: "a/b ?c" } }))
      expect(yield* urls(mock)).toEqual([`GET ${base}/customers/a%2Fb%20%3Fc/invoices`])
      for (const name of ["", ".", ".."]) {
        expect(yield* failure(client.invoices.named({ path: { name } }))).toMatchObject({
          _tag: "InvalidRequest",
          reason: "Url"
        })
      }
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  for (const { name, request, detail, reason } of unfit) {
    it.effect(`rejects ${name} that does not match the description, without a request`, () =>
      Effect.gen(function* () {
        const { client, mock } = yield* billing([])
        expect(yield* failure(request(client))).toMatchObject({ _tag: "InvalidRequest", reason, detail })
        expect(yield* mock.sent).toEqual([])
      })
    )
  }

  it.effect("names the span by the path of the description", () =>
    Effect.gen(function* () {
      const { client } = yield* billing([respond(200, invoice)])
      const names: Array<string> = []
      const tracer = Tracer.make({
        span: (...given) => {
          names.push(given[0])
          return native.span(...given)
        },
        context: (f) => f()
      })
      yield* run(client.invoices.find(find)).pipe(Effect.withTracer(tracer))
      expect(names).toEqual(["GET /invoices/{id}"])
    })
  )
})

describe("HttpApiClient with services", () => {
  const serviced = (script: MockClient.Script, options: Partial<ApiClient.Options<unknown>> = {}) =>
    Effect.gen(function* () {
      const { api: client } = yield* api(script, options)
      return yield* HttpApiClient.makeWith(client, Serviced)
    })

  it.effect("decodes with the services that it was made with, and fails with the error of a middleware", () =>
    Effect.gen(function* () {
      const client = yield* serviced([respond(200, 12), respond(423, { _tag: "Locked", until: "noon" })])
      expect(yield* run(client.amounts.due())).toBe("12 EUR")
      expect(yield* failure(client.amounts.due())).toStrictEqual(new Locked({ until: "noon" }))
    }).pipe(Effect.provideService(Currency, "EUR"))
  )

  it.effect("fails with the error of the scheme, also if it is one of the platform", () =>
    Effect.gen(function* () {
      const own = ParseResult.parseError(new ParseResult.Type(Schema.String.ast, 1))
      const client = yield* serviced([], { auth: Auth.makeStaticEffect(() => Effect.fail(own)) })
      expect(yield* failure(client.amounts.due())).toBe(own)
    }).pipe(Effect.provideService(Currency, "EUR"))
  )
})

describe("HttpApiClient with a recursive schema", () => {
  interface Tree {
    readonly child?: Tree | undefined
  }
  const Tree: Schema.Schema<Tree> = Schema.Struct({
    child: Schema.optional(Schema.suspend((): Schema.Schema<Tree> => Tree))
  })
  const Trees = HttpApi.make("trees").add(
    HttpApiGroup.make("root", { topLevel: true }).add(HttpApiEndpoint.get("tree", "/tree").addSuccess(Tree))
  )

  it.effect("fails with InvalidResponse for a response deeper than the stack", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(200, '{"child":'.repeat(100_000) + "{}" + "}".repeat(100_000))])
      const trees = yield* HttpApiClient.makeWith(client, Trees)
      expect(yield* failure(trees.tree())).toMatchObject({
        _tag: "InvalidResponse",
        mismatches: [{ path: "$", expected: "a value that is less deeply nested" }]
      })
    })
  )
})

class Billing extends ApiClient.Tag("test/Billing")<Billing>() {}
class Archive extends ApiClient.Tag("test/Archive")<Archive>() {}

const keyed = (key: string) =>
  Auth.makeStaticEffect((request) => Effect.succeed({ ...request, headers: { ...request.headers, "x-key": key } }))

describe("HttpApiClient of several APIs and calls", () => {
  it.effect("sends each API's calls to its own host with its own credentials", () =>
    Effect.gen(function* () {
      const { client: transport, mock } = yield* MockClient.make(() => respond(200, invoice))
      const both = Effect.all([HttpApiClient.make(Billing, Description), HttpApiClient.make(Archive, Description)])
      yield* Effect.gen(function* () {
        const [billed, archived] = yield* both
        yield* Effect.all([billed.invoices.find(find), archived.invoices.find(find)], { concurrency: 2 })
      }).pipe(
        Effect.provide(Billing.layer({ baseUrl: "https://billing.test", auth: keyed("b") })),
        Effect.provide(Archive.layer({ baseUrl: "https://archive.test", auth: keyed("a") })),
        Effect.provideService(HttpClient.HttpClient, transport)
      )
      const sent = (yield* mock.sent).map(({ headers, url }) => `${url} ${headers["x-key"]}`)
      expect(sent.sort()).toEqual(["https://archive.test/invoices/7 a", "https://billing.test/invoices/7 b"])
    })
  )

  it.effect("gives each of fifty concurrent calls its own error", () =>
    Effect.gen(function* () {
      const idOf = (url: string) => Number(url.split("/").at(-1))
      const { client } = yield* billing(({ url }) => {
        const id = idOf(url)
        const steps = [
          respond(404, { _tag: "NotFound", id }),
          respond(404, { message: `no ${id}` }),
          respond(200, { id: `${id}`, total: "" }),
          respond(200, { id, total: "" }),
          respond(418, { message: `tea ${id}` })
        ]
        return MockClient.delay(`${(id * 7) % 50} millis`, steps[id % 5]!)
      })
      const ids = Array.from({ length: 50 }, (_, id) => id)
      const results = yield* run(
        Effect.forEach(ids, (id) => Effect.map(Effect.either(client.invoices.find({ path: { id } })), Either.merge), {
          concurrency: "unbounded"
        })
      )
      results.forEach((result, id) => {
        const expected = [
          { _tag: "NotFound", id },
          { _tag: "ClientError", status: 404, serverMessage: `no ${id}` },
          { _tag: "InvalidResponse", url: `${base}/invoices/${id}` },
          { id, total: "" },
          { _tag: "ClientError", status: 418, serverMessage: `tea ${id}` }
        ]
        expect(result).toMatchObject(expected[id % 5]!)
      })
    })
  )

  it.effect("releases each connection", () =>
    Effect.gen(function* () {
      const steps = [
        MockClient.respondStream(404, Stream.make(new TextEncoder().encode('{"_tag":"NotFound","id":7}'))),
        MockClient.respondStream(418, Stream.make(new TextEncoder().encode("tea")))
      ]
      const { client, mock } = yield* billing(steps)
      expect(yield* failure(client.invoices.find(find))).toStrictEqual(new NotFound({ id: 7 }))
      expect(yield* failure(client.invoices.find(find))).toMatchObject({ _tag: "ClientError" })
      expect((yield* mock.released).map(({ how }) => how)).toEqual(["drained", "drained"])
    })
  )
})
