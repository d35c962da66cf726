import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Redirects from "@countersign/client/Redirects"
import * as RequestBody from "@countersign/client/RequestBody"
import * as Timeline from "@countersign/client/Timeline"
import * as Origin from "@countersign/protocol/Origin"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { api, base, failure, get, promise, run, transport, urls } from "./scripted.js"

const { respond, respondStream } = MockClient
const to = (location: string, status = 302) => respond(status, "moved", { location })
const done = respond(200, "done")

const bytes = (text: string) => new TextEncoder().encode(text)

describe("the next request", () => {
  const rows: ReadonlyArray<
    readonly [status: number, method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE", next: string]
  > = [
    [301, "GET", "GET"],
    [302, "GET", "GET"],
    [303, "GET", "GET"],
    [307, "GET", "GET"],
    [308, "GET", "GET"],
    [301, "HEAD", "HEAD"],
    [303, "HEAD", "HEAD"],
    [301, "POST", "GET without"],
    [302, "POST", "GET without"],
    [303, "POST", "GET without"],
    [303, "PUT", "GET without"],
    [303, "DELETE", "GET without"],
    [301, "PUT", "PUT with"],
    [302, "DELETE", "DELETE with"],
    [307, "POST", "POST with"],
    [308, "POST", "POST with"]
  ]

  it.effect("has the method and body of RFC 9110", () =>
    Effect.gen(function* () {
      for (const [status, method, next] of rows) {
        const withBody = method !== "GET" && method !== "HEAD"
        const { api: client, mock } = yield* api([to("/v1/y", status), done])
        const verb = { GET: client.get, HEAD: client.head, POST: client.post, PUT: client.put, DELETE: client.del }[
          method
        ]
        yield* run(verb("/x", withBody ? { json: { a: 1 }, headers: { "content-encoding": "identity" } } : {}))
        const [, second] = yield* mock.sent
        const shown = `${second?.method}${withBody ? (second?.body === undefined ? " without" : " with") : ""}`
        expect(shown, `${status} ${method}`).toBe(next)
        if (second?.body !== undefined) expect(second).toMatchObject({ body: '{"a":1}' })
        else expect(Object.keys(second!.headers).filter((name) => name.startsWith("content-"))).toEqual([])
      }
    })
  )

  it.effect("is resolved against the URL that was asked, and leaves its parameters behind", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to("../z?b=2"), done])
      yield* run(client.get("/a/b/c", { urlParams: { a: "1" } }))
      expect(yield* urls(mock)).toEqual(["GET https://api.test/v1/a/b/c?a=1", "GET https://api.test/v1/a/z?b=2"])
    })
  )

  it.effect("that takes the body along takes the type that the caller gave it", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to("/v1/y", 307), done])
      const request = HttpClientRequest.patch("/x").pipe(
        HttpClientRequest.bodyUnsafeJson({ a: 1 }),
        HttpClientRequest.setHeader("content-type", "application/merge-patch+json")
      )
      yield* run(client.execute(request))
      const types = (yield* mock.sent).map(({ headers }) => headers["content-type"])
      expect(types).toEqual(["application/merge-patch+json", "application/merge-patch+json"])
    })
  )

  it.effect("to the same origin keeps the caller's headers, signs anew and repeats no default twice", () =>
    Effect.gen(function* () {
      let n = 0
      const auth = Auth.makeStaticEffect((request) =>
        Effect.sync(() => HttpClientRequest.setHeader(request, "x-sig", `s${++n}`))
      )
      const { api: client, mock } = yield* api([to("https://API.test:443/outside"), done], {
        auth,
        headers: { "x-default": "d" }
      })
      yield* run(client.get("/x", { headers: { "x-own": "o" } }))
      const sent = yield* mock.sent
      expect(sent.map(({ headers }) => [headers["x-sig"], headers["x-default"], headers["x-own"]])).toEqual([
        ["s1", "d", "o"],
        ["s2", "d", "o"]
      ])
    })
  )

  it.effect("is told in the timeline without query values", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([to("/v1/y?code=canary"), done])
      const { events } = yield* run(Timeline.record(client.get("/x")))
      expect(events.map(({ _tag }) => _tag)).toEqual([
        "RequestSent",
        "ResponseReceived",
        "Redirected",
        "RequestSent",
        "ResponseReceived"
      ])
      expect(JSON.stringify(events)).not.toContain("canary")
    })
  )
})

