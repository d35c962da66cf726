import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Cookies from "@countersign/client/Cookies"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { api, base, failure, get, run, transport } from "./support/mockApi.js"

const { respond } = MockClient

const clientWithCookies = (
  script: MockClient.Script,
  options: Partial<Pick<ApiClient.Options, "auth" | "retry" | "redirects">> = {}
) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(script)
    const made = yield* ApiClient.make({
      baseUrl: base,
      ...options,
      auth: options.auth ?? Auth.none,
      cookies: yield* CookieJar.makeMemory
    }).pipe(Effect.provideService(HttpClient.HttpClient, client))
    return { api: made, mock }
  })

const cookieHeaders = (mock: { readonly sent: Effect.Effect<ReadonlyArray<MockClient.Sent>> }) =>
  Effect.map(mock.sent, (sent) => sent.map(({ headers }) => headers["cookie"]))

describe("ApiClient cookies option", () => {
  it.effect("sends cookies of a redirect response to the redirect target and with the next call", () =>
    Effect.gen(function* () {
      const login = respond(302, "", {
        location: "/v1/home",
        "set-cookie": ["sid=1; Path=/; HttpOnly", "theme=dark; Path=/v1"]
      })
      const { api: client, mock } = yield* clientWithCookies([login, respond(200), respond(200)])
      yield* run(client.post("/login", { json: {} }))
      yield* run(client.get("/x"))
      // Longer paths go first: RFC 6265 §5.4.
      expect(yield* cookieHeaders(mock)).toEqual([undefined, "theme=dark; sid=1", "theme=dark; sid=1"])
    })
  )

  it.effect("stores the cookies of 401, 503 and 404 responses", () =>
    Effect.gen(function* () {
      const auth: Auth.Service = { ...Auth.none, onRejected: () => Effect.succeed(true) }
      const { api: client, mock } = yield* clientWithCookies(
        [
          respond(401, "", { "set-cookie": "a=1" }),
          respond(503, "", { "set-cookie": "b=2" }),
          respond(404, "", { "set-cookie": "c=3" }),
          respond(200)
        ],
        { auth }
      )
      yield* failure(client.get("/x"))
      yield* run(client.get("/x"))
      expect(yield* cookieHeaders(mock)).toEqual([undefined, "a=1", "a=1; b=2", "a=1; b=2; c=3"])
    })
  )

  it.effect("sends cookies only to the origin that set them, across redirects", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* clientWithCookies([
        respond(302, "", { location: "https://other.test/", "set-cookie": "a=1; Path=/" }),
        respond(302, "", { location: "https://api.test/v1/y", "set-cookie": "b=2; Path=/" }),
        respond(302, "", { location: "https://other.test/" }),
        respond(200)
      ])
      yield* run(client.get("/x", { headers: { cookie: "own=0" } }))
      expect(yield* cookieHeaders(mock)).toEqual(["own=0", undefined, "a=1", "b=2"])
    })
  )

  it.effect("expires cookies by the Effect Clock", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* clientWithCookies([
        respond(200, "", { "set-cookie": "a=1; Max-Age=5" }),
        respond(200),
        respond(200)
      ])
      yield* run(client.get("/x"))
      yield* TestClock.adjust("4 seconds")
      yield* run(client.get("/x"))
      yield* TestClock.adjust("1 second")
      yield* run(client.get("/x"))
      expect(yield* cookieHeaders(mock)).toEqual([undefined, "a=1", undefined])
    })
  )

  it.effect("stores no cookies when the option is missing", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200, "", { "set-cookie": "a=1" }))
      yield* run(client.get("/x"))
      yield* run(client.get("/x"))
      expect(yield* cookieHeaders(mock)).toEqual([undefined, undefined])
    })
  )
})

describe("Cookies.policy", () => {
  it.effect("appends the cookies of the jar to the request's own Cookie header", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => respond(200))
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(base, ["kept=2; Path=/"])
      const policy = Cookies.policy(jar)
      yield* run(policy(client).execute(HttpClientRequest.setHeader(get(), "cookie", "own=1")))
      yield* run(policy(client).execute(HttpClientRequest.setHeader(get(), "cookie", "")))
      expect(yield* cookieHeaders(mock)).toEqual(["own=1; kept=2", "kept=2"])
    })
  )

  it.effect("sends each name once: cookies of the request replace those of the jar", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => respond(200))
      const jar = yield* CookieJar.makeMemory
      yield* jar.store(base, ["foo=bar; Path=/", "foo=deeper; Path=/v1", "kept=a=b; Path=/"])
      const policy = Cookies.policy(jar)
      const own = ["foo=baz", "Foo=baz", "foo = baz", "x=1;foo=baz; ", "kept=mine; foo=baz; foo=again", "foo"]
      for (const cookie of own) {
        yield* run(policy(client).execute(HttpClientRequest.setHeader(get(), "cookie", cookie)))
      }
      expect(yield* cookieHeaders(mock)).toEqual([
        "foo=baz; kept=a=b",
        // Names are case-sensitive (RFC 6265 §5.3), and a pair without `=` has no name.
        "Foo=baz; foo=deeper; foo=bar; kept=a=b",
        "foo = baz; kept=a=b",
        "x=1; foo=baz; kept=a=b",
        "kept=mine; foo=baz; foo=again",
        "foo; foo=deeper; foo=bar; kept=a=b"
      ])
    })
  )

  it.effect("sends no Cookie header when the jar is empty", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => respond(200))
      yield* run(Cookies.policy(yield* CookieJar.makeMemory)(client).execute(get()))
      expect(yield* cookieHeaders(mock)).toEqual([undefined])
    })
  )

  it.effect("sends cookie values back unchanged", () =>
    Effect.gen(function* () {
      for (const value of ["a%20b%3D", '"quoted"', "a=b=c", "x+y/z==", ""]) {
        const { client, mock } = yield* transport(() => respond(200, "", { "set-cookie": `v=${value}` }))
        const policy = Cookies.policy(yield* CookieJar.makeMemory)
        yield* run(policy(client).execute(get()))
        yield* run(policy(client).execute(get()))
        expect(yield* cookieHeaders(mock)).toEqual([undefined, `v=${value}`])
      }
    })
  )
})
