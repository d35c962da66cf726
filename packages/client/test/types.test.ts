/** Types of errors and requirements. */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Cookies from "@countersign/client/Cookies"
import type * as RequestDefaults from "@countersign/client/RequestDefaults"
import type * as Errors from "@countersign/client/Errors"
import * as Hedge from "@countersign/client/Hedge"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as Policy from "@countersign/client/Policy"
import * as RateLimit from "@countersign/client/RateLimit"
import * as RateLimiter from "@countersign/client/RateLimiter"
import type * as Redirects from "@countersign/client/Redirects"
import * as Retry from "@countersign/client/Retry"
import * as RetryAfter from "@countersign/client/RetryAfter"
import * as RetryBudget from "@countersign/client/RetryBudget"
import type * as Status from "@countersign/client/Status"
import * as Telemetry from "@countersign/client/Telemetry"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { describe, expectTypeOf, it } from "vitest"

class Api extends ApiClient.Tag("test/Api")<Api>() {}
const jar = await Effect.runPromise(CookieJar.makeMemory)
const baseUrl = "https://api.test"

type ErrorOf<P> = P extends Policy.Policy<infer E, unknown> ? E : "no policy"

describe("Policy types", () => {
  it("show the errors that each policy adds", () => {
    expectTypeOf<ErrorOf<ReturnType<typeof RequestDefaults.policy>>>().toEqualTypeOf<Errors.InvalidRequest>()
    expectTypeOf<ErrorOf<ReturnType<typeof Timeout.call>>>().toEqualTypeOf<Errors.Timeout>()
    expectTypeOf<ErrorOf<ReturnType<typeof Timeout.exchange>>>().toEqualTypeOf<Errors.Timeout>()
    expectTypeOf<ErrorOf<typeof Status.policy>>().toEqualTypeOf<
      Errors.Unauthorized | Errors.Forbidden | Errors.RateLimited | Errors.Unavailable | Errors.ClientError
    >()
    expectTypeOf<ErrorOf<ReturnType<typeof Redirects.follow>>>().toEqualTypeOf<
      Errors.RedirectRejected | Errors.InvalidRequest | Errors.RateLimited
    >()
    expectTypeOf<ErrorOf<ReturnType<typeof Retry.policy>>>().toEqualTypeOf<Errors.RateLimited | Errors.Unavailable>()
    expectTypeOf<ErrorOf<ReturnType<typeof Auth.policy<"own">>>>().toEqualTypeOf<
      Errors.Unauthorized | Errors.InvalidRequest | "own"
    >()
    expectTypeOf<ErrorOf<ReturnType<typeof Cookies.policy>>>().toEqualTypeOf<never>()
  })

  it("add errors and requirements to those of the wrapped client", () => {
    class Audit extends Context.Tag("test/Audit")<Audit, { readonly log: Effect.Effect<void> }>() {}
    const audited = Policy.make<"refused", Audit>((request, next) =>
      Effect.zipRight(
        Effect.flatMap(Audit, ({ log }) => log),
        next(request)
      )
    )
    const transport = Context.GenericTag<HttpClient.HttpClient.With<"wire", "socket">>("test/transport")
    const _wrapped = Effect.map(transport, (client) => client.pipe(audited, Timeout.call(1), Cookies.policy(jar)))
    expectTypeOf<Effect.Effect.Success<typeof _wrapped>>().toEqualTypeOf<
      HttpClient.HttpClient.With<"wire" | "refused" | Errors.Timeout, "socket" | Audit>
    >()
  })
})

describe("Transport types", () => {
  it("have typed errors, and bufferBodies adds the errors of reading", () => {
    const typed = Effect.map(HttpClient.HttpClient, Transport.fromHttpClient)
    type Typed = HttpClient.HttpClient.With<Errors.TransportError | Errors.InvalidRequest | Errors.RedirectRejected>
    expectTypeOf<Effect.Effect.Success<typeof typed>>().toEqualTypeOf<Typed>()
    const _whole = Effect.map(typed, Transport.bufferBodies(1))
    expectTypeOf<Effect.Effect.Success<typeof _whole>>().toEqualTypeOf<
      HttpClient.HttpClient.With<Exclude<Errors.SendError, Errors.Timeout>>
    >()
  })
})

