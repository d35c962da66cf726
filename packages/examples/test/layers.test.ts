/** State that two accounts in one process share: only the exceptions below. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as TransactionStore from "@countersign/auth/TransactionStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import * as RateLimit from "@countersign/client/RateLimit"
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { readdirSync } from "node:fs"

/** Constant Layers that an application builds once, wherever they are provided, with the reason. */
const sharedOnPurpose: Readonly<Record<string, string>> = {
  "auth/TokenEvents.layer": "the events of all sources arrive in one stream, with the key of their source",
  "client/Auth.layerNone": "holds no state",
  "node/Browser.layerNone": "holds no state",
  "node/NodeTransport.layer": "connections carry no account, and are kept for all clients",
  "node/NodeTransport.layerProxyEnv": "connections carry no account, and are kept for all clients",
  "node/ProcessLock.layerMemory": "a path is locked for the whole process",
  "redis/RateLimitEvents.layer": "the events of all limiters arrive in one stream",
  "testing/FileServer.layer": "one server",
  "testing/HttpBin.layer": "one server",
  "testing/HttpBin.layerMemory": "one server"
}

describe("constant Layers", () => {
  it("build separate state in each place, except for the listed ones", async () => {
    const shared: Array<string> = []
    for (const name of ["protocol", "client", "auth", "node", "redis", "sql", "testing"]) {
      const source = new URL(`../../${name}/src/`, import.meta.url)
      const files = readdirSync(source, { recursive: true, encoding: "utf8" })
      for (const file of files.filter((path) => path.endsWith(".ts") && !path.startsWith("internal"))) {
        const exported = (await import(new URL(file, source).href)) as Readonly<Record<string, unknown>>
        for (const [key, value] of Object.entries(exported)) {
          if (Layer.isLayer(value) && !Layer.isFresh(value)) shared.push(`${name}/${file.slice(0, -3)}.${key}`)
        }
      }
    }
    expect(shared.sort()).toEqual(Object.keys(sharedOnPurpose).sort())
  })
})

interface Row {
  readonly name: string
  readonly tag: Context.Tag<never, unknown>
  /** The Layer, written once for each client. */
  readonly written: () => Layer.Layer<never>
  /** One value that two clients share. */
  readonly value: Layer.Layer<never>
}

const row = <Id, S>(
  name: string,
  tag: Context.Tag<Id, S>,
  written: () => Layer.Layer<Id>,
  make: Effect.Effect<S>
): Row =>
  // The rows differ only in the service, and the tests compare only its identity.
  ({ name, tag, written, value: Layer.effect(tag, make) }) as unknown as Row

const limits = { limits: [{ limit: 1, window: "1 minute" }] } as const
const memory = () => Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)

const rows: ReadonlyArray<Row> = [
  row("CookieJar.layerMemory", CookieJar.CookieJar, () => CookieJar.layerMemory, CookieJar.makeMemory),
  row(
    "RateLimit.layerThrottle",
    RateLimit.RateLimit,
    () => RateLimit.layerThrottle(),
    Effect.sync(() => RateLimit.throttle())
  ),
  row(
    "RateLimit.layer",
    RateLimit.RateLimit,
    () => Layer.provide(RateLimit.layer(limits), memory()),
    Effect.provide(RateLimit.make(limits), memory())
  ),
  row(
    "RateLimit.layerMemory",
    RateLimit.RateLimit,
    () => RateLimit.layerMemory(limits),
    Effect.provide(RateLimit.make(limits), memory())
  ),
  row(
    "RateLimiter.layer",
    RateLimiter.RateLimiter,
    memory,
    Effect.provide(RateLimiter.make, RateLimiter.layerStoreMemory)
  ),
  row(
    "RateLimiter.layerStoreMemory",
    RateLimiter.RateLimiterStore,
    () => RateLimiter.layerStoreMemory,
    RateLimiter.makeStoreMemory()
  ),
  row("CircuitBreaker.layer", CircuitBreaker.CircuitBreaker, () => CircuitBreaker.layer(), CircuitBreaker.make()),
  row(
    "Concurrency.layer",
    Concurrency.Concurrency,
    () => Concurrency.layer({ limit: 1 }),
    Concurrency.make({ limit: 1 })
  ),
  row("TokenStore.layerMemory", TokenStore.TokenStore, () => TokenStore.layerMemory, TokenStore.makeMemory),
  row(
    "TransactionStore.layerMemory",
    TransactionStore.TransactionStore,
    () => TransactionStore.layerMemory(),
    TransactionStore.makeMemory()
  )
]

/** One client of an application. A separate tag gives the test its service. */
const consumer = (id: string, tag: Context.Tag<never, unknown>) => {
  const own = Context.GenericTag<never, { readonly service: unknown }>(id)
  return {
    own,
    layer: Layer.effect(
      own,
      Effect.map(tag, (service) => ({ service }))
    )
  }
}

