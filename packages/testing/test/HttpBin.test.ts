import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { createHash } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Crypto from "node:crypto"
import * as Http from "node:http"

const call = (
  method: "GET" | "POST",
  path: string,
  headers: Record<string, string> = {},
  body: HttpBody.HttpBody = HttpBody.empty
) =>
  Effect.gen(function* () {
    const { baseUrl } = yield* HttpBin.HttpBin
    const client = yield* HttpClient.HttpClient
    return yield* client.execute(
      HttpClientRequest.setBody(HttpClientRequest.make(method)(baseUrl + path, { headers }), body)
    )
  })

const get = (path: string, headers?: Record<string, string>) => call("GET", path, headers)

const basic = (user: string, password: string) => ({ authorization: `Basic ${btoa(`${user}:${password}`)}` })

const memory = <A, E>(effect: Effect.Effect<A, E, HttpBin.HttpBin | HttpClient.HttpClient>, options = {}) =>
  Effect.provide(effect, HttpBin.layerMemoryWith(options))

/** One connection per origin. An agent without a limit opens a second one for sequential requests. */
const dispatcher = Layer.scoped(
  NodeHttpClient.Dispatcher,
  Effect.acquireRelease(
    Effect.sync(() => new Undici.Agent({ connections: 1 })),
    (agent) => Effect.promise(() => agent.destroy())
  )
)

const port = HttpBin.layer.pipe(
  Layer.provide(NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })),
  Layer.provideMerge(Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher, dispatcher))
)

/** Both transports run the same app: with and without a socket. */
const transports = [
  ["on a real port", port],
  ["in memory", HttpBin.layerMemory]
] as const

