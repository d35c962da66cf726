import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"

const { respond } = MockClient
const origin = "https://api.test"

const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(Effect.sandbox(effect)), (cause) => {
    expect(Cause.failureOption(cause)).toEqual(Option.none())
    // The transport dies with an `Error`. Another value fails the assertions on it.
    return Option.getOrThrow(Cause.dieOption(cause)) as Error & { readonly code?: string }
  })

/** Echoes the pattern and its parameters. */
const echo =
  (pattern: string): MockClient.Route<string> =>
  (_, { params }) =>
    respond(200, { pattern, ...params })

const echoes = (patterns: ReadonlyArray<string>) =>
  MockClient.make(Object.fromEntries(patterns.map((pattern) => [pattern, echo(pattern)])))

const send = (client: HttpClient.HttpClient, request: string) => {
  const [method = "", path = ""] = request.split(" ")
  const url = path.startsWith("/") ? origin + path : path
  // The rows name methods that the platform knows.
  return client.execute(HttpClientRequest.make(method as "GET")(url))
}

describe("MockClient routes", () => {
  it.effect.each<readonly [request: string, patterns: ReadonlyArray<string>, matched: Record<string, string>]>([
    ["GET /", ["GET /"], { pattern: "GET /" }],
    ["GET /users", ["POST /users", "GET /users"], { pattern: "GET /users" }],
    ["GET /users?page=2", ["GET /users"], { pattern: "GET /users" }],
    ["GET /users/7", ["GET /users/:id"], { pattern: "GET /users/:id", id: "7" }],
    ["GET /users/me", ["GET /users/:id", "GET /users/me"], { pattern: "GET /users/me" }],
    ["GET /a/b", ["GET /*", "GET /:x/b", "GET /a/:y"], { pattern: "GET /a/:y", y: "b" }],
    ["GET /a/b", ["GET /*", "GET /:x/*"], { pattern: "GET /:x/*", x: "a", "*": "b" }],
    ["GET /files/a/b.txt", ["GET /files/*"], { pattern: "GET /files/*", "*": "a/b.txt" }],
    ["GET /files/", ["GET /files/*"], { pattern: "GET /files/*", "*": "" }],
    ["GET /users/a%2Fb%20%C3%BC", ["GET /users/:id"], { pattern: "GET /users/:id", id: "a/b ü" }],
    ["GET /users/%zz", ["GET /users/:id"], { pattern: "GET /users/:id", id: "%zz" }],
    ["GET /gr%C3%B6%C3%9Fe", ["GET /größe"], { pattern: "GET /größe" }],
    ["GET /größe", ["GET /gr%C3%B6%C3%9Fe"], { pattern: "GET /gr%C3%B6%C3%9Fe" }],
    ["POST /v1/things:batch", ["POST /v1/things:batch"], { pattern: "POST /v1/things:batch" }],
    ["GET /u?page=2&x=1", ["GET /u", "GET /u?page=1", "GET /u?page=2"], { pattern: "GET /u?page=2" }],
    ["GET /u?a=1&b=2", ["GET /u?a=1", "GET /u?b=2&a=1"], { pattern: "GET /u?b=2&a=1" }],
    ["GET /u?q=a+b", ["GET /u?q=a%20b"], { pattern: "GET /u?q=a%20b" }],
    ["GET /u?t=1&t=2", ["GET /u?t=2"], { pattern: "GET /u?t=2" }],
    ["GET /x", ["GET /x", `GET ${origin}/*`], { pattern: `GET ${origin}/*`, "*": "x" }],
    ["GET https://other.test/x", ["GET /x", `GET ${origin}/*`], { pattern: "GET /x" }],
    ["GET /", [`GET ${origin}`], { pattern: `GET ${origin}` }],
    [
      "GET /x",
      ["GET HTTPS://API.test:443/x", "GET https://api.test:443/x"].slice(1),
      { pattern: "GET https://api.test:443/x" }
    ]
  ])("answers %s with the most specific of %j", ([request, patterns, matched]) =>
    Effect.gen(function* () {
      for (const order of [patterns, [...patterns].reverse()]) {
        const { client } = yield* echoes(order)
        expect(yield* (yield* send(client, request)).json).toEqual(matched)
      }
    })
  )

  it.effect.each<readonly [request: string, pattern: string]>([
    ["GET /users/", "GET /users"],
    ["GET /users", "GET /users/"],
    ["GET /users/", "GET /users/:id"],
    ["GET /users/1/2", "GET /users/:id"],
    ["GET /files", "GET /files/*"],
    ["HEAD /users", "GET /users"],
    ["GET /Users", "GET /users"],
    ["GET /users?page=1", "GET /users?page=2"],
    ["GET /users", "GET /users?page=2"],
    ["GET http://api.test/x", `GET ${origin}/x`],
    ["GET https://api.test:8443/x", `GET ${origin}/x`],
    ["GET /a%2Fb", "GET /a/b"]
  ])("does not answer %s with %s", ([request, pattern]) =>
    Effect.gen(function* () {
      const { client } = yield* echoes([pattern])
      expect((yield* defectOf(send(client, request))).code).toBe("ERR_MOCK_UNEXPECTED_REQUEST")
    })
  )

  it.effect("uses a list in order, an effect and a function for each request", () =>
    Effect.gen(function* () {
      let count = 0
      const { client } = yield* MockClient.make({
        "GET /list": [respond(503), Effect.succeed(respond(201)), (_, { index }) => respond(200, index)],
        "GET /effect": Effect.sync(() => respond(200, ++count)),
        "POST /function": ({ json }, { index }) => Effect.succeed(respond(200, [json, index]))
      })
      const list = [
        yield* send(client, "GET /list"),
        yield* send(client, "GET /list"),
        yield* send(client, "GET /list")
      ]
      expect(list.map(({ status }) => status)).toEqual([503, 201, 200])
      expect(yield* list[2]!.json).toBe(2)
      for (const expected of [1, 2]) expect(yield* (yield* send(client, "GET /effect")).json).toBe(expected)
      for (const index of [0, 1]) {
        const request = HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(`${origin}/function`), { a: 1 })
        expect(yield* (yield* client.execute(request)).json).toEqual([{ a: 1 }, index])
      }
    })
  )

  it.effect("dies at the end of a list", () =>
    Effect.gen(function* () {
      const { client } = yield* MockClient.make({ "GET /users/:id": [respond(503)] })
      yield* send(client, "GET /users/7")
      const { code, message } = yield* defectOf(send(client, "GET /users/8"))
      expect(code).toBe("ERR_MOCK_SCRIPT_ENDED")
      expect(message).toContain(
        `the route "GET /users/:id" ended after 1 step, and request 2 was sent: GET ${origin}/users/8. Add a step for it.`
      )
    })
  )

  it.effect("dies on an unexpected request, through a client with retries, and names the closest routes", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* echoes([
        "GET /users/:id",
        "POST /v1/users",
        "GET /health",
        "DELETE /v1/users/:id"
      ])
      const api = yield* ApiClient.make({ baseUrl: `${origin}/v1`, auth: Auth.none }).pipe(
        Effect.provideService(HttpClient.HttpClient, client)
      )
      const { code, message } = yield* defectOf(api.get("/users/7?token=a-secret"))
      expect(code).toBe("ERR_MOCK_UNEXPECTED_REQUEST")
      expect(message).toBe(
        `MockClient: no route matches request 1: GET ${origin}/v1/users/7?token=<redacted>. ` +
          'Add a route, or set the option `unmatched`. Closest routes: "DELETE /v1/users/:id", "GET /users/:id", "POST /v1/users". ' +
          "Nothing was sent before."
      )
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("answers an unexpected request with `unmatched`", () =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const { assertDone } = yield* MockClient.MockClient
      expect((yield* send(client, "GET /x")).status).toBe(404)
      expect((yield* send(client, "GET /users")).status).toBe(200)
      yield* assertDone
    }).pipe(Effect.provide(MockClient.layer({ "GET /users": respond(200) }, { unmatched: respond(404) })))
  )

  it.effect("lists unused responses in assertDone: each route once, and lists to their end", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make({
        "GET /a": respond(200),
        "GET /b": () => respond(200),
        "GET /c": [respond(503), respond(201), () => respond(202)],
        "GET /d": respond(200)
      })
      yield* send(client, "GET /a")
      yield* send(client, "GET /c")
      expect((yield* defectOf(mock.assertDone)).message).toContain(
        [
          "4 responses of the script not used:",
          '  - route "GET /b", which had no request',
          '  - step 2 of "GET /c": 201',
          '  - step 3 of "GET /c"',
          '  - route "GET /d", which had no request'
        ].join("\n")
      )
      for (const request of ["GET /b", "GET /c", "GET /c", "GET /d", "GET /d"]) yield* send(client, request)
      yield* mock.assertDone
    })
  )
})

