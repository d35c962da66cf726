import * as ApiKey from "@countersign/auth/ApiKey"
import * as Auth from "@countersign/client/Auth"
import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { clientOf, ok } from "./support/client.js"
import { allRenderings } from "./support/allRenderings.js"

const key = Redacted.make("canary +&=/ä;")

describe("ApiKey.make", () => {
  it.effect("sends the key in a header, after the prefix that the location sets", () =>
    Effect.gen(function* () {
      const plain = Redacted.make("canary-a")
      for (const [location, name, field] of [
        [ApiKey.header("X-API-Key"), "x-api-key", "canary-a"],
        [ApiKey.header("authorization", "Token "), "authorization", "Token canary-a"]
      ] as const) {
        const { api, mock } = yield* clientOf(ApiKey.make({ location, key: plain }), [ok])
        yield* api.get("/")
        expect((yield* mock.sent)[0]?.headers[name]).toBe(field)
      }
    })
  )

  it.effect.each<readonly [string, string]>([
    ["https://id.test/?return_to=https%3A%2F%2Fapi.test%2Fx%3Fpage%3D2%26key%3Dcanary-k&a=1", "https://id.test/?a=1"],
    ["https://id.test/?return_to=/x?key=canary-k#part", "https://id.test/"],
    ["https://id.test/?to=%3Fto%3D%253Fkey%253Dcanary-k&page=2", "https://id.test/?page=2"],
    ["https://id.test/?return_to=%2Fx%3Fkey%3Dother&%3Fb", "https://id.test/?return_to=%2Fx%3Fkey%3Dother&%3Fb"]
  ])("sends no key to another origin in a URL within the query of the Location %s", ([location, url]) =>
    Effect.gen(function* () {
      const auth = ApiKey.make({ location: ApiKey.query("key"), key: Redacted.make("canary-k") })
      const { api, mock } = yield* clientOf(auth, [MockClient.respond(302, "", { location }), ok])
      yield* api.get("/x", { query: { page: 2 } })
      expect((yield* mock.sent)[1]?.url).toBe(url)
    })
  )

  it.effect("encodes the key in the query beside other parameters, and shows it in no event or error", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(ApiKey.make({ location: ApiKey.query("key"), key }), [
        ok,
        MockClient.respond(404)
      ])
      const { events } = yield* Timeline.record(api.get("/x", { query: { page: 2 } }))
      const url = new URL((yield* mock.sent)[0]?.url ?? "")
      expect([...url.searchParams]).toEqual([
        ["page", "2"],
        ["key", "canary +&=/ä;"]
      ])
      const error = yield* Effect.flip(api.get("/x"))
      expect(allRenderings(events) + allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("replaces a query parameter of the same name in urlParams", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(
        ApiKey.make({ location: ApiKey.query("key"), key: Redacted.make("k") }),
        () => ok
      )
      yield* api.get("/x", { query: { key: "mine" } })
      expect((yield* mock.sent)[0]?.url).toBe("https://api.test/x?key=k")
    })
  )

  it.effect("replaces a query parameter of the same name in the URL, and keeps the other bytes of the URL", () =>
    Effect.gen(function* () {
      const auth = ApiKey.make({ location: ApiKey.query("key"), key: Redacted.make("k") })
      const { api, mock } = yield* clientOf(auth, () => ok)
      for (const path of ["/x?a=%7e&f[n]=1", "/x?key=mine", "/x?a&k%65y=mine&b='#top"]) yield* api.get(path)
      yield* api.get("/x?a&key=mine", { query: { key: "mine", b: "1" } })
      expect((yield* mock.sent).map(({ url }) => url)).toEqual([
        "https://api.test/x?a=%7e&f[n]=1&key=k",
        "https://api.test/x?key=k",
        "https://api.test/x?a&b='&key=k",
        "https://api.test/x?a&b=1&key=k"
      ])
    })
  )

  it.effect("replaces a request cookie of the same name", () =>
    Effect.gen(function* () {
      const auth = ApiKey.make({ location: ApiKey.cookie("session"), key: Redacted.make("k") })
      const { api, mock } = yield* clientOf(auth, () => ok)
      yield* api.get("/", { headers: { cookie: "a=1; session=mine;sessions=2" } })
      expect((yield* mock.sent)[0]?.headers["cookie"]).toBe("a=1; sessions=2; session=k")
    })
  )

  it.effect.each(["", "  "])("rejects the key %j as InvalidRequest in each location, and sends no request", (empty) =>
    Effect.gen(function* () {
      for (const location of [ApiKey.header("x-api-key"), ApiKey.query("key"), ApiKey.cookie("key")]) {
        const blank = Redacted.make(empty)
        for (const auth of [ApiKey.make({ location, key: blank }), yield* ApiKey.pool({ location, keys: [blank] })]) {
          const { api, mock } = yield* clientOf(auth, () => ok)
          expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
          expect(yield* mock.sent).toEqual([])
        }
      }
    })
  )

  it.effect("appends the encoded key to the cookies of the request", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(ApiKey.make({ location: ApiKey.cookie("session"), key }), [ok, ok])
      yield* api.get("/")
      yield* api.get("/", { headers: { cookie: "a=1" } })
      const pair = `session=${encodeURIComponent("canary +&=/ä;")}`
      expect((yield* mock.sent).map(({ headers }) => headers["cookie"])).toEqual([pair, `a=1; ${pair}`])
    })
  )

  it.effect("sends the key that layer and layerConfig were given", () =>
    Effect.gen(function* () {
      const location = ApiKey.header("x-api-key")
      const provider = ConfigProvider.fromMap(new Map([["KEY", "canary-b"]]))
      const configured = Effect.provide(Auth.Auth, ApiKey.layerConfig({ location, key: Config.redacted("KEY") }))
      const given = Effect.provide(Auth.Auth, ApiKey.layer({ location, key: Redacted.make("canary-b") }))
      for (const auth of [yield* Effect.withConfigProvider(configured, provider), yield* given]) {
        const { api, mock } = yield* clientOf(auth, [ok])
        yield* api.get("/")
        expect((yield* mock.sent)[0]?.headers["x-api-key"]).toBe("canary-b")
      }
    })
  )
})