describe("an answer that is no redirect", () => {
  it.effect("is given out, body and all: 300, 304, 305, 306, and any without a Location", () =>
    Effect.gen(function* () {
      for (const status of [300, 304, 305, 306]) {
        const { api: client, mock } = yield* api([respond(status, "text", { location: "/v1/y" })])
        expect((yield* run(client.get("/x"))).status).toBe(status)
        expect(yield* mock.released, String(status)).toHaveLength(1)
      }
      const { api: client, mock } = yield* api([respond(302, "no location")])
      const response = yield* run(client.get("/x"))
      expect([yield* response.text, yield* response.text]).toEqual(["no location", "no location"])
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("with redirects: false a 302 is an answer like any other", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to("/v1/y")], { redirects: false })
      const response = yield* run(client.get("/x"))
      expect([response.status, yield* response.text, yield* response.text]).toEqual([302, "moved", "moved"])
      expect(yield* mock.released).toHaveLength(1)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})

describe("a redirect that is rejected", () => {
  const rejection = (location: string, options?: Redirects.Options, status = 302) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to(location, status), done], options ? { redirects: options } : {})
      const error = yield* failure(client.post("/x", { json: "body" }))
      expect(yield* mock.sent, location).toHaveLength(1)
      expect(yield* mock.released).toHaveLength(1)
      return error
    })

  it.effect("sends nothing to its target, and says why", () =>
    Effect.gen(function* () {
      const rows: ReadonlyArray<readonly [string, string, Redirects.Options?, number?]> = [
        ["http://api.test/v1/y", "Downgrade"],
        ["http://other.test/", "Downgrade"],
        ["file:///etc/passwd", "UnsupportedScheme"],
        ["javascript:alert(1)", "UnsupportedScheme"],
        ["https://user:canary@api.test/", "Credentials"],
        ["https://user@evil.test/", "Credentials"],
        ["https://[::", "InvalidLocation"],
        ["https://other.test/", "CrossOrigin", { crossOrigin: "reject" }],
        ["https://other.test/", "CrossOriginBody", {}, 307],
        ["https://other.test/", "CrossOriginBody", {}, 308],
        ["/y", "TooMany", { limit: 0 }]
      ]
      for (const [location, reason, options, status] of rows) {
        const error = yield* rejection(location, options, status)
        expect(error, location).toMatchObject({ _tag: "RedirectRejected", reason, status: status ?? 302 })
        expect(error.message).not.toContain("canary")
      }
    })
  )

  it.effect("is the sixth one of a chain or a loop", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api((request) => to(request.url.endsWith("/x") ? "/v1/y" : "/v1/x"))
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "RedirectRejected", reason: "TooMany" })
      expect(yield* mock.sent).toHaveLength(6)
      expect(yield* mock.released).toHaveLength(6)
    })
  )

  it.effect("is one that asks again for a body that can be sent once", () =>
    Effect.gen(function* () {
      const once = HttpBody.stream(Stream.make(bytes("once")))
      const again = RequestBody.markReplayable(HttpBody.stream(Stream.make(bytes("again"))))
      const first = yield* api([to("/v1/y", 307), done])
      expect(yield* failure(first.api.post("/x", { body: once }))).toMatchObject({ reason: "BodyNotReplayable" })
      expect(yield* first.mock.sent).toHaveLength(1)
      const second = yield* api([to("/v1/y", 307), done])
      yield* run(second.api.post("/x", { body: again }))
      expect((yield* second.mock.sent).map(({ body }) => body)).toEqual(["again", "again"])
      const third = yield* api([to("/v1/y", 303), done])
      yield* run(third.api.post("/x", { body: once }))
      expect((yield* third.mock.sent).map(({ body }) => body)).toEqual(["once", undefined])
    })
  )

  it.effect("keeps its answer within reach", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([to("http://other.test/")])
      const error = yield* failure(client.get("/x"))
      expect(error._tag).toBe("RedirectRejected")
      if (error._tag === "RedirectRejected") expect(yield* error.response!.text).toBe("moved")
    })
  )
})

describe("the answer that is left behind", () => {
  it.effect("is released before the next request, even if it never ends", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respondStream(302, Stream.never, { location: "/v1/y" }), done])
      yield* run(client.get("/x"))
      expect((yield* mock.events).map((event) => `${event._tag} ${event.index} ${event.at}`)).toEqual([
        "Sent 0 0",
        "Released 0 1000",
        "Sent 1 1000",
        "Released 1 1000"
      ])
    })
  )
})

