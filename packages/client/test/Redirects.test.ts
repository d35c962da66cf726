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
import { api, base, failure, get, runPromise, run, transport, urls } from "./support/mockApi.js"

const { respond, respondStream } = MockClient
const redirectTo = (location: string, status = 302) => respond(status, "moved", { location })
const ok = respond(200, "done")

const bytes = (text: string) => new TextEncoder().encode(text)

describe("Redirects.follow", () => {
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

  it.effect("changes method and body per status as RFC 9110 defines", () =>
    Effect.gen(function* () {
      for (const [status, method, next] of rows) {
        const withBody = method !== "GET" && method !== "HEAD"
        const { api: client, mock } = yield* api([redirectTo("/v1/y", status), ok])
        yield* run(
          client.request(method, "/x", withBody ? { json: { a: 1 }, headers: { "content-encoding": "identity" } } : {})
        )
        const [, second] = yield* mock.sent
        const actual = `${second?.method}${withBody ? (second?.body === undefined ? " without" : " with") : ""}`
        expect(actual, `${status} ${method}`).toBe(next)
        if (second?.body !== undefined) expect(second).toMatchObject({ body: '{"a":1}' })
        else expect(Object.keys(second!.headers).filter((name) => name.startsWith("content-"))).toEqual([])
      }
    })
  )

  it.effect("resolves Location against the requested URL and drops its parameters", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([redirectTo("../z?b=2"), ok])
      yield* run(client.get("/a/b/c", { query: { a: "1" } }))
      expect(yield* urls(mock)).toEqual(["GET https://api.test/v1/a/b/c?a=1", "GET https://api.test/v1/a/z?b=2"])
    })
  )

  it.effect("keeps the content-type of the caller when the body is sent again", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([redirectTo("/v1/y", 307), ok])
      const request = HttpClientRequest.patch("/x").pipe(
        HttpClientRequest.bodyUnsafeJson({ a: 1 }),
        HttpClientRequest.setHeader("content-type", "application/merge-patch+json")
      )
      yield* run(client.execute(request))
      const types = (yield* mock.sent).map(({ headers }) => headers["content-type"])
      expect(types).toEqual(["application/merge-patch+json", "application/merge-patch+json"])
    })
  )

  it.effect("keeps the caller's headers, signs again and adds defaults once on the same origin", () =>
    Effect.gen(function* () {
      let signCount = 0
      const auth = Auth.makeStaticEffect((request) =>
        Effect.sync(() => HttpClientRequest.setHeader(request, "x-sig", `s${++signCount}`))
      )
      const { api: client, mock } = yield* api([redirectTo("https://API.test:443/outside"), ok], {
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

  it.effect("records the redirect in the timeline without query values", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([redirectTo("/v1/y?code=canary"), ok])
      const { events } = yield* run(Timeline.record(client.get("/x")))
      expect(events.map(({ _tag }) => _tag)).toEqual([
        "CallStarted",
        "RequestSent",
        "ResponseReceived",
        "Redirected",
        "RequestSent",
        "ResponseReceived",
        "CallEnded"
      ])
      expect(JSON.stringify(events)).not.toContain("canary")
    })
  )
})

describe("Redirects.follow, responses that are not followed", () => {
  it.effect("returns 300, 304, 305, 306 and responses without Location with their body", () =>
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

  it.effect("returns a 302 with its body when redirects is false", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([redirectTo("/v1/y")], { redirects: false })
      const response = yield* run(client.get("/x"))
      expect([response.status, yield* response.text, yield* response.text]).toEqual([302, "moved", "moved"])
      expect(yield* mock.released).toHaveLength(1)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})

describe("RedirectRejected", () => {
  const rejection = (location: string, options?: Redirects.Options, status = 302) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(
        [redirectTo(location, status), ok],
        options ? { redirects: options } : {}
      )
      const error = yield* failure(client.post("/x", { json: "body" }))
      expect(yield* mock.sent, location).toHaveLength(1)
      expect(yield* mock.released).toHaveLength(1)
      return error
    })

  it.effect("names the reason, and sends nothing to the target", () =>
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

  it.effect("fails with TooMany at the sixth redirect of a chain or loop", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api((request) => redirectTo(request.url.endsWith("/x") ? "/v1/y" : "/v1/x"))
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "RedirectRejected", reason: "TooMany" })
      expect(yield* mock.sent).toHaveLength(6)
      expect(yield* mock.released).toHaveLength(6)
    })
  )

  it.effect("fails with BodyNotReplayable when a 307 repeats a body that can be sent once", () =>
    Effect.gen(function* () {
      const once = HttpBody.stream(Stream.make(bytes("once")))
      const replayable = RequestBody.markReplayable(HttpBody.stream(Stream.make(bytes("again"))))
      const first = yield* api([redirectTo("/v1/y", 307), ok])
      expect(yield* failure(first.api.post("/x", { body: once }))).toMatchObject({ reason: "BodyNotReplayable" })
      expect(yield* first.mock.sent).toHaveLength(1)
      const second = yield* api([redirectTo("/v1/y", 307), ok])
      yield* run(second.api.post("/x", { body: replayable }))
      expect((yield* second.mock.sent).map(({ body }) => body)).toEqual(["again", "again"])
      const third = yield* api([redirectTo("/v1/y", 303), ok])
      yield* run(third.api.post("/x", { body: once }))
      expect((yield* third.mock.sent).map(({ body }) => body)).toEqual(["once", undefined])
    })
  )

  it.effect("gives access to the redirect response", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([redirectTo("http://other.test/")])
      const error = yield* failure(client.get("/x"))
      expect(error._tag).toBe("RedirectRejected")
      if (error._tag === "RedirectRejected") expect(yield* error.response!.text).toBe("moved")
    })
  )
})