const keys = (count: number) => {
  const [first = "", ...rest] = Array.from({ length: count }, (_, n) => `canary-${n}`)
  return [Redacted.make(first), ...rest.map((text) => Redacted.make(text))] as const
}

/** A pool of keys in `x-key`, and a server that accepts only the keys in `taken`. */
const pooled = (count: number, taken: ReadonlySet<string>, step = (answer: MockClient.Step) => answer) =>
  Effect.gen(function* () {
    const auth = yield* ApiKey.pool({ location: ApiKey.header("x-key"), keys: keys(count) })
    const { api, mock } = yield* clientOf(auth, ({ headers }) =>
      step(taken.has(headers["x-key"] ?? "") ? ok : MockClient.respond(401))
    )
    const sent = Effect.map(mock.sent, (all) => all.map(({ headers }) => Number(headers["x-key"]?.slice(7))))
    return { api, sent }
  })

describe("ApiKey.pool", () => {
  it.effect("switches to the next key after a 401, and keeps the accepted key", () =>
    Effect.gen(function* () {
      const { api, sent } = yield* pooled(3, new Set(["canary-1"]))
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* sent).toEqual([0, 1, 1])
    })
  )

  it.effect("tries each key once when the server rejects all of them, and shows none in the error", () =>
    Effect.gen(function* () {
      const { api, sent } = yield* pooled(4, new Set())
      const error = yield* Effect.flip(api.get("/"))
      expect(error._tag).toBe("Unauthorized")
      expect(yield* sent).toEqual([0, 1, 2, 3])
      expect(allRenderings(error)).not.toContain("canary")
      // All keys were rejected: the next request tries only the current key.
      yield* Effect.flip(api.get("/"))
      expect(yield* sent).toEqual([0, 1, 2, 3, 3])
    })
  )

  it.effect("tries a rejected key again after 30 seconds, not earlier", () =>
    Effect.gen(function* () {
      const taken = new Set<string>()
      const { api, sent } = yield* pooled(2, taken)
      yield* Effect.flip(api.get("/"))
      taken.add("canary-0")
      yield* TestClock.adjust("29999 millis")
      yield* Effect.flip(api.get("/"))
      expect(yield* sent).toEqual([0, 1, 1])
      yield* TestClock.adjust("1 millis")
      yield* api.get("/")
      expect(yield* sent).toEqual([0, 1, 1, 1, 0])
    })
  )

  it.effect("switches keys once when 20 concurrent requests get a 401 for the same key", () =>
    Effect.gen(function* () {
      const slow = (answer: MockClient.Step) => MockClient.delay("100 millis", answer)
      const { api, sent } = yield* pooled(3, new Set(["canary-1"]), slow)
      const requests = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 20 }, () => api.get("/")),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("200 millis")
      yield* Fiber.join(requests)
      expect(yield* sent).toEqual([...Array.from({ length: 20 }, () => 0), ...Array.from({ length: 20 }, () => 1)])
    })
  )

  it.effect("sends one request when the only key of a pool is rejected", () =>
    Effect.gen(function* () {
      const auth = yield* Effect.provide(
        Auth.Auth,
        ApiKey.layerPool({ location: ApiKey.header("x-key"), keys: [Redacted.make("canary-0")] })
      )
      const { api, mock } = yield* clientOf(auth, () => MockClient.respond(401))
      yield* Effect.flip(api.get("/"))
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})