describe("MockClient route patterns", () => {
  it.effect.each<readonly [pattern: string, problem: string]>([
    ["/users", "it has no method in upper case before its path"],
    ["get /users", "it has no method in upper case before its path"],
    ["GET", "it has no method in upper case before its path"],
    ["", "it has no method in upper case before its path"],
    ["GET users", "its path does not begin with a slash"],
    ["GET api.test/users", "its path does not begin with a slash"],
    ["GET ftp://api.test/x", "its path does not begin with a slash"],
    ["GET  /users", "its path does not begin with a slash"],
    ["GET https:///x", "its origin is invalid"],
    ["GET https://user@api.test/x", "its origin is invalid"],
    ["GET https://api.test:port/x", "its origin is invalid"],
    ["GET /users/{id}", 'its path contains "{"'],
    ["GET /users/<id>", 'its path contains "<"'],
    ["GET /a b", 'its path contains " "'],
    ["GET /a#b", 'its path contains "#"'],
    ["GET /a\\b", 'its path contains "\\"'],
    ["GET /a\n", "it has no method in upper case before its path"],
    ["GET /a?b=c d", "its query contains a space or a `#`"],
    ["GET /a/../b", "`.` and `..` are removed from URLs"],
    ["GET /users/:", '":" is no parameter name'],
    ["GET /users/:1", '":1" is no parameter name'],
    ["GET /users/:id.json", '":id.json" is no parameter name'],
    ["GET /:id/:id", "two parameters have one name"],
    ["GET /*/x", "`*` is allowed only as the last segment"],
    ["GET /x*", "`*` is allowed only as the last segment"],
    ["GET /100%", '"100%" is not valid percent-encoding']
  ])("rejects %j when the mock is made", ([pattern, problem]) =>
    Effect.map(defectOf(MockClient.make({ [pattern]: respond(200) })), ({ message }) =>
      expect(message).toBe(`MockClient: the route "${pattern}" is invalid: ${problem}. Write it like "GET /users/:id".`)
    )
  )

  it.effect.each<readonly [string, string]>([
    ["GET /users/:id", "GET /users/:name"],
    ["GET /a", "GET /%61"],
    ["GET /a?x=1&y=2", "GET /a?y=2&x=1"],
    ["GET https://api.test/a", "GET https://api.test:443/a"]
  ])("rejects %s beside %s, which matches the same requests", ([first, second]) =>
    Effect.map(defectOf(echoes([first, second])), ({ message }) =>
      expect(message).toBe(`MockClient: the routes "${first}" and "${second}" match the same requests. Remove one.`)
    )
  )

  const word = FastCheck.stringMatching(/^[a-zäß0-9 %/?#:*.]{1,6}$/).filter((text) => text !== "." && text !== "..")

  it.effect.prop("decodes any parameter", [FastCheck.array(word, { minLength: 1, maxLength: 3 })], ([values]) =>
    Effect.gen(function* () {
      const pattern = `GET /${values.map((_, index) => `:p${index}`).join("/")}`
      const { client } = yield* echoes([pattern])
      const response = yield* send(client, `GET /${values.map(encodeURIComponent).join("/")}`)
      const expected = Object.fromEntries(values.map((value, index) => [`p${index}`, value]))
      expect(yield* response.json).toEqual({ pattern, ...expected })
    })
  )
})