const services = (
  tag: Context.Tag<never, unknown>,
  wire: (...both: [Layer.Layer<never>, Layer.Layer<never>]) => Layer.Layer<never>
) =>
  Effect.gen(function* () {
    const [one, other] = [consumer("test/one", tag), consumer("test/other", tag)]
    const built = yield* Layer.build(wire(one.layer, other.layer))
    return [Context.get(built, one.own).service, Context.get(built, other.own).service] as const
  }).pipe(Effect.scoped)

describe.each(rows)("$name", ({ tag, value, written }) => {
  it.effect("gives each client separate state if the Layer is written once for each", () =>
    Effect.gen(function* () {
      const wired = services(tag, (one, other) =>
        Layer.mergeAll(Layer.provide(one, written()), Layer.provide(other, written()))
      )
      const [one, other] = yield* wired
      expect(one).toBeDefined()
      expect(one).not.toBe(other)
    })
  )

  it.effect("shares state between two clients if the Layer is provided once to both", () =>
    Effect.gen(function* () {
      const [one, other] = yield* services(tag, (...both) => Layer.provide(Layer.mergeAll(...both), written()))
      expect(one).toBe(other)
    })
  )

  it.effect("shares state between two clients if both get the same Layer value", () =>
    Effect.gen(function* () {
      const wired = services(tag, (one, other) =>
        Layer.mergeAll(Layer.provide(one, value), Layer.provide(other, value))
      )
      const [one, other] = yield* wired
      expect(one).toBe(other)
    })
  )
})

describe("two accounts of one API in one process", () => {
  class Alice extends ApiClient.Tag("test/Alice")<Alice>() {}
  class Bob extends ApiClient.Tag("test/Bob")<Bob>() {}
  const auth = (name: string) => ApiKey.make({ location: ApiKey.header("x-account"), key: Redacted.make(name) })
  const baseUrl = "https://api.test"

  it.effect("send only the account's session cookie", () => {
    const server: MockClient.Script = ({ headers }) =>
      MockClient.respond(200, `${headers["x-account"]} ${headers["cookie"] ?? "none"}`, {
        "set-cookie": `sid=of_${headers["x-account"]}`
      })
    const live = Layer.mergeAll(
      Alice.layer({ baseUrl, auth: auth("alice"), cookies: CookieJar.layerMemory }),
      Bob.layer({ baseUrl, auth: auth("bob"), cookies: CookieJar.layerMemory })
    ).pipe(Layer.provideMerge(MockClient.layer(server)))
    return Effect.gen(function* () {
      const [alice, bob] = [yield* Alice, yield* Bob]
      const ask = (api: ApiClient.ApiClient) => Effect.flatMap(api.get("/"), ({ text }) => text)
      expect([yield* ask(alice), yield* ask(bob)]).toEqual(["alice none", "bob none"])
      expect([yield* ask(alice), yield* ask(bob)]).toEqual(["alice sid=of_alice", "bob sid=of_bob"])
    }).pipe(Effect.provide(live))
  })

  it.effect("have separate limits, and a 429 throttles one account only", () => {
    const own = () => Layer.provide(RateLimit.layer({ ...limits, onExceeded: "fail" }), memory())
    const server: MockClient.Script = ({ headers }) =>
      headers["x-account"] === "alice" ? MockClient.respond(429, "", { "retry-after": "600" }) : MockClient.respond(200)
    const live = Layer.mergeAll(
      Alice.layer({ baseUrl, auth: auth("alice"), rateLimit: own() }),
      Bob.layer({ baseUrl, auth: auth("bob"), rateLimit: own() })
    ).pipe(Layer.provideMerge(MockClient.layer(server)))
    return Effect.gen(function* () {
      expect(yield* Effect.flip((yield* Alice).get("/"))).toMatchObject({ _tag: "RateLimited", source: "server" })
      expect((yield* (yield* Bob).get("/")).status).toBe(200)
      expect(yield* Effect.flip((yield* Alice).get("/"))).toMatchObject({ _tag: "RateLimited", source: "throttle" })
      expect(yield* Effect.flip((yield* Bob).get("/"))).toMatchObject({ _tag: "RateLimited", source: "clientLimit" })
    }).pipe(Effect.provide(live))
  })

  it.effect("have separate HttpClients if both use one tag", () => {
    class One extends Context.Tag("test/One")<One, HttpClient.HttpClient>() {}
    class Other extends Context.Tag("test/Other")<Other, HttpClient.HttpClient>() {}
    const sdk = <Id>(tag: Context.Tag<Id, HttpClient.HttpClient>, name: string) =>
      Alice.provideHttpClient(Layer.effect(tag, HttpClient.HttpClient)).pipe(
        Layer.provide(Alice.layer({ baseUrl, auth: auth(name) }))
      )
    const live = Layer.mergeAll(sdk(One, "alice"), sdk(Other, "bob")).pipe(
      Layer.provide(MockClient.layer(({ headers }) => MockClient.respond(200, headers["x-account"])))
    )
    return Effect.gen(function* () {
      const clients = [yield* One, yield* Other]
      const texts = clients.map((client) => Effect.flatMap(client.get("/"), ({ text }) => text))
      expect(yield* Effect.all(texts)).toEqual(["alice", "bob"])
    }).pipe(Effect.provide(live))
  })
})