describe("Schedule types", () => {
  it("take failures as input", () => {
    expectTypeOf(Retry.backoff).toEqualTypeOf<Schedule.Schedule<Duration.Duration, Retry.Failure>>()
    expectTypeOf(RetryAfter.honor(Retry.backoff)).toEqualTypeOf<Schedule.Schedule<Retry.Failure, Retry.Failure>>()
    expectTypeOf(Auth.replayOnce).toEqualTypeOf<Auth.Replay>()
    expectTypeOf<Schedule.Schedule<number, Errors.Unauthorized>>().toExtend<Auth.Replay>()
    expectTypeOf(Retry.backoff.pipe(Schedule.upTo("10 seconds"))).toExtend<Retry.RetrySchedule>()
    expectTypeOf(Schedule.spaced("1 second")).toExtend<Retry.RetrySchedule>()
    expectTypeOf<Retry.Failure>().toEqualTypeOf<
      Errors.RateLimited | Errors.Unavailable | Errors.TransportError | Errors.Timeout
    >()
  })
})

describe("ApiClient types", () => {
  type Wire = HttpClient.HttpClient

  it("require a transport and an Auth without the auth option", () => {
    const made = ApiClient.make({ baseUrl })
    expectTypeOf(made).toEqualTypeOf<Effect.Effect<ApiClient.ApiClient, Errors.InvalidRequest, Wire | Auth.Auth>>()
    const layer = Api.layer({ baseUrl })
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<Api, Errors.InvalidRequest, Wire | Auth.Auth>>()
  })

  it("require only a transport with the auth option", () => {
    const made = ApiClient.make({ baseUrl, auth: Auth.none })
    expectTypeOf(made).toEqualTypeOf<Effect.Effect<ApiClient.ApiClient, Errors.InvalidRequest, Wire>>()
    const layer = Api.layer({ baseUrl, auth: Auth.none, cookies: false })
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<Api, Errors.InvalidRequest, Wire>>()
  })

  it("require a CookieJar with cookies: true", () => {
    const made = ApiClient.make({ baseUrl, cookies: true })
    type All = Wire | Auth.Auth | CookieJar.CookieJar
    expectTypeOf(made).toEqualTypeOf<Effect.Effect<ApiClient.ApiClient, Errors.InvalidRequest, All>>()
    const layer = Api.layer({ baseUrl, auth: Auth.none, cookies: true })
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<Api, Errors.InvalidRequest, Wire | CookieJar.CookieJar>>()
  })

  it("require every possible service when the option types are wide", () => {
    expectTypeOf<ApiClient.Requirements<{ baseUrl: string; cookies: boolean; auth: Auth.Service }>>().toEqualTypeOf<
      Wire | CookieJar.CookieJar
    >()
    expectTypeOf<ApiClient.Requirements<{ baseUrl: string; auth: Auth.Service | undefined }>>().toEqualTypeOf<
      Wire | Auth.Auth
    >()
    expectTypeOf<ApiClient.Requirements<ApiClient.Options>>().toEqualTypeOf<
      | Wire
      | Auth.Auth
      | CookieJar.CookieJar
      | RateLimit.RateLimit
      | CircuitBreaker.CircuitBreaker
      | Concurrency.Concurrency
    >()
    const limits = RateLimit.throttle()
    expectTypeOf(ApiClient.make({ baseUrl, auth: Auth.none, rateLimit: limits })).toEqualTypeOf<
      Effect.Effect<ApiClient.ApiClient, Errors.InvalidRequest, Wire>
    >()
  })

  it("have the own errors of the scheme, and no others", () => {
    class Own extends ApiClient.Tag("test/Own")<Own, "own">() {}
    const scheme = Auth.makeStaticEffect(() => Effect.fail<"own">("own"))
    expectTypeOf(scheme).toEqualTypeOf<Auth.Service<"own">>()
    type Client<E> = Effect.Effect<ApiClient.ApiClient<E>, Errors.InvalidRequest, Wire>
    expectTypeOf(ApiClient.make({ baseUrl, auth: scheme })).toEqualTypeOf<Client<Errors.ApiError | "own">>()
    expectTypeOf(ApiClient.make({ baseUrl, auth: Auth.none })).toEqualTypeOf<Client<Errors.ApiError>>()
    const _get = Effect.flatMap(Own, (client) => client.get("/x"))
    expectTypeOf<Effect.Effect.Error<typeof _get>>().toEqualTypeOf<Errors.ApiError | "own">()
    const _call = Effect.flatMap(Api, (client) => client.get("/x", { auth: scheme }))
    expectTypeOf<Effect.Effect.Error<typeof _call>>().toEqualTypeOf<Errors.ApiError | "own">()
  })

  it("require a scheme with the errors of the tag at most", () => {
    class Own extends ApiClient.Tag("test/Own")<Own, "own">() {}
    type Without<A, B> = Exclude<A, B>
    expectTypeOf(Own.layer({ baseUrl })).toEqualTypeOf<
      Layer.Layer<Own, Errors.InvalidRequest, Wire | Auth.Auth<"own">>
    >()
    expectTypeOf<Without<Auth.Auth<"own">, Auth.Auth>>().toEqualTypeOf<never>()
    expectTypeOf<Without<Auth.Auth, Auth.Auth<"own">>>().toEqualTypeOf<Auth.Auth>()
    const scheme = Auth.makeStaticEffect(() => Effect.fail<"own">("own"))
    expectTypeOf(Own.layer({ baseUrl, auth: scheme })).toEqualTypeOf<Layer.Layer<Own, Errors.InvalidRequest, Wire>>()
    // @ts-expect-error -- the tag of `Api` has no error "own".
    Api.layer({ baseUrl, auth: scheme })
  })

  it("provide the tag as HttpClient of the platform", () => {
    expectTypeOf(Api.layerHttpClient).toEqualTypeOf<Layer.Layer<HttpClient.HttpClient, never, Api>>()
    expectTypeOf<ApiClient.ApiClient["httpClient"]>().toEqualTypeOf<HttpClient.HttpClient.With<HttpClientError>>()
    expectTypeOf<ApiClient.ApiClient>().toExtend<HttpClient.HttpClient.With<Errors.ApiError>>()
  })
})

