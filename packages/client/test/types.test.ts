/** Types of errors and requirements. */
import * as HttpClient from "@effect/platform/HttpClient"
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
import { describe, expectTypeOf, it } from "vitest"

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