describe("credentials and another origin", () => {
  const canary = "c4n4ry"
  // Under which name a key travels is the API's choice: none of these is on a list.
  const names = [
    "authorization",
    "cookie",
    "x-api-key",
    "proxy-authorization",
    "dpop",
    "apikey",
    "x",
    "x-amz-date",
    "referer",
    "accept-key",
    "if-api-token"
  ]
  const name = FastCheck.constantFrom(...names)
  const places = {
    signed: (field: string): Place => ({
      options: {
        auth: Auth.makeStaticEffect((request) => Effect.succeed(HttpClientRequest.setHeader(request, field, canary)))
      }
    }),
    "default header": (field: string): Place => ({ options: { headers: { [field]: canary } } }),
    "caller's header": (field: string): Place => ({ call: { headers: { [field]: canary } } }),
    "caller's query": (field: string): Place => ({ call: { urlParams: { [field]: canary } } }),
    "signed query": (field: string): Place => ({
      options: {
        auth: Auth.makeStaticEffect((request) => Effect.succeed(HttpClientRequest.setUrlParam(request, field, canary)))
      }
    }),
    body: (): Place => ({ call: { json: { canary } } })
  }
  interface Place {
    readonly options?: Partial<ApiClient.Options>
    readonly call?: {
      readonly headers?: Record<string, string>
      readonly urlParams?: Record<string, string>
      readonly json?: unknown
    }
  }
  const origin = FastCheck.record({
    scheme: FastCheck.constantFrom("https", "http"),
    host: FastCheck.constantFrom("api.test", "evil.test", "sub.api.test", "api.test.evil.test", "127.0.0.1", "[::1]"),
    port: FastCheck.constantFrom("", ":443", ":80", ":8443")
  })

  it("never meet: scheme × host × port × status × method × place × name", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(origin, { minLength: 1, maxLength: 3 }),
        FastCheck.constantFrom(301, 302, 303, 307, 308),
        FastCheck.constantFrom("get", "post", "put", "del"),
        FastCheck.constantFrom(...(Object.keys(places) as ReadonlyArray<keyof typeof places>)),
        name,
        (hops, status, verb, place, field) =>
          promise(
            Effect.gen(function* () {
              const put = places[place](field)
              const targets = hops.map(({ host, port, scheme }) => `${scheme}://${host}${port}/t`)
              const script = (_: MockClient.Sent, index: number) =>
                index < targets.length ? to(targets[index]!, status) : done
              const { api: client, mock } = yield* api(script, put.options ?? {})
              yield* Effect.exit(run(client[verb as "get"]("/x", put.call ?? {})))
              for (const [index, sent] of (yield* mock.sent).entries()) {
                if (Origin.same(sent.url, base)) continue
                expect(index).toBeGreaterThan(0)
                expect(JSON.stringify(sent), `${place} ${field} → ${sent.url}`).not.toContain(canary)
                // http is reached only from http, and the base is https.
                expect(sent.url.startsWith("https://")).toBe(true)
              }
            })
          )
      ),
      { numRuns: 60 }
    ))

  it.effect("harmless headers travel", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to("https://other.test/y"), done])
      const headers = {
        accept: "text/plain",
        "accept-language": "eo",
        "user-agent": "ua",
        range: "bytes=0-1",
        "if-none-match": '"e"',
        "x-own": "o"
      }
      yield* run(client.get("/x", { headers }))
      const { "x-own": _, ...harmless } = headers
      expect((yield* mock.sent)[1]?.headers).toEqual({ ...harmless, "accept-encoding": "identity" })
    })
  )

  it.effect("a body crosses only where that was said by name, and bare", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to("https://other.test/y", 307), done], {
        redirects: { crossOriginBody: true },
        headers: { "x-key": "canary" }
      })
      yield* run(client.post("/x", { json: { a: 1 } }))
      const [, second] = yield* mock.sent
      expect(second).toMatchObject({ method: "POST", body: '{"a":1}' })
      expect(second?.headers).toEqual({ "content-type": "application/json", "content-length": "7" })
    })
  )

  it.effect("a hop back to the own origin is signed anew, and what was left behind stays there", () =>
    Effect.gen(function* () {
      let n = 0
      const auth = Auth.makeStaticEffect((request) =>
        Effect.sync(() => HttpClientRequest.setHeader(request, "x-sig", `s${++n}`))
      )
      const { api: client, mock } = yield* api([to("https://other.test/y"), to("https://api.test/v1/z"), done], {
        auth
      })
      yield* run(client.get("/x", { headers: { "x-own": "o" } }))
      expect((yield* mock.sent).map(({ headers }) => [headers["x-sig"], headers["x-own"]])).toEqual([
        ["s1", "o"],
        [undefined, undefined],
        ["s2", undefined]
      ])
    })
  )
})

describe("the policy alone", () => {
  it.effect("follows with its defaults, and says of a request without URL what is wrong", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([to("/v1/y"), done])
      expect((yield* run(Redirects.follow()(client).execute(get()))).status).toBe(200)
      expect(yield* urls(mock)).toEqual([`GET ${base}/x`, `GET ${base}/y`])
    })
  )

  it.effect("tells a redirect from other answers", () =>
    Effect.gen(function* () {
      const { client } = yield* transport([to("/y"), respond(302), respond(304), respond(200, "", { location: "/y" })])
      const answers = yield* Effect.all(Array.from({ length: 4 }, () => client.execute(get())))
      expect(answers.map(Redirects.isRedirect)).toEqual([true, false, false, false])
    })
  )
})