describe.each(transports)("HttpBin %s", (_, layer) => {
  it.effect("echoes parameters, and headers in title case", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* HttpBin.HttpBin
      const echo = yield* (yield* get("/get?a=1&a=2&b=%C3%BC", { "x-api-key": "k" })).json
      expect(echo).toMatchObject({
        args: { a: ["1", "2"], b: "ü" },
        headers: { "X-Api-Key": "k", Host: baseUrl.slice("http://".length) },
        url: `${baseUrl}/get?a=1&a=2&b=%C3%BC`
      })
      const headers = yield* (yield* get("/headers", { "user-agent": "countersign/0.1" })).json
      expect(headers).toMatchObject({ headers: { "User-Agent": "countersign/0.1" } })
    }).pipe(Effect.provide(layer))
  )

  it.effect("echoes a body as data, JSON, form or data URL", () =>
    Effect.gen(function* () {
      const echo = (body: HttpBody.HttpBody) => Effect.flatMap(call("POST", "/post", {}, body), (r) => r.json)
      expect(yield* echo(HttpBody.unsafeJson({ a: [1] }))).toMatchObject({ data: '{"a":[1]}', json: { a: [1] } })
      expect(yield* echo(HttpBody.text("hello"))).toMatchObject({ data: "hello", json: null })
      expect(yield* echo(HttpBody.text("a=1&b=2&a=3", "application/x-www-form-urlencoded"))).toMatchObject({
        data: "",
        form: { a: ["1", "3"], b: "2" }
      })
      expect(yield* echo(HttpBody.uint8Array(new Uint8Array([255, 0])))).toMatchObject({
        data: "data:application/octet-stream;base64,/wA="
      })
      expect(yield* echo(HttpBody.stream(Stream.make("one ", "two").pipe(Stream.encodeText)))).toMatchObject({
        data: "one two"
      })
    }).pipe(Effect.provide(layer))
  )

  it.effect("requires valid Basic credentials, with a realm and an empty body", () =>
    Effect.gen(function* () {
      const bare = yield* get("/basic-auth/user/pass")
      expect([bare.status, bare.headers["www-authenticate"], yield* bare.text]).toEqual([
        401,
        'Basic realm="Fake Realm"',
        ""
      ])
      expect((yield* get("/basic-auth/user/pass", basic("user", "wrong"))).status).toBe(401)
      expect((yield* get("/basic-auth/user/pass", basic("other", "pass"))).status).toBe(401)
      expect((yield* get("/basic-auth/user/pass", { authorization: "Basic !" })).status).toBe(401)
      const right = yield* get("/basic-auth/us%2Fer/pa%3Ass", basic("us/er", "pa:ss"))
      expect([right.status, yield* right.json]).toEqual([200, { authenticated: true, user: "us/er" }])
    }).pipe(Effect.provide(layer))
  )

  it.effect.each(Object.entries({ MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" }))(
    "requires a valid digest with %s, and accepts each nonce count once",
    ([algorithm, name]) =>
      Effect.gen(function* () {
        const path = `/digest-auth/auth/user/pass/${algorithm}`
        const hash = (text: string) => createHash(name).update(text).digest("hex")
        const challenge = (yield* get(path)).headers["www-authenticate"] ?? ""
        const nonce = /nonce="(\w+)"/.exec(challenge)?.[1] ?? ""
        expect(challenge).toContain(`algorithm=${algorithm}`)
        const secret = hash("user:Digest Realm:pass")
        const digest = (method: string, nc: string) =>
          hash(`${secret}:${nonce}:${nc}:c:auth:${hash(`${method}:${path}`)}`)
        const field = (response: string, nc = "00000001") => ({
          authorization: `Digest username="user", realm="Digest Realm", nonce="${nonce}", uri="${path}", response="${response}", qop=auth, nc=${nc}, cnonce="c"`
        })
        expect((yield* get(path, field("0"))).headers["www-authenticate"]).not.toContain("stale")
        const right = yield* get(path, field(digest("GET", "00000001")))
        expect([right.status, yield* right.json]).toEqual([200, { authenticated: true, user: "user" }])
        expect(right.headers["authentication-info"]).toContain(`rspauth="${digest("", "00000001")}"`)
        const again = yield* get(path, field(digest("GET", "00000001")))
        expect([again.status, again.headers["www-authenticate"]]).toEqual([401, expect.stringContaining("stale=true")])
        expect((yield* get(path, field(digest("GET", "00000002"), "00000002"))).status).toBe(200)
      }).pipe(Effect.provide(layer))
  )

  it.effect("accepts any bearer token", () =>
    Effect.gen(function* () {
      const bare = yield* get("/bearer")
      expect([bare.status, bare.headers["www-authenticate"]]).toEqual([401, "Bearer"])
      expect((yield* get("/bearer", basic("a", "b"))).status).toBe(401)
      const right = yield* get("/bearer", { authorization: "Bearer abc" })
      expect(yield* right.json).toEqual({ authenticated: true, token: "abc" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("responds with the status of the path", () =>
    Effect.gen(function* () {
      for (const status of [200, 201, 204, 304, 403, 404, 429, 500, 503]) {
        expect((yield* get(`/status/${status}`)).status).toBe(status)
      }
      expect((yield* get("/status/401")).headers["www-authenticate"]).toBe('Basic realm="Fake Realm"')
      expect((yield* get("/status/302")).headers["location"]).toBe("/redirect/1")
      expect([418, 503]).toContain((yield* get("/status/503,418")).status)
      for (const bad of ["abc", "99", "1000", "200,x"]) expect((yield* get(`/status/${bad}`)).status).toBe(400)
    }).pipe(Effect.provide(layer))
  )

  it.effect("sets, returns and deletes cookies", () =>
    Effect.gen(function* () {
      const set = yield* get("/cookies/set?name=value&x=y")
      expect([set.status, set.headers["location"]]).toEqual([302, "/cookies"])
      const cookies = Object.values(set.cookies.cookies)
      expect(cookies.map(({ name, options, value }) => [name, value, options?.path])).toEqual([
        ["name", "value", "/"],
        ["x", "y", "/"]
      ])
      expect(yield* (yield* get("/cookies", { cookie: "name=value; x=y" })).json).toEqual({
        cookies: { name: "value", x: "y" }
      })
      const deleted = yield* get("/cookies/delete?name", { cookie: "name=value" })
      expect(deleted.status).toBe(302)
      expect(deleted.cookies.cookies["name"]).toMatchObject({ value: "" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("responds with redirects", () =>
    Effect.gen(function* () {
      const to = yield* get("/redirect-to?url=http%3A%2F%2Fother.test%2F&status_code=307")
      expect([to.status, to.headers["location"]]).toEqual([307, "http://other.test/"])
      expect((yield* get("/redirect-to?url=/get&status_code=200")).status).toBe(302)
      expect((yield* get("/redirect-to?url=a%0Ab")).status).toBe(400)
      expect((yield* get("/redirect/3")).headers["location"]).toBe("/relative-redirect/2")
      expect((yield* get("/relative-redirect/1")).headers["location"]).toBe("/get")
      expect((yield* get("/redirect/x")).status).toBe(400)
    }).pipe(Effect.provide(layer))
  )

  it.effect("returns bytes, streamed bytes, JSON, HTML and requested headers", () =>
    Effect.gen(function* () {
      expect((yield* (yield* get("/bytes/1000")).arrayBuffer).byteLength).toBe(1000)
      expect((yield* (yield* get("/bytes/99999999")).arrayBuffer).byteLength).toBe(102_400)
      expect((yield* (yield* get("/stream-bytes/1000?chunk_size=300")).arrayBuffer).byteLength).toBe(1000)
      expect(yield* (yield* get("/json")).json).toHaveProperty("slideshow.title")
      expect((yield* get("/html")).headers["content-type"]).toBe("text/html; charset=utf-8")
      const own = yield* get("/response-headers?X-One=1&X-Two=a&X-Two=b&Set-Cookie=c%3Dd")
      expect([own.headers["x-one"], own.headers["x-two"]]).toEqual(["1", "a, b"])
      expect(own.cookies.cookies["c"]?.value).toBe("d")
      expect(yield* own.json).toMatchObject({ "X-One": "1", "X-Two": ["a", "b"] })
      expect((yield* get("/response-headers?a=b%0D%0Ac")).status).toBe(400)
    }).pipe(Effect.provide(layer))
  )

  it.effect("delays by the seconds of the path, at most ten", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(get("/delay/60"))
      yield* Effect.gen(function* () {
        const { requests } = yield* HttpBin.HttpBin
        yield* Effect.repeat(Effect.zipLeft(requests, yieldToSockets), { until: (all) => all.length === 1 })
      })
      yield* TestClock.adjust("9 seconds")
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber)).status).toBe(200)
    }).pipe(Effect.provide(layer))
  )

  it.effect("rejects unknown paths, unknown methods and bodies over 64 KiB", () =>
    Effect.gen(function* () {
      expect((yield* get("/nothing")).status).toBe(404)
      expect((yield* get("//evil.test/x")).status).toBe(404)
      const post = yield* call("POST", "/get")
      expect([post.status, post.headers["allow"]]).toEqual([405, "OPTIONS, GET, HEAD"])
      const body = HttpBody.text("x".repeat(70_000))
      expect((yield* call("POST", "/post", {}, body)).status).toBe(413)
    }).pipe(Effect.provide(layer))
  )
})

/** One turn of the event loop, because sockets do not follow the test clock. */
const yieldToSockets = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

describe("HttpBin /countersign endpoints", () => {
  it.effect("responds 429 for the first requests, with Retry-After in each spelling", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_250)
      const seconds = yield* get("/countersign/retry-after/seconds?amount=1.5&times=2&key=a")
      expect([seconds.status, seconds.headers["retry-after"]]).toEqual([429, "1.5"])
      expect((yield* get("/countersign/retry-after/seconds?times=2&key=a")).status).toBe(429)
      expect((yield* get("/countersign/retry-after/seconds?times=2&key=a")).status).toBe(200)
      expect((yield* get("/countersign/retry-after/seconds?times=2&key=b")).status).toBe(429)
      const date = yield* get("/countersign/retry-after/date?amount=2")
      expect(date.headers["retry-after"]).toBe("Tue, 14 Nov 2023 22:13:23 GMT")
      expect((yield* get("/countersign/retry-after/ms?amount=0.25")).headers["retry-after-ms"]).toBe("250")
      const none = yield* get("/countersign/retry-after/none")
      expect([none.status, none.headers["retry-after"]]).toEqual([429, undefined])
      expect((yield* get("/countersign/retry-after/constructor")).status).toBe(404)
    }).pipe(memory)
  )

  it.effect("responds 503 with a large body once, then 200", () =>
    Effect.gen(function* () {
      const first = yield* get("/countersign/unavailable")
      expect([first.status, (yield* first.arrayBuffer).byteLength]).toEqual([503, 1_048_576])
      expect((yield* get("/countersign/unavailable")).status).toBe(200)
    }).pipe(memory)
  )

  it.effect("rejects the first token permanently and accepts the next one until it expires", () =>
    Effect.gen(function* () {
      const { mints } = yield* HttpBin.HttpBin
      const mint = call("POST", "/countersign/token?expires_in=60").pipe(
        Effect.flatMap((response) => response.json),
        Effect.map((body) => `Bearer ${(body as { access_token: string }).access_token}`)
      )
      const [first, second] = [yield* mint, yield* mint]
      const use = (authorization: string) => Effect.map(get("/countersign/bearer", { authorization }), (r) => r.status)
      expect([yield* use(first), yield* use(second), yield* use(first)]).toEqual([401, 200, 401])
      expect(yield* use("Bearer made-up")).toBe(401)
      expect((yield* get("/countersign/bearer")).headers["www-authenticate"]).toBe("Bearer")
      const rejected = yield* get("/countersign/bearer", { authorization: first })
      expect(rejected.headers["www-authenticate"]).toBe('Bearer error="invalid_token"')
      yield* TestClock.adjust("60 seconds")
      expect(yield* use(second)).toBe(401)
      expect(yield* mints).toBe(2)
    }).pipe(memory)
  )

  it.effect("accepts configured API keys only", () =>
    Effect.gen(function* () {
      const use = (key: string) => Effect.map(get("/countersign/api-key", { "x-api-key": key }), (r) => r.status)
      expect([yield* use("old"), yield* use("new"), (yield* get("/countersign/api-key")).status]).toEqual([
        401, 200, 401
      ])
    }).pipe((effect) => memory(effect, { apiKeys: ["new"] }))
  )

  it.effect("rejects a signature with a wrong key, timestamp, nonce or signed part", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      const path = "/countersign/signed?a=1"
      const send = (change: Record<string, string> = {}, body = "hello", target = path) => {
        const digest = Crypto.createHash("sha256").update("hello").digest("hex")
        const text = ["POST", path, "1700000000", change["x-nonce"] ?? "", digest].join("\n")
        const signature = Crypto.createHmac("sha256", "countersign-secret").update(text).digest("hex")
        const headers = { "x-api-key": "countersign-key", "x-timestamp": "1700000000", "x-signature": signature }
        return call("POST", target, { ...headers, ...change }, HttpBody.text(body)).pipe(
          Effect.flatMap((response) => response.json)
        )
      }
      expect(yield* send()).toEqual({ authenticated: true })
      expect(yield* send({ "x-nonce": "n" })).toEqual({ authenticated: true })
      expect(yield* send({ "x-nonce": "n" })).toMatchObject({ reason: "nonce" })
      expect(yield* send({ "x-api-key": "other" })).toMatchObject({ reason: "key" })
      expect(yield* send({}, "changed")).toMatchObject({ reason: "signature" })
      expect(yield* send({}, "hello", `${path}&b=2`)).toMatchObject({ reason: "signature" })
      yield* TestClock.adjust("6 minutes")
      expect(yield* send()).toMatchObject({ reason: "timestamp" })
    }).pipe(memory)
  )

  it.effect("rejects the credentials of the path with the option password", () =>
    Effect.gen(function* () {
      expect((yield* get("/basic-auth/user/pass", basic("user", "pass"))).status).toBe(401)
    }).pipe((effect) => memory(effect, { password: "other" }))
  )
})

