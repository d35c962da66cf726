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
import { printed } from "./support/printed.js"

const key = Redacted.make("canary +&=/ä;")

describe("a key and its place", () => {
  it.effect("in a header is its value, after a prefix where the API wants one", () =>
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

  it.effect("in the query is encoded, beside the parameters of the request, and is not shown", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(ApiKey.make({ location: ApiKey.query("key"), key }), [
        ok,
        MockClient.respond(404)
      ])
      const { events } = yield* Timeline.record(api.get("/x", { urlParams: { page: 2 } }))
      const url = new URL((yield* mock.sent)[0]?.url ?? "")
      expect([...url.searchParams]).toEqual([
        ["page", "2"],
        ["key", "canary +&=/ä;"]
      ])
      const error = yield* Effect.flip(api.get("/x"))
      expect(printed(events) + printed(error)).not.toContain("canary")
    })
  )

  it.effect("in the query takes the place of one of the same name", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(
        ApiKey.make({ location: ApiKey.query("key"), key: Redacted.make("k") }),
        () => ok
      )
      yield* api.get("/x", { urlParams: { key: "mine" } })
      expect((yield* mock.sent)[0]?.url).toBe("https://api.test/x?key=k")
    })
  )

  it.effect("in the query replaces a parameter of its name in the URL's text, and keeps the rest byte for byte", () =>
    Effect.gen(function* () {
      const auth = ApiKey.make({ location: ApiKey.query("key"), key: Redacted.make("k") })
      const { api, mock } = yield* clientOf(auth, () => ok)
      for (const path of ["/x?a=%7e&f[n]=1", "/x?key=mine", "/x?a&k%65y=mine&b='#top"]) yield* api.get(path)
      yield* api.get("/x?a&key=mine", { urlParams: { key: "mine", b: "1" } })
      expect((yield* mock.sent).map(({ url }) => url)).toEqual([
        "https://api.test/x?a=%7e&f[n]=1&key=k",
        "https://api.test/x?key=k",
        "https://api.test/x?a&b='&key=k",
        "https://api.test/x?a&b=1&key=k"
      ])
    })
  )

  it.effect("in a cookie replaces a cookie of its name", () =>
    Effect.gen(function* () {
      const auth = ApiKey.make({ location: ApiKey.cookie("session"), key: Redacted.make("k") })
      const { api, mock } = yield* clientOf(auth, () => ok)
      yield* api.get("/", { headers: { cookie: "a=1; session=mine;sessions=2" } })
      expect((yield* mock.sent)[0]?.headers["cookie"]).toBe("a=1; sessions=2; session=k")
    })
  )

  it.effect.each(["", "  "])("that is %j is InvalidRequest, wherever its place is, and nothing is sent", (empty) =>
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

  it.effect("in a cookie is encoded, after the cookies of the request", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(ApiKey.make({ location: ApiKey.cookie("session"), key }), [ok, ok])
      yield* api.get("/")
      yield* api.get("/", { headers: { cookie: "a=1" } })
      const pair = `session=${encodeURIComponent("canary +&=/ä;")}`
      expect((yield* mock.sent).map(({ headers }) => headers["cookie"])).toEqual([pair, `a=1; ${pair}`])
    })
  )

  it.effect("comes as a Layer, from the configuration too", () =>
    Effect.gen(function* () {
      const location = ApiKey.header("x-api-key")
      const provider = ConfigProvider.fromMap(new Map([["KEY", "canary-b"]]))
      const configured = Effect.provide(Auth.Auth, ApiKey.layerConfig({ place: location, key: Config.redacted("KEY") }))
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

/** A pool of keys in `x-key`, and a server that takes only those in `taken`. */
const pooled = (count: number, taken: ReadonlySet<string>, step = (answer: MockClient.Step) => answer) =>
  Effect.gen(function* () {
    const auth = yield* ApiKey.pool({ location: ApiKey.header("x-key"), keys: keys(count) })
    const { api, mock } = yield* clientOf(auth, ({ headers }) =>
      step(taken.has(headers["x-key"] ?? "") ? ok : MockClient.respond(401))
    )
    const sent = Effect.map(mock.sent, (all) => all.map(({ headers }) => Number(headers["x-key"]?.slice(7))))
    return { api, sent }
  })

describe("a pool of keys", () => {
  it.effect("moves on when a key is refused, and stays with the one that is taken", () =>
    Effect.gen(function* () {
      const { api, sent } = yield* pooled(3, new Set(["canary-1"]))
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* sent).toEqual([0, 1, 1])
    })
  )

  it.effect("is gone through once by a request that all of them are refused to, and none is shown", () =>
    Effect.gen(function* () {
      const { api, sent } = yield* pooled(4, new Set())
      const error = yield* Effect.flip(api.get("/"))
      expect(error._tag).toBe("Unauthorized")
      expect(yield* sent).toEqual([0, 1, 2, 3])
      expect(printed(error)).not.toContain("canary")
      // The others are known to be refused: the next request tries none of them again.
      yield* Effect.flip(api.get("/"))
      expect(yield* sent).toEqual([0, 1, 2, 3, 3])
    })
  )

  it.effect("comes back to a refused key after 30 seconds, and not earlier", () =>
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

  it.effect("moves on by one when many are refused the same key at once", () =>
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

  it.effect("of one key is that key", () =>
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
