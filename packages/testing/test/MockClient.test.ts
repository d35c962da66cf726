import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import { describe, expect, it } from "@effect/vitest"
import * as MockClient from "@countersign/testing/MockClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const url = "https://api.example.com/things"

/** The code in a nested cause, at the depth where undici has it. */
const code = (error: HttpClientError.HttpClientError, depth: number): unknown => {
  let cause: unknown = error
  for (let i = 0; i < depth; i++) cause = cause instanceof Error ? cause.cause : undefined
  return cause instanceof Error && "code" in cause ? cause.code : undefined
}

describe("MockClient script", () => {
  it.effect("uses steps in order, regardless of the request", () =>
    Effect.gen(function* () {
      const { client } = yield* MockClient.make([MockClient.respond(503), MockClient.respond(200, "done")])
      const first = yield* client.get(url)
      const second = yield* client.post(url)
      expect([first.status, second.status]).toEqual([503, 200])
      expect(yield* second.text).toBe("done")
    })
  )

  it.effect("selects a step with a function of the request and its index", () =>
    Effect.gen(function* () {
      const { client } = yield* MockClient.make((request, index) => MockClient.respond(200, [index, request.method]))
      expect(yield* (yield* client.get(url)).json).toEqual([0, "GET"])
      expect(yield* (yield* client.del(url)).json).toEqual([1, "DELETE"])
    })
  )

  it.effect("dies beyond the last step and lists the requests", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([MockClient.respond(204)])
      yield* client.get(url)
      const cause = yield* Effect.sandbox(client.post(`${url}/2`)).pipe(Effect.flip)
      const error = Option.getOrThrow(Cause.dieOption(cause)) as Error
      expect(error.message).toContain("the script ended after 1 step, and request 2 was sent")
      expect(error.message).toContain(`1. GET ${url} → 204`)
      expect(error).toMatchObject({ code: "ERR_MOCK_SCRIPT_ENDED" })
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.effect("dies beyond the last step without a retry of the client", () =>
    Effect.gen(function* () {
      for (const method of ["get", "post"] as const) {
        const { client, mock } = yield* MockClient.make([])
        const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none }).pipe(
          Effect.provideService(HttpClient.HttpClient, client)
        )
        const cause = yield* Effect.sandbox(api[method]("/x")).pipe(Effect.flip)
        expect(Cause.pretty(cause)).toContain("the script ended after 0 steps, and request 1 was sent")
        expect(yield* mock.sent).toHaveLength(1)
      }
    })
  )

  it.effect("sends objects as JSON, strings as text and bytes unchanged, with the content-type of the script", () =>
    Effect.gen(function* () {
      const { client } = yield* MockClient.make([
        MockClient.respond(200, { a: 1 }),
        MockClient.respond(200, "a"),
        MockClient.respond(200, new Uint8Array([1, 2])),
        MockClient.respond(400, { status: 400 }, { "Content-Type": "application/problem+json" }),
        MockClient.respond(200)
      ])
      const responses = yield* Effect.all(Array.from({ length: 5 }, () => client.get(url)))
      expect(responses.map((response) => response.headers["content-type"])).toEqual([
        "application/json",
        "text/plain; charset=utf-8",
        "application/octet-stream",
        "application/problem+json",
        undefined
      ])
      expect(new Uint8Array(yield* responses[2]!.arrayBuffer)).toEqual(new Uint8Array([1, 2]))
      expect(yield* responses[4]!.text).toBe("")
    })
  )

  it.effect("sends several cookies separately", () =>
    Effect.gen(function* () {
      const { client } = yield* MockClient.make([
        MockClient.respond(200, undefined, { "set-cookie": ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"] })
      ])
      const response = yield* client.get(url)
      expect(Object.keys(response.cookies.cookies)).toEqual(["a", "b"])
    })
  )

  it.effect.prop(
    "returns any status unchanged, with a body where the status allows one",
    [FastCheck.integer({ min: 0, max: 999 })],
    ([status]) =>
      Effect.gen(function* () {
        const { client } = yield* MockClient.make([MockClient.respond(status, "body")])
        const response = yield* client.get(url)
        expect(response.status).toBe(status)
        expect(yield* response.text).toBe([204, 205, 304].includes(status) ? "" : "body")
      })
  )
})

describe("MockClient failures", () => {
  it.effect("fails with RequestError and the code in its cause", () =>
    Effect.gen(function* () {
      const { client } = yield* MockClient.make([MockClient.fail("ECONNREFUSED"), MockClient.fail("EHOSTUNREACH")])
      const first = yield* Effect.flip(client.get(url))
      const second = yield* Effect.flip(client.get(url))
      expect(first).toMatchObject({ _tag: "RequestError", reason: "Transport" })
      expect([code(first, 1), code(second, 1)]).toEqual(["ECONNREFUSED", "EHOSTUNREACH"])
    })
  )

  it.effect("fails a truncated body with ResponseError and its status, with the code two causes deep", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([
        MockClient.truncated(200, '{"half":'),
        MockClient.truncated(200, "half", { code: "UND_ERR_BODY_TIMEOUT" })
      ])
      const text = yield* Effect.flip((yield* client.get(url)).text)
      expect(text).toMatchObject({ _tag: "ResponseError", reason: "Decode", response: { status: 200 } })
      expect(code(text, 2)).toBe("UND_ERR_SOCKET")

      const seen: Array<string> = []
      const body = (yield* client.get(url)).stream.pipe(Stream.decodeText())
      const exit = yield* Effect.exit(Stream.runForEach(body, (part) => Effect.sync(() => seen.push(part))))
      expect(seen).toEqual(["half"])
      const failure = Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : undefined
      expect(failure).toMatchObject({ _tag: "Some", value: { _tag: "ResponseError", reason: "Decode" } })
      expect((yield* mock.released).map((release) => release.how)).toEqual(["failed", "failed"])
    })
  )

  it.effect("records the interruption of a request without a response", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([MockClient.never])
      const fiber = yield* Effect.fork(Effect.timeoutOption(client.get(url), "3 seconds"))
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "None" })
      expect(yield* mock.interrupted).toEqual([{ _tag: "Interrupted", index: 0, at: 3000 }])
    })
  )
})