describe("HttpBin", () => {
  it.live("counts one keep-alive connection and records each request", () =>
    Effect.gen(function* () {
      const { connections, requests } = yield* HttpBin.HttpBin
      for (const path of ["/get?a=1", "/status/401", "/status/503"]) yield* (yield* get(path)).text
      expect((yield* requests).map(({ method, path }) => `${method} ${path}`)).toEqual([
        "GET /get?a=1",
        "GET /status/401",
        "GET /status/503"
      ])
      expect(yield* connections).toBe(1)
    }).pipe(Effect.provide(port))
  )

  it.effect("shares no state between servers", () =>
    Effect.gen(function* () {
      const status = Effect.map(get("/countersign/unavailable?bytes=1"), (response) => response.status).pipe(memory)
      expect([yield* status, yield* status]).toEqual([503, 503])
    })
  )

  it.effect("fails with ENOTFOUND for another origin, in memory", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HttpClient.get("http://other.test/get"))
      expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport", cause: { code: "ENOTFOUND" } })
    }).pipe(memory)
  )

  it.effect("rejects a URL with user and password in memory, like fetch", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HttpClient.get("http://user:pass@httpbin.test/get"))
      expect(error).toMatchObject({ _tag: "RequestError", reason: "InvalidUrl" })
    }).pipe(memory)
  )

  it.effect.prop(
    "responds without a 500 to any path and query",
    [FastCheck.webPath(), FastCheck.webQueryParameters()],
    ([path, query]) =>
      Effect.gen(function* () {
        const response = yield* get(`/${path}?${query}`)
        expect(response.status).toBeLessThan(500)
      }).pipe(memory)
  )
})