describe("Redirects.follow, previous response", () => {
  it.effect("releases the previous response before the next request, even if its body never ends", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respondStream(302, Stream.never, { location: "/v1/y" }), ok])
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

describe("Redirects.follow across origins", () => {
  const canary = "c4n4ry"
  // Any header name can carry a key: none of these is on a list of sensitive headers.
  const headerNames = [
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
  const name = FastCheck.constantFrom(...headerNames)
  const secretLocations = {
    signed: (field: string): SecretLocation => ({
      options: {
        auth: Auth.makeStaticEffect((request) => Effect.succeed(HttpClientRequest.setHeader(request, field, canary)))
      }
    }),
    "default header": (field: string): SecretLocation => ({ options: { headers: { [field]: canary } } }),
    "caller's header": (field: string): SecretLocation => ({ call: { headers: { [field]: canary } } }),
    "caller's query": (field: string): SecretLocation => ({ call: { urlParams: { [field]: canary } } }),
    "signed query": (field: string): SecretLocation => ({
      options: {
        auth: Auth.makeStaticEffect((request) => Effect.succeed(HttpClientRequest.setUrlParam(request, field, canary)))
      }
    }),
    body: (): SecretLocation => ({ call: { json: { canary } } })
  }
  interface SecretLocation {
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

  it("never sends a secret to another origin, for any scheme, host, port, status, method and location", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(origin, { minLength: 1, maxLength: 3 }),
        FastCheck.constantFrom(301, 302, 303, 307, 308),
        FastCheck.constantFrom("get", "post", "put", "del"),
        FastCheck.constantFrom(...(Object.keys(secretLocations) as ReadonlyArray<keyof typeof secretLocations>)),
        name,
        (hops, status, verb, location, field) =>
          runPromise(
            Effect.gen(function* () {
              const put = secretLocations[location](field)
              const targets = hops.map(({ host, port, scheme }) => `${scheme}://${host}${port}/t`)
              const script = (_: MockClient.Sent, index: number) =>
                index < targets.length ? redirectTo(targets[index]!, status) : ok
              const { api: client, mock } = yield* api(script, put.options ?? {})
              yield* Effect.exit(run(client[verb as "get"]("/x", put.call ?? {})))
              for (const [index, sent] of (yield* mock.sent).entries()) {
                if (Origin.same(sent.url, base)) continue
                expect(index).toBeGreaterThan(0)
                expect(JSON.stringify(sent), `${location} ${field} → ${sent.url}`).not.toContain(canary)
                // The base URL is https, and https never redirects to http.
                expect(sent.url.startsWith("https://")).toBe(true)
              }
            })
          )
      ),
      { numRuns: 60 }
    ))

  it.effect("sends standard request headers to another origin", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([redirectTo("https://other.test/y"), ok])
      const headers = {
        accept: "text/plain",
        "accept-language": "eo",
        "user-agent": "ua",
        range: "bytes=0-1",
        "if-none-match": '"e"',
        "x-own": "o"
      }
      yield* run(client.get("/x", { headers }))
      const { "x-own": _, ...standard } = headers
      expect((yield* mock.sent)[1]?.headers).toEqual({ ...standard, "accept-encoding": "identity" })
    })
  )

  it.effect("sends a body to another origin only with crossOriginBody, without own headers", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([redirectTo("https://other.test/y", 307), ok], {
        redirects: { crossOriginBody: true },
        headers: { "x-key": "canary" }
      })
      yield* run(client.post("/x", { json: { a: 1 } }))
      const [, second] = yield* mock.sent
      expect(second).toMatchObject({ method: "POST", body: '{"a":1}' })
      expect(second?.headers).toEqual({ "content-type": "application/json", "content-length": "7" })
    })
  )

  it.effect("signs again when it returns to the own origin, without restoring the caller's headers", () =>
    Effect.gen(function* () {
      let signCount = 0
      const auth = Auth.makeStaticEffect((request) =>
        Effect.sync(() => HttpClientRequest.setHeader(request, "x-sig", `s${++signCount}`))
      )
      const { api: client, mock } = yield* api(
        [redirectTo("https://other.test/y"), redirectTo("https://api.test/v1/z"), ok],
        {
          auth
        }
      )
      yield* run(client.get("/x", { headers: { "x-own": "o" } }))
      expect((yield* mock.sent).map(({ headers }) => [headers["x-sig"], headers["x-own"]])).toEqual([
        ["s1", "o"],
        [undefined, undefined],
        ["s2", undefined]
      ])
    })
  )
})

describe("Redirects", () => {
  it.effect("follows redirects with default options", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([redirectTo("/v1/y"), ok])
      expect((yield* run(Redirects.follow()(client).execute(get()))).status).toBe(200)
      expect(yield* urls(mock)).toEqual([`GET ${base}/x`, `GET ${base}/y`])
    })
  )

  it.effect("detects redirects with isRedirect", () =>
    Effect.gen(function* () {
      const { client } = yield* transport([
        redirectTo("/y"),
        respond(302),
        respond(304),
        respond(200, "", { location: "/y" })
      ])
      const answers = yield* Effect.all(Array.from({ length: 4 }, () => client.execute(get())))
      expect(answers.map(Redirects.isRedirect)).toEqual([true, false, false, false])
    })
  )
})