describe("MockClient records", () => {
  it.effect("records the query unchanged, followed by parameters", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make(() => MockClient.respond(200))
      const request = (path: string) => HttpClientRequest.get(`https://api.example.com${path}`)
      const query = "?flag&name=a%20b&f[n]=1&sig=~x&q='a'"
      yield* client.execute(HttpClientRequest.setUrlParam(request(`/x${query}`), "b", "2"))
      yield* client.execute(HttpClientRequest.setUrlParam(request("/x?a=1&#top?"), "b", "2"))
      yield* client.execute(HttpClientRequest.setUrlParam(request("/x?#top"), "b", "2"))
      yield* client.execute(request("/x?"))
      yield* client.execute(request("/it's#it's?"))
      expect((yield* mock.sent).map(({ url }) => url.slice("https://api.example.com".length))).toEqual([
        `/x${query}&b=2`,
        "/x?a=1&b=2#top?",
        "/x?b=2#top",
        "/x?",
        "/it's#it's?"
      ])
    })
  )

  it.effect("records the absolute URL, headers in lower case and the body as text", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([MockClient.respond(201), MockClient.respond(201)])
      yield* TestClock.setTime(1_700_000_000_000)
      yield* HttpClientRequest.post(`${url}?a=1`).pipe(
        HttpClientRequest.setUrlParam("b", "ü"),
        HttpClientRequest.setHeader("X-Api-Key", "k"),
        HttpClientRequest.bodyUnsafeJson({ name: "x" }),
        client.execute
      )
      const body = Stream.make("one ", "two").pipe(Stream.encodeText)
      yield* client.post(url, { body: HttpBody.stream(body) })
      const [first, second] = yield* mock.sent
      expect(first).toEqual({
        _tag: "Sent",
        index: 0,
        at: 1_700_000_000_000,
        method: "POST",
        url: `${url}?a=1&b=%C3%BC`,
        headers: { "x-api-key": "k", "content-type": "application/json", "content-length": "12" },
        body: '{"name":"x"}',
        json: { name: "x" }
      })
      expect([second?.body, second?.json]).toEqual(["one two", undefined])
    })
  )

  it.effect.each<readonly [type: string, text: string, json: unknown]>([
    ["application/json", "[1]", [1]],
    ["application/json; charset=utf-8", "null", null],
    ["application/merge-patch+json", "{}", {}],
    ["Application/JSON", "1", 1],
    ["application/json", "[1", undefined],
    ["application/json-seq", "1", undefined],
    ["text/plain", "1", undefined]
  ])("decodes the body by its media type: %s with %s", ([type, text, json]) =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([MockClient.respond(200)])
      yield* client.post(url, { body: HttpBody.text(text, type) })
      expect((yield* mock.sent)[0]).toMatchObject({ body: text, json })
    })
  )

  it.effect("fails with Encode and records nothing when the request body fails", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([MockClient.respond(200)])
      const error = yield* Effect.flip(client.post(url, { body: HttpBody.stream(Stream.fail("broken")) }))
      expect(error).toMatchObject({ _tag: "RequestError", reason: "Encode" })
      expect(yield* mock.sent).toEqual([])
      expect((yield* client.get(url)).status).toBe(200)
    })
  )

  it.effect("records times of the test clock", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([
        MockClient.delay("2 seconds", MockClient.fail("ECONNRESET")),
        MockClient.respond(200)
      ])
      const fiber = yield* Effect.fork(Effect.retry(client.get(url), Schedule.spaced("10 seconds")))
      yield* TestClock.adjust("12 seconds")
      expect((yield* Fiber.join(fiber)).status).toBe(200)
      expect((yield* mock.sent).map((sent) => sent.at)).toEqual([0, 12_000])
    })
  )

  it.effect("records the release of a body when it is drained or cancelled, and none while it is unread", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make(() => MockClient.respond(503, "x".repeat(100)))
      const kept = yield* client.get(url)
      const drained = yield* client.get(url)
      const cancelled = yield* client.get(url)
      yield* TestClock.adjust("1 second")
      expect(yield* mock.released).toEqual([])
      yield* Stream.runDrain(drained.stream)
      yield* TestClock.adjust("1 second")
      yield* Stream.runDrain(Stream.take(cancelled.stream, 1))
      expect(yield* mock.released).toEqual([
        { _tag: "Released", index: 1, at: 1000, how: "drained" },
        { _tag: "Released", index: 2, at: 2000, how: "cancelled" }
      ])
      expect(kept.status).toBe(503)
    })
  )

  it.effect("records an aborted body when the scope of the request closes", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([MockClient.respond(200, "body")])
      yield* Effect.scoped(HttpClient.withScope(client).get(url))
      expect(yield* mock.released).toEqual([{ _tag: "Released", index: 0, at: 0, how: "aborted" }])
    })
  )

  it.effect("runs a streaming body while it is read, on the test clock", () =>
    Effect.gen(function* () {
      const parts = Stream.make("a", "b", "c").pipe(Stream.schedule(Schedule.spaced("1 second")), Stream.encodeText)
      const { client, mock } = yield* MockClient.make([MockClient.respondStream(200, parts)])
      const response = yield* client.get(url)
      yield* TestClock.adjust("1 minute")
      const fiber = yield* Effect.fork(response.text)
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(fiber)).toBe("abc")
      expect(yield* mock.released).toEqual([{ _tag: "Released", index: 0, at: 63_000, how: "drained" }])
    })
  )

  it.effect("lists all events in order", () =>
    Effect.gen(function* () {
      const mock = yield* MockClient.MockClient
      const client = yield* HttpClient.HttpClient
      yield* (yield* client.get(url)).text
      yield* client.head(url)
      expect((yield* mock.events).map((event) => event._tag)).toEqual(["Sent", "Released", "Sent", "Released"])
      expect((yield* mock.released).map((release) => release.how)).toEqual(["drained", "empty"])
    }).pipe(Effect.provide(MockClient.layer(() => MockClient.respond(200, "body"))))
  )
})