describe("Verb types", () => {
  class Key extends Context.Tag("test/Key")<Key, string>() {}
  const Sealed = Schema.transformOrFail(Schema.String, Schema.String, {
    decode: () => Key,
    encode: () => Key
  })
  const _verbs = (client: ApiClient.ApiClient) => ({
    plain: client.get("/x"),
    decoded: client.get("/x", { schema: Schema.NumberFromString }),
    encoded: client.post("/x", { json: 1, jsonSchema: Schema.NumberFromString }),
    both: client.post("/x", { json: "a", jsonSchema: Sealed, schema: Schema.Number }),
    needing: client.get("/x", { schema: Sealed })
  })
  type Verbs = ReturnType<typeof _verbs>

  it("return the response or the decoded value, with errors and services of the schema", () => {
    type Decoding = Errors.ApiError | Errors.InvalidResponse
    expectTypeOf<Verbs["plain"]>().toEqualTypeOf<Effect.Effect<HttpClientResponse, Errors.ApiError>>()
    expectTypeOf<Verbs["decoded"]>().toEqualTypeOf<Effect.Effect<number, Decoding>>()
    expectTypeOf<Verbs["encoded"]>().toEqualTypeOf<Effect.Effect<HttpClientResponse, Errors.ApiError>>()
    expectTypeOf<Verbs["both"]>().toEqualTypeOf<Effect.Effect<number, Decoding, Key>>()
    expectTypeOf<Verbs["needing"]>().toEqualTypeOf<Effect.Effect<string, Decoding, Key>>()
  })

  it("reject a value that jsonSchema cannot encode", () => {
    const wrong = (client: ApiClient.ApiClient) => [
      // @ts-expect-error -- the schema encodes numbers.
      client.post("/x", { json: "one", jsonSchema: Schema.NumberFromString }),
      // @ts-expect-error -- there is nothing to encode.
      client.post("/x", { jsonSchema: Schema.NumberFromString })
    ]
    expectTypeOf(wrong).toBeFunction()
  })
})

describe("RateLimit types", () => {
  it("add RateLimited with its source", () => {
    expectTypeOf<ErrorOf<ReturnType<typeof RateLimit.policy>>>().toEqualTypeOf<Errors.RateLimited>()
    expectTypeOf<Errors.RateLimited["source"]>().toEqualTypeOf<"server" | "throttle" | "clientLimit">()
  })

  it("require a limiter for limits, a store for a limiter, and nothing for a throttle", () => {
    expectTypeOf(RateLimit.throttle()).toEqualTypeOf<RateLimit.Service>()
    expectTypeOf(RateLimit.layerThrottle()).toEqualTypeOf<Layer.Layer<RateLimit.RateLimit>>()
    expectTypeOf(RateLimit.layer({ limits: [] })).toEqualTypeOf<
      Layer.Layer<RateLimit.RateLimit, never, RateLimiter.RateLimiter>
    >()
    expectTypeOf(RateLimiter.layer).toEqualTypeOf<
      Layer.Layer<RateLimiter.RateLimiter, never, RateLimiter.RateLimiterStore>
    >()
    expectTypeOf(RateLimiter.layerStoreMemory).toEqualTypeOf<Layer.Layer<RateLimiter.RateLimiterStore>>()
  })

  it("distinguish the two limiter failures by reason", () => {
    const retryAfter = (error: RateLimiter.RateLimiterError) =>
      error.reason === "Exceeded" ? error.retryAfter : error.detail
    expectTypeOf(retryAfter).returns.toEqualTypeOf<string | Duration.Duration>()
  })
})

