/** Types of the options of a client: exact names, requirements, errors, and wirings that do not compile. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import type * as Errors from "@countersign/client/Errors"
import * as Hedge from "@countersign/client/Hedge"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as RateLimit from "@countersign/client/RateLimit"
import type * as RateLimiter from "@countersign/client/RateLimiter"
import * as Retry from "@countersign/client/Retry"
import * as RetryBudget from "@countersign/client/RetryBudget"
import * as Telemetry from "@countersign/client/Telemetry"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { Scope } from "effect/Scope"
import { describe, expectTypeOf, it } from "vitest"

type Wire = HttpClient.HttpClient
type Client<E> = ApiClient.ApiClient<E>

class Api extends ApiClient.Tag("test/Api")<Api>() {}
class Other extends ApiClient.Tag("test/Other")<Other>() {}
class Own extends ApiClient.Tag("test/Own")<Own, "own">() {}

const baseUrl = "https://api.test"
const auth = Auth.none
const authLayer = Layer.succeed(Auth.Auth, Auth.none)
const ownScheme = Auth.makeStaticEffect(() => Effect.fail<"own">("own"))
const failingLayer = Auth.layerEffect(Effect.flatMap(Config.string("KEY"), () => Effect.succeed(Auth.none)))

describe("ApiClient option names", () => {
  it("reject an unknown name, at any depth", () => {
    const wrong = () => [
      // @ts-expect-error -- `retry`
      ApiClient.make({ baseUrl, auth, retries: 3 }),
      // @ts-expect-error -- `redirects`
      ApiClient.make({ baseUrl, auth, redirect: false }),
      // @ts-expect-error -- `crossOrigin`
      ApiClient.make({ baseUrl, auth, redirects: { crossorigin: "reject", limit: 2 } }),
      // @ts-expect-error -- `timeout`
      ApiClient.make({ baseUrl, auth, timeouts: { call: "1 second" } }),
      // @ts-expect-error -- `exchange`
      ApiClient.make({ baseUrl, auth, timeout: { call: "5 seconds", exchage: "1 second" } }),
      // @ts-expect-error -- `budget`
      ApiClient.make({ baseUrl, auth, retry: { statuses: [503], budgett: false } }),
      // @ts-expect-error -- `maxBodySize`
      ApiClient.make({ baseUrl, auth, maxBodysize: 10 }),
      // @ts-expect-error -- `cookies`
      ApiClient.make({ baseUrl, auth, cookie: CookieJar.layerMemory }),
      // @ts-expect-error -- `origins`
      ApiClient.make({ baseUrl, auth, origin: ["https://uploads.test"] }),
      // @ts-expect-error -- `headers`
      ApiClient.make({ baseUrl, auth, header: { accept: "x" } }),
      // @ts-expect-error -- `circuitBreaker`
      ApiClient.make({ baseUrl, auth, circuitBreakers: CircuitBreaker.layer() }),
      // @ts-expect-error -- `propagateTo`
      ApiClient.make({ baseUrl, auth, tracing: { propagate: [] } }),
      // @ts-expect-error -- `retry`
      Api.layer({ baseUrl, auth, retries: 3 }),
      // @ts-expect-error -- `redirects`
      Api.layer({ baseUrl, auth, redirect: false }),
      // @ts-expect-error -- `baseUrl`
      Api.layer({ baseURL: baseUrl, auth }),
      // @ts-expect-error -- `exchange`
      Api.layer({ baseUrl, auth, timeout: { exchage: "1 second" } })
    ]
    expectTypeOf(wrong).toBeFunction()
  })

  it("reject values of another type", () => {
    const wrong = () => [
      // @ts-expect-error -- a schedule, options or false
      ApiClient.make({ baseUrl, auth, retry: 3 }),
      // @ts-expect-error -- true has no jar
      ApiClient.make({ baseUrl, auth, cookies: true }),
      // @ts-expect-error -- true has no limits
      ApiClient.make({ baseUrl, auth, rateLimit: true }),
      // @ts-expect-error -- an Effect of a service is neither a service nor a Layer
      ApiClient.make({ baseUrl, auth, circuitBreaker: CircuitBreaker.make() }),
      // @ts-expect-error -- a Layer of another service
      ApiClient.make({ baseUrl, auth, concurrency: CookieJar.layerMemory }),
      // @ts-expect-error -- `IdempotencyKey.make`
      ApiClient.make({ baseUrl, auth, idempotencyKey: true }),
      // @ts-expect-error -- `auth` is required without a tag
      ApiClient.make({ baseUrl }),
      // @ts-expect-error -- a URL, a text or a Config
      ApiClient.make({ baseUrl: undefined, auth }),
      // @ts-expect-error -- `baseUrl` is required
      Api.layer({ auth })
    ]
    expectTypeOf(wrong).toBeFunction()
  })

  it("accept every option together, and options in a variable", () => {
    const options: ApiClient.Options = { baseUrl, auth, retry: false }
    expectTypeOf(Api.layer(options)).toEqualTypeOf<
      Layer.Layer<Api, Errors.InvalidRequest, Wire | ApiClient.AuthOf<"test/Api">>
    >()
    const all = ApiClient.make({
      baseUrl: new URL(baseUrl),
      auth,
      origins: ["https://uploads.test"],
      headers: { accept: "application/json" },
      query: { "api-version": "1" },
      userAgent: "shop/2.0",
      timeout: { call: "20 seconds", exchange: false },
      retry: { schedule: Schedule.recurs(2), budget: RetryBudget.make() },
      hedge: Hedge.make({ delay: "1 second" }),
      idempotencyKey: IdempotencyKey.make(),
      redirects: { crossOrigin: "reject" },
      rateLimit: RateLimit.throttle(),
      tracing: { propagateTo: [] },
      metrics: Telemetry.metrics,
      maxBodySize: 10
    })
    expectTypeOf(all).toEqualTypeOf<Effect.Effect<Client<Errors.CallError>, Errors.InvalidRequest, Wire>>()
    expectTypeOf(ApiClient.make({ baseUrl, auth, retry: Retry.backoff, timeout: "5 seconds" })).toEqualTypeOf(all)
  })
})

describe("ApiClient requirements and errors", () => {
  it("require a transport, and the credentials of the API without the option auth", () => {
    expectTypeOf(Api.layer({ baseUrl })).toEqualTypeOf<
      Layer.Layer<Api, Errors.InvalidRequest, Wire | ApiClient.AuthOf<"test/Api">>
    >()
    expectTypeOf(Api.layer({ baseUrl, auth })).toEqualTypeOf<Layer.Layer<Api, Errors.InvalidRequest, Wire>>()
    expectTypeOf(Api.layer({ baseUrl, auth: authLayer })).toEqualTypeOf<Layer.Layer<Api, Errors.InvalidRequest, Wire>>()
  })

  it("contain those of the Layers in the options", () => {
    type Failing = Layer.Layer<Api, Errors.InvalidRequest | ConfigError, Wire>
    expectTypeOf(Api.layer({ baseUrl, auth: failingLayer })).toEqualTypeOf<Failing>()
    const limits = RateLimit.layer({ limits: [] })
    expectTypeOf(Api.layer({ baseUrl, auth, rateLimit: limits })).toEqualTypeOf<
      Layer.Layer<Api, Errors.InvalidRequest, Wire | RateLimiter.RateLimiter>
    >()
    expectTypeOf(Api.layer({ baseUrl, auth, cookies: CookieJar.layerMemory })).toEqualTypeOf<
      Layer.Layer<Api, Errors.InvalidRequest, Wire>
    >()
    expectTypeOf(ApiClient.make({ baseUrl, auth: failingLayer })).toEqualTypeOf<
      Effect.Effect<Client<Errors.CallError>, Errors.InvalidRequest | ConfigError, Wire | Scope>
    >()
  })

  it("contain ConfigError when baseUrl is a Config", () => {
    expectTypeOf(Api.layer({ baseUrl: Config.string("URL"), auth })).toEqualTypeOf<
      Layer.Layer<Api, Errors.InvalidRequest | ConfigError, Wire>
    >()
    expectTypeOf(ApiClient.make({ baseUrl: Config.url("URL"), auth })).toEqualTypeOf<
      Effect.Effect<Client<Errors.CallError>, Errors.InvalidRequest | ConfigError, Wire>
    >()
  })

  it("contain CircuitOpen and Overloaded only with their options", () => {
    const circuitBreaker = CircuitBreaker.layer()
    const concurrency = Concurrency.layer({ limit: 1 })
    type Made<E> = Effect.Effect<Client<E>, Errors.InvalidRequest, Wire | Scope>
    expectTypeOf(ApiClient.make({ baseUrl, auth, circuitBreaker })).toEqualTypeOf<
      Made<Errors.CallError | Errors.CircuitOpen>
    >()
    expectTypeOf(ApiClient.make({ baseUrl, auth, concurrency, circuitBreaker: false })).toEqualTypeOf<
      Made<Errors.CallError | Errors.Overloaded>
    >()
    expectTypeOf(ApiClient.make({ baseUrl, auth, circuitBreaker, concurrency })).toEqualTypeOf<Made<Errors.ApiError>>()
  })

  it("contain the own errors of the scheme, given as a value or a Layer", () => {
    type Made = Effect.Effect<Client<Errors.CallError | "own">, Errors.InvalidRequest, Wire>
    expectTypeOf(ApiClient.make({ baseUrl, auth: ownScheme })).toEqualTypeOf<Made>()
    expectTypeOf(ApiClient.make({ baseUrl, auth: Auth.layer(ownScheme) })).toEqualTypeOf<
      Effect.Effect<Client<Errors.CallError | "own">, Errors.InvalidRequest, Wire | Scope>
    >()
    const _get = Effect.flatMap(Own, (client) => client.get("/x"))
    expectTypeOf<Effect.Effect.Error<typeof _get>>().toEqualTypeOf<Errors.ApiError | "own">()
    expectTypeOf(Own.layer({ baseUrl, auth: ownScheme })).toEqualTypeOf<Layer.Layer<Own, Errors.InvalidRequest, Wire>>()
    expectTypeOf(Own.layer({ baseUrl, auth: authLayer })).toEqualTypeOf<Layer.Layer<Own, Errors.InvalidRequest, Wire>>()
  })

  it("contain those of another scheme of a derived client", () => {
    const _derived = Effect.map(Api, (client) => client.with({ auth: ownScheme, timeout: "1 minute" }))
    expectTypeOf<Effect.Effect.Success<typeof _derived>>().toEqualTypeOf<Client<Errors.ApiError | "own">>()
  })
})

describe("ApiClient wirings", () => {
  type Apis = Api | Other

  it("compile when each API has its credentials", () => {
    const clients = Layer.mergeAll(Api.layer({ baseUrl }), Other.layer({ baseUrl: "https://other.test" }))
    const wired = Layer.provide(clients, Layer.mergeAll(Api.auth(authLayer), Other.auth(authLayer)))
    expectTypeOf(wired).toEqualTypeOf<Layer.Layer<Apis, Errors.InvalidRequest, Wire>>()
    expectTypeOf(Api.auth(failingLayer)).toEqualTypeOf<Layer.Layer<ApiClient.AuthOf<"test/Api">, ConfigError>>()
    expectTypeOf(Api.Auth).toEqualTypeOf<Context.Tag<ApiClient.AuthOf<"test/Api">, Auth.Service>>()
  })

  it("leave the credentials of an API open when another API, or no API, has them", () => {
    type Open<Missing> = Layer.Layer<Apis, Errors.InvalidRequest, Wire | Missing>
    const clients = Layer.mergeAll(Api.layer({ baseUrl }), Other.layer({ baseUrl: "https://other.test" }))
    expectTypeOf(Layer.provide(clients, authLayer)).toEqualTypeOf<
      Open<ApiClient.AuthOf<"test/Api"> | ApiClient.AuthOf<"test/Other">>
    >()
    expectTypeOf(Layer.provide(clients, Api.auth(authLayer))).toEqualTypeOf<Open<ApiClient.AuthOf<"test/Other">>>()
    const runnable = (live: Layer.Layer<Apis, Errors.InvalidRequest, Wire>) => live
    // @ts-expect-error -- the credentials of `Other` are missing.
    runnable(Layer.provide(clients, Api.auth(authLayer)))
    // @ts-expect-error -- a scheme without an API is for no API.
    runnable(Layer.provide(clients, authLayer))
  })

  it("do not compile with a scheme that has other errors than the tag", () => {
    const wrong = () => [
      // @ts-expect-error -- the tag of `Api` has no error "own".
      Api.layer({ baseUrl, auth: ownScheme }),
      // @ts-expect-error -- the tag of `Api` has no error "own".
      Api.auth(Auth.layer(ownScheme))
    ]
    expectTypeOf(wrong).toBeFunction()
  })

  it("give code of another package the HttpClient of the API", () => {
    const _effect = (sdk: Effect.Effect<number, "sdk", Wire | Scope>) => Api.provideHttpClient(sdk)
    expectTypeOf<ReturnType<typeof _effect>>().toEqualTypeOf<Effect.Effect<number, "sdk", Api | Scope>>()
    const _layer = (sdk: Layer.Layer<Other, "sdk", Wire>) => Api.provideHttpClient(sdk)
    expectTypeOf<ReturnType<typeof _layer>>().toEqualTypeOf<Layer.Layer<Other, "sdk", Api>>()
    expectTypeOf<ApiClient.ApiClient["httpClient"]>().toEqualTypeOf<HttpClient.HttpClient.With<HttpClientError>>()
    expectTypeOf<ApiClient.ApiClient>().toExtend<HttpClient.HttpClient.With<Errors.ApiError>>()
  })
})
