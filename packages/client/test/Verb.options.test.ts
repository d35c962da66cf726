/** The options of a call: path, query, bodies, decoded errors, and overrides of the client's settings. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, base, failure, requestTimes, run, runPromise, urls } from "./support/mockApi.js"

const { respond } = MockClient
const ok = () => respond(200, {})
const anySchema = Schema.Struct({})

describe("the option path", () => {
  it.effect("replaces parameters by percent-encoded values", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      yield* run(client.get("/users/{id}/files/{+path}", { path: { id: "a/b?c#d e", path: "x y/z%2F" } }))
      yield* run(client.get("/users/{id}?full={full}", { path: { id: 7n, full: true }, query: { page: 2 } }))
      yield* run(client.delete("/a/{a}/{a}", { path: { a: "ü" } }))
      expect(yield* urls(mock)).toEqual([
        `GET ${base}/users/a%2Fb%3Fc%23d%20e/files/x%20y/z%252F`,
        `GET ${base}/users/7?full=true&page=2`,
        `DELETE ${base}/a/%C3%BC/%C3%BC`
      ])
    })
  )

  it.effect.each<readonly [string, string, Record<string, unknown>, string]>([
    ["an empty value", "/users/{id}", { id: "" }, "`id` is empty"],
    ["a dot segment", "/users/{id}", { id: ".." }, '`id` has the segment ".."'],
    ["a single dot", "/users/{id}", { id: "." }, '`id` has the segment "."'],
    ["a dot segment between slashes", "/files/{+path}", { path: "a/../b" }, '`path` has the segment ".."'],
    ["an empty segment", "/files/{+path}", { path: "/etc/passwd" }, "`path` is empty, or has an empty segment"],
    ["a missing value", "/users/{id}", {}, "`id` is missing"],
    ["a value of the prototype", "/users/{toString}", {}, "`toString` is missing"],
    ["an unused value", "/users/{id}", { id: 1, name: 2 }, "no parameter {name}"],
    ["an object", "/users/{id}", { id: { a: 1 } }, "`id` is not a string, number or boolean"],
    ["half a surrogate pair", "/users/{id}", { id: "\ud800" }, "`id` contains half a surrogate pair"]
  ])("rejects %s and sends nothing", ([, url, path, detail]) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      // The types reject most of these values.
      const error = yield* failure(client.get(url, { path: path as Record<string, string> }))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
      expect(error.message).toContain(detail)
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("rejects a URL with a parameter and no path, and sends braces of a query", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      const url: string = "/users/{id}"
      for (const call of [
        client.get(url),
        client.get(url, { query: { a: 1 } }),
        client.request("GET", "/{+file}?a=1" as string)
      ]) {
        expect(yield* failure(call)).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
      }
      expect((yield* failure(client.get(url))).message).toContain(
        "the path parameter `id` is missing. Add it to `path`."
      )
      expect(yield* mock.sent).toEqual([])
      yield* run(client.get('/users?filter={"id":1}&x={y}' as string))
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it("sends any other value as one segment, from which the server reads it again", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.string({ unit: "binary", minLength: 1 }), (id) => {
        FastCheck.pre(id !== "." && id !== "..")
        return runPromise(
          Effect.gen(function* () {
            const { api: client, mock } = yield* api(ok)
            const exit = yield* Effect.exit(run(client.get("/users/{id}", { path: { id } })))
            const [sent] = yield* mock.sent
            // A control character is rejected. Everything else arrives unchanged.
            if (exit._tag === "Failure") expect(String(exit)).toContain("InvalidRequest")
            else expect(decodeURIComponent(sent?.url.slice(`${base}/users/`.length) ?? "")).toBe(id)
          })
        )
      })
    ))
})

describe("the options of a body", () => {
  it.effect("send JSON, forms, multipart forms, text and bytes with their content type", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      const multipart = { note: "x", file: new Blob(["y"], { type: "text/csv" }), tag: ["a", "b"] }
      yield* run(client.post("/x", { json: { a: 1 } }))
      yield* run(client.post("/x", { form: { user: "ä &", tags: ["a", "b"], none: undefined } }))
      yield* run(client.post("/x", { text: "hello" }))
      yield* run(client.post("/x", { body: new TextEncoder().encode("bytes") }))
      yield* run(client.post("/x", { body: HttpBody.text("own", "text/css") }))
      yield* run(client.post("/x", { json: [1], headers: { "content-type": "application/vnd.api+json" } }))
      yield* run(client.post("/x", { text: "<a/>", headers: { "content-type": "application/xml" } }))
      yield* run(client.post("/x", { multipart }))
      const sent = yield* mock.sent
      expect(sent.slice(0, 7).map(({ body, headers }) => [headers["content-type"], body])).toEqual([
        ["application/json", '{"a":1}'],
        ["application/x-www-form-urlencoded", "user=%C3%A4+%26&tags=a&tags=b"],
        ["text/plain", "hello"],
        ["application/octet-stream", "bytes"],
        ["text/css", "own"],
        ["application/vnd.api+json", "[1]"],
        ["application/xml", "<a/>"]
      ])
    })
  )

  it.effect("reject two bodies, and a jsonSchema without json", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      const two = yield* failure(client.post("/x", { json: 1, text: "x" }))
      expect(two.message).toContain("the options `json` and `text` both set the body. Give one of them.")
      const none = yield* failure(client.post("/x", { jsonSchema: Schema.NumberFromString }))
      expect(none.message).toContain("`jsonSchema` has no `json` to encode.")
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("retry a Blob and a form, but not a stream", () =>
    Effect.gen(function* () {
      for (const [body, requests] of [
        [{ body: new Blob(["x"]) }, 2],
        [{ form: { a: 1 } }, 2],
        [{ multipart: { a: "1" } }, 2],
        [{ body: Stream.make(new Uint8Array(1)) }, 1]
      ] as const) {
        const { api: client, mock } = yield* api([respond(503), ok()])
        yield* Effect.exit(run(client.put("/x", body)))
        expect(yield* mock.sent).toHaveLength(requests)
      }
    })
  )
})

describe("the options schema, errorSchema and withResponse", () => {
  const User = Schema.Struct({ id: Schema.Number })
  const Failure = Schema.Struct({ message: Schema.String })

  it.effect("decode the body, and return the response beside it", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200, { id: 1 }, { link: "</users?page=2>; rel=next" }))
      const [user, { headers }] = yield* run(client.get("/users", { schema: User, withResponse: true }))
      expect([user, headers["link"]]).toEqual([{ id: 1 }, "</users?page=2>; rel=next"])
      yield* run(client.get("/users"))
      yield* run(client.get("/users", { schema: User, headers: { accept: "application/vnd.api+json" } }))
      expect((yield* mock.sent).map(({ headers: { accept } }) => accept)).toEqual([
        "application/json",
        undefined,
        "application/vnd.api+json"
      ])
    })
  )

  it.effect("decode the body of an error, which is undefined if it does not match", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([
        respond(422, { message: "no name" }),
        respond(502, "<html>"),
        respond(404, { error: "other" })
      ])
      const call = () => failure(client.get("/users", { schema: User, errorSchema: Failure, retry: false }))
      const [first, second, third] = [yield* call(), yield* call(), yield* call()]
      expect([first._tag, "body" in first && first.body]).toEqual(["ClientError", { message: "no name" }])
      expect([second._tag, "body" in second && second.body]).toEqual(["Unavailable", undefined])
      expect([third._tag, "body" in third && third.body]).toEqual(["ClientError", undefined])
    })
  )
})

describe("the overrides of a call", () => {
  it.effect("replace time limits, also by longer ones", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => MockClient.never, { retry: false, timeout: { call: "5 seconds" } })
      const longer = yield* Effect.fork(
        Effect.flip(client.get("/x", { timeout: { call: "9 seconds", exchange: false } }))
      )
      const shorter = yield* Effect.fork(Effect.flip(client.get("/x", { timeout: "2 seconds" })))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(shorter)).toMatchObject({ _tag: "Timeout", scope: "call" })
      yield* TestClock.adjust("6 seconds")
      expect((yield* Fiber.poll(longer))._tag).toBe("None")
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(longer)).toMatchObject({ _tag: "Timeout", scope: "call" })
    })
  )

  it.effect("replace retries, redirects and the maximum size", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(({ url }) =>
        url.endsWith("/busy")
          ? respond(503)
          : url.endsWith("/moved")
            ? respond(302, "", { location: "/v1/x" })
            : respond(200, "12345")
      )
      expect((yield* failure(client.get("/busy", { retry: false })))._tag).toBe("Unavailable")
      expect(yield* requestTimes(mock)).toHaveLength(1)
      yield* failure(client.get("/busy", { retry: Schedule.recurs(4) }))
      expect(yield* requestTimes(mock)).toHaveLength(6)
      expect((yield* run(client.get("/moved", { redirects: false }))).status).toBe(302)
      expect((yield* failure(client.get("/big", { maxBodySize: 4 })))._tag).toBe("BodyTooLarge")
      expect((yield* run(client.get("/big"))).status).toBe(200)
    })
  )

  it.effect("share the retry budget of the client", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(503))
      yield* Effect.forEach(Array(200), () => failure(client.get("/x", { retry: Schedule.recurs(4) })))
      // Without the budget, 200 calls would send 1000 requests.
      expect((yield* mock.sent).length).toBeLessThan(300)
    })
  )
})

describe("the retry budget of a call", () => {
  it.effect("replaces that of the client", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(503))
      const retry = { schedule: Schedule.recurs(4), budget: false } as const
      yield* Effect.forEach(Array(20), () => failure(client.get("/x", { retry })))
      // The client's budget allows about 35 retries.
      expect(yield* mock.sent).toHaveLength(100)
    })
  )
})

describe("api.with", () => {
  const key = (value: string) => Auth.makeStatic(HttpClientRequest.setHeader("x-key", value))

  it.effect("adds default headers and parameters, which a call can replace", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok, { headers: { "x-a": "1", "x-b": "1" }, query: { v: 1, w: 1 } })
      const derived = client.with({ headers: { "X-B": "2" }, query: { w: 2, z: 2 }, auth: key("other") })
      yield* run(derived.get("/x"))
      yield* run(derived.get("/x?v=9", { query: { z: 3 }, headers: { "x-a": "3" } }))
      yield* run(client.get("/x"))
      expect(
        (yield* mock.sent).map(({ headers, url }) => [url, headers["x-a"], headers["x-b"], headers["x-key"]])
      ).toEqual([
        [`${base}/x?v=1&w=2&z=2`, "1", "2", "other"],
        [`${base}/x?v=9&w=2&z=3`, "3", "2", "other"],
        [`${base}/x?v=1&w=1`, "1", "1", undefined]
      ])
    })
  )

  it.effect("keeps the throttles of two accounts apart, and that of one account together", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(({ headers }) =>
        headers["x-key"] === "b" ? respond(429, "", { "retry-after": "600" }) : ok()
      )
      const accountB = key("b")
      const derived = client.with({ auth: accountB })
      expect(yield* failure(derived.get("/x"))).toMatchObject({ _tag: "RateLimited", source: "server" })
      expect(yield* failure(client.get("/x", { auth: accountB }))).toMatchObject({ source: "throttle" })
      expect((yield* run(client.get("/x"))).status).toBe(200)
    })
  )

  it.effect("reports an invalid parameter with each call", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(ok)
      const derived = client.with({ query: { a: Symbol("s") } as unknown as { a: string } })
      expect(yield* failure(derived.get("/x"))).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    })
  )
})

describe("api.request", () => {
  it.effect("sends any method that is a token in capitals", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      yield* run(client.request("PROPFIND", "/files/{id}", { path: { id: 1 }, schema: anySchema, text: "x" }))
      expect((yield* mock.sent)[0]).toMatchObject({ method: "PROPFIND", url: `${base}/files/1`, body: "x" })
      for (const method of ["", "get", "GE T", "GET\r\n", "CONNECT", "TRACE", "Ä", "X".repeat(41)]) {
        expect(yield* failure(client.request(method, "/x"))).toMatchObject({ _tag: "InvalidRequest", reason: "Method" })
      }
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})