describe("Telemetry types", () => {
  it("add no error and no requirement, and remove none", () => {
    expectTypeOf(Telemetry.span).toEqualTypeOf<(options: Telemetry.SpanOptions) => Policy.Policy>()
    expectTypeOf(Telemetry.durations).toEqualTypeOf<(options: Telemetry.Options) => Policy.Policy>()
    expectTypeOf(Telemetry.counters).toEqualTypeOf<(options: Telemetry.Options) => Policy.Policy>()
    const named = Telemetry.withTemplate("/users/{id}")
    const _same = (effect: Effect.Effect<1, "wrong", "needed">) => named(effect)
    expectTypeOf<ReturnType<typeof _same>>().toEqualTypeOf<Effect.Effect<1, "wrong", "needed">>()
    expectTypeOf<ErrorOf<ReturnType<typeof Telemetry.span>>>().toEqualTypeOf<never>()
  })
})

describe("Hedge, IdempotencyKey and RetryBudget types", () => {
  it("add no errors and requirements of a hedge or a key", () => {
    expectTypeOf<ErrorOf<ReturnType<typeof Hedge.policy>>>().toEqualTypeOf<never>()
    expectTypeOf<ErrorOf<ReturnType<typeof IdempotencyKey.policy>>>().toEqualTypeOf<never>()
    const hedge = Hedge.make({ delay: "300 millis" })
    const idempotencyKey = IdempotencyKey.make({ methods: ["POST"], make: Effect.succeed("k") })
    const _made = ApiClient.make({ baseUrl, auth: Auth.none, hedge, idempotencyKey })
    expectTypeOf<Effect.Effect.Context<typeof _made>>().toEqualTypeOf<HttpClient.HttpClient>()
    expectTypeOf<Effect.Effect.Error<typeof _made>>().toEqualTypeOf<Errors.InvalidRequest>()
  })

  it("require a delay for a hedge, and a make effect without errors for a key", () => {
    // @ts-expect-error - a hedge without a time to wait is two sends each time
    Hedge.make({})
    // @ts-expect-error - a key that may fail would be an error that no call has
    IdempotencyKey.make({ make: Effect.fail("no") })
  })

  it("accept a shared budget or false", () => {
    const budget = RetryBudget.make({ capacity: 100 })
    expectTypeOf(budget).toEqualTypeOf<RetryBudget.RetryBudget>()
    expectTypeOf<Retry.Options["budget"]>().toEqualTypeOf<RetryBudget.RetryBudget | false | undefined>()
    expectTypeOf(Retry.policy({ budget })).toEqualTypeOf(Retry.policy({ budget: false }))
  })
})

describe("CircuitBreaker and Concurrency types", () => {
  it("add one error each and no requirement", () => {
    expectTypeOf(CircuitBreaker.policy).returns.toEqualTypeOf<Policy.Policy<Errors.CircuitOpen>>()
    expectTypeOf(Concurrency.policy).returns.toEqualTypeOf<Policy.Policy<Errors.Overloaded>>()
    expectTypeOf<Errors.CircuitOpen>().toExtend<Errors.ApiError>()
    expectTypeOf<Errors.Overloaded>().toExtend<Errors.ApiError>()
    expectTypeOf<Errors.CircuitOpen | Errors.Overloaded>().not.toExtend<Retry.Failure>()
  })

  it("construct services and layers without errors", () => {
    expectTypeOf(CircuitBreaker.make()).toEqualTypeOf<Effect.Effect<CircuitBreaker.Service>>()
    expectTypeOf(CircuitBreaker.layer()).toEqualTypeOf<Layer.Layer<CircuitBreaker.CircuitBreaker>>()
    expectTypeOf(Concurrency.make({ limit: 1 })).toEqualTypeOf<Effect.Effect<Concurrency.Service>>()
    expectTypeOf(Concurrency.layer({ limit: Concurrency.adaptive() })).toEqualTypeOf<
      Layer.Layer<Concurrency.Concurrency>
    >()
  })

  it("keep errors and requirements of the exchange", () => {
    const _both = (
      circuits: CircuitBreaker.Service,
      permits: Concurrency.Service,
      request: HttpClientRequest,
      exchange: Effect.Effect<HttpClientResponse, "wire", "socket">
    ) => circuits.execute(request, permits.withPermit(request, exchange))
    expectTypeOf<ReturnType<typeof _both>>().toEqualTypeOf<
      Effect.Effect<HttpClientResponse, "wire" | Errors.CircuitOpen | Errors.Overloaded, "socket">
    >()
  })

  it("pass OpenEvent to the schedule", () => {
    const _byReason = Schedule.whileInput(
      CircuitBreaker.halfOpenAfter(),
      (opening: CircuitBreaker.OpenEvent) => opening.reason !== "503"
    )
    expectTypeOf<{ readonly schedule: typeof _byReason }>().toExtend<CircuitBreaker.Options>()
  })
})
