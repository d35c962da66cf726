/**
 * API clients: an Effect service per API. All its requests pass through one pipeline of policies.
 *
 * The file exceeds 300 lines: options, order and assembly use one set of services, and each step of the order
 * contains its reason.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Auth from "./Auth.js"
import * as CircuitBreaker from "./CircuitBreaker.js"
import * as Concurrency from "./Concurrency.js"
import * as CookieJar from "./CookieJar.js"
import * as Cookies from "./Cookies.js"
import * as RequestDefaults from "./RequestDefaults.js"
import type { ApiError, InvalidRequest } from "./Errors.js"
import type { Hedge } from "./Hedge.js"
import type { IdempotencyKey } from "./IdempotencyKey.js"
import { makeExchange } from "./internal/exchange/exchange.js"
import { toPlatformHttpClient } from "./internal/call/platformHttpClient.js"
import type * as Policy from "./Policy.js"
import * as RateLimit from "./RateLimit.js"
import * as Redirects from "./Redirects.js"
import * as Retry from "./Retry.js"
import * as RetryBudget from "./RetryBudget.js"
import * as Status from "./Status.js"
import * as Telemetry from "./Telemetry.js"
import * as Timeout from "./Timeout.js"
import * as Transport from "./Transport.js"
import * as Verb from "./Verb.js"

/**
 * Options of an API client. Only `baseUrl` is required. `false` leaves a policy out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E = unknown> extends RequestDefaults.Options {
  /** The authentication scheme, given as a value. When omitted, the client requires the {@link Auth.Auth} service. */
  readonly auth?: Auth.Service<E> | undefined
  /**
   * Further origins that receive the credentials, such as `https://uploads.example.com`. The base URL's origin always does.
   */
  readonly origins?: ReadonlyArray<string> | undefined
  /**
   * Time limits: `exchange` for one HTTP request and its response (30 s), `call` for the whole call with all waits (60 s).
   */
  readonly timeout?:
    { readonly exchange?: Duration.DurationInput | false; readonly call?: Duration.DurationInput | false } | undefined
  /** Retries of a failed hop: a schedule, or the options of {@link Retry.policy}. */
  readonly retry?: Retry.RetrySchedule | Retry.Options | false | undefined
  /** Request hedging, made by `Hedge.make`: a second GET, HEAD or OPTIONS when a response is slow. Off by default. */
  readonly hedge?: Hedge | undefined
  /**
   * Idempotency keys, made by `IdempotencyKey.make`: a key for each POST and PATCH, which makes them retryable like a GET.
   * Only for APIs that support the header. Off by default.
   */
  readonly idempotencyKey?: IdempotencyKey | undefined
  /**
   * Options of {@link Redirects.follow}. With `false` the client follows no redirects, and a 3xx is returned as the
   * response.
   */
  readonly redirects?: Redirects.Options | false | undefined
  /**
   * Client-side rate limits and throttles. By default the client has its own {@link RateLimit.throttle}: after a 429, all
   * its requests to that origin wait. `true` requires the {@link RateLimit.RateLimit} service, which several clients can
   * share.
   */
  readonly rateLimit?: RateLimit.Service | boolean | undefined
  /** Circuit breaker for each origin. `true` requires the {@link CircuitBreaker.CircuitBreaker} service. Off by default. */
  readonly circuitBreaker?: CircuitBreaker.Service | boolean | undefined
  /**
   * Limit of concurrent requests, with a bounded queue, for each origin. `true` requires the {@link Concurrency.Concurrency}
   * service. Off by default.
   */
  readonly concurrency?: Concurrency.Service | boolean | undefined
  /**
   * Options of {@link Telemetry.span}: one OpenTelemetry span per HTTP request. Without a tracer no span is made. `false`
   * leaves spans out.
   */
  readonly tracing?: Pick<Telemetry.SpanOptions, "propagateTo"> | false | undefined
  /**
   * {@link Telemetry.metrics}, to record durations and counts. It is a value, so that bundles without metrics are smaller.
   */
  readonly metrics?: typeof Telemetry.metrics | undefined
  /** Whether to store cookies and send them again (false). `true` requires the {@link CookieJar.CookieJar} service. */
  readonly cookies?: boolean | undefined
  /** Maximum size of a response body that the verbs read, in bytes after decompression (10 MiB). */
  readonly maxBodySize?: number | undefined
}

/** Options with the resolved services: the input of each pipeline step. */
interface PipelineServices<E> {
  readonly options: Options
  readonly defaults: RequestDefaults.Options
  readonly auth: Auth.Service<E>
  readonly jar: CookieJar.Service | undefined
  readonly circuits: CircuitBreaker.Service | undefined
  readonly permits: Concurrency.Service | undefined
  readonly limits: RateLimit.Service | undefined
  /** The retry budget that retries and hedges of all pipelines of the client share. */
  readonly budget: RetryBudget.RetryBudget | false
  /** The base URL's origin and `options.origins`: they receive credentials, and spans and metrics may name them. */
  readonly origins: ReadonlyArray<string>
}

/**
 * One step of the pipeline: its name, the reason for its position, and its policy, if the options enable it.
 *
 * @since 0.1.0
 * @category models
 */
export interface PipelineStep {
  /** Module and function of the policy, such as `Retry.policy`. */
  readonly name: string
  /** Why the step stands at this position. */
  readonly reason: string
  /** @internal */
  readonly policy: <E>(services: PipelineServices<E>) => Policy.Policy<ApiError | E> | undefined
}

const retryOptions = (retry: Exclude<Options["retry"], false>): Retry.Options =>
  Schedule.isSchedule(retry) ? { schedule: retry } : (retry ?? {})

/** A server may request the same maximum wait before a redirect as before a retry. */
const redirectOptions = (retry: Options["retry"]): Redirects.Options =>
  retry === false ? {} : { maxRetryAfter: retryOptions(retry).maxRetryAfter }

/**
 * The pipeline's steps, outermost first. Clients are built from this list, and the table in `docs/reference/pipeline.md` is
 * checked against it.
 *
 * @since 0.1.0
 * @category pipeline
 */
export const pipelineOrder: ReadonlyArray<PipelineStep> = [
  {
    name: "Telemetry.counters",
    reason: "Outermost: counts the events of the whole call, including failed calls.",
    policy: ({ options: { metrics }, origins }) => metrics?.counters({ origins })
  },
  {
    name: "RequestDefaults.policy",
    reason: "Once per call: the target of a redirect is not joined to the base URL again.",
    policy: ({ defaults }) => RequestDefaults.policy(defaults)
  },
  {
    name: "Timeout.call",
    reason: "Bounds the whole call, including all waits.",
    policy: ({ options: { timeout } }) =>
      timeout?.call === false ? undefined : Timeout.call(timeout?.call ?? Timeout.defaults.call)
  },
  {
    name: "IdempotencyKey.policy",
    reason: "Once per call: all hops and attempts carry the same key. `Timeout.call` bounds the effect that makes it.",
    policy: ({ options: { idempotencyKey } }) => idempotencyKey?.policy
  },
  {
    name: "Status.policy",
    reason: "Inner policies see the status that the server sent. `Timeout.call` bounds the time to read an error body.",
    policy: () => Status.policy
  },
  {
    name: "Redirects.follow",
    reason: "Outside retry: a hop that ended with a 3xx is never sent again. Each hop has its own retries.",
    policy: ({ options: { redirects, retry } }) =>
      redirects === false ? undefined : Redirects.follow({ ...redirectOptions(retry), ...redirects })
  },
  {
    name: "Retry.policy",
    reason:
      "Outside circuit breaker and limits: each attempt passes through them. One count for all failures of a hop.",
    policy: ({ budget, options: { idempotencyKey, retry } }) =>
      retry === false
        ? undefined
        : Retry.policy({ idempotencyKeyHeader: idempotencyKey?.header, ...retryOptions(retry), budget })
  },
  {
    name: "Hedge.policy",
    reason: "Inside retry: hedged requests are one attempt. Each of them passes through circuit breaker and limits.",
    policy: ({ budget, options: { hedge } }) => hedge?.(budget === false ? undefined : budget)
  },
  {
    name: "CircuitBreaker.policy",
    reason: "An open circuit uses no permit. It sees the timeout of an attempt, and the status that the server sent.",
    policy: ({ circuits }) => (circuits === undefined ? undefined : CircuitBreaker.policy(circuits))
  },
  {
    name: "Concurrency.policy",
    reason:
      "Requests that an open circuit rejects are not queued. Queued requests are not yet counted as sent, nor signed.",
    policy: ({ permits }) => (permits === undefined ? undefined : Concurrency.policy(permits))
  },
  {
    name: "RateLimit.policy",
    reason:
      "Waits before the request is signed, because signatures carry timestamps. Inside retry: each attempt waits.",
    policy: ({ limits }) => (limits === undefined ? undefined : RateLimit.policy(limits))
  },
  {
    name: "Auth.policy",
    reason: "Adds credentials last, and only for the client's own origins. The replay after a 401 is not an attempt.",
    policy: ({ auth, origins }) => (auth === Auth.none ? undefined : Auth.policy({ auth, origins }))
  },
  {
    name: "Telemetry.span",
    reason:
      "One span per HTTP request, replays included. A timeout is the span's error. Token refreshes have no span here.",
    policy: ({ options: { tracing }, origins }) =>
      tracing === false ? undefined : Telemetry.span({ ...tracing, origins })
  },
  {
    name: "Telemetry.durations",
    reason: "Measures the same interval as the span.",
    policy: ({ options: { metrics }, origins }) => metrics?.durations({ origins })
  },
  {
    name: "Cookies.policy",
    reason: "Sees every `Set-Cookie`, also of a 401 or 3xx. `Timeout.exchange` does not include reading the jar.",
    policy: ({ jar }) => (jar === undefined ? undefined : Cookies.policy(jar))
  },
  {
    name: "Timeout.exchange",
    reason:
      "Innermost: does not include waits for a permit or a token refresh. It calls the transport without an effect.",
    policy: ({ options: { timeout } }) =>
      timeout?.exchange === false ? undefined : Timeout.exchange(timeout?.exchange ?? Timeout.defaults.exchange)
  }
]

/** The `httpClient` adapter leaves this step out, because its callers decode error responses themselves. */
const withoutStatusErrors: ReadonlySet<string> = new Set(["Status.policy"])

const pipeline = <E>(
  transport: HttpClient.HttpClient.With<ApiError>,
  services: PipelineServices<E>,
  without: ReadonlySet<string> = new Set()
): HttpClient.HttpClient.With<ApiError | E> =>
  pipelineOrder.reduceRight<HttpClient.HttpClient.With<ApiError | E>>((client, { name, policy }) => {
    const wrap = without.has(name) ? undefined : policy(services)
    return wrap === undefined ? client : wrap(client)
  }, transport)

/**
 * The client of one API: a platform `HttpClient`. `E` has all of its errors: {@link ApiError} and those of its scheme.
 *
 * The platform's combinators work on it. `execute` streams the response body. The verbs (`get`, `post` …) read it whole, up
 * to `maxBodySize`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ApiClient<out E = ApiError> extends HttpClient.HttpClient.With<E> {
  /** Sends a GET request. */
  readonly get: Verb.Verb<E>
  /** Sends a HEAD request. */
  readonly head: Verb.Verb<E>
  /** Sends a POST request. */
  readonly post: Verb.Verb<E>
  /** Sends a PUT request. */
  readonly put: Verb.Verb<E>
  /** Sends a PATCH request. */
  readonly patch: Verb.Verb<E>
  /** Sends a DELETE request. */
  readonly del: Verb.Verb<E>
  /** Sends an OPTIONS request. */
  readonly options: Verb.Verb<E>
  /**
   * The same pipeline as a platform `HttpClient`, for SDKs and `HttpApiClient`. It returns the last response for an error
   * status. Other errors become a `RequestError` with the original error as `cause`, which the platform does not retry.
   */
  readonly httpClient: HttpClient.HttpClient
}

/**
 * The services that a client requires: a transport (`HttpClient`), `Auth` unless `options.auth` is set, and each of
 * `CookieJar`, `RateLimit`, `CircuitBreaker` and `Concurrency` with an option that is `true`, or of type `boolean`.
 *
 * `E` is what the scheme may fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<O extends Options, E = never> =
  | Wire
  | (O extends { readonly auth: Auth.Service<unknown> } ? never : Auth.Auth<E>)
  | ServiceFromOption<O, "cookies", CookieJar.CookieJar>
  | ServiceFromOption<O, "rateLimit", RateLimit.RateLimit>
  | ServiceFromOption<O, "circuitBreaker", CircuitBreaker.CircuitBreaker>
  | ServiceFromOption<O, "concurrency", Concurrency.Concurrency>

type Wire = HttpClient.HttpClient

/** The service of an option that is `true`. An option of type `boolean` may be `true` at run time. */
type ServiceFromOption<O, Name extends string, Tag> = Name extends keyof O
  ? true extends O[Name]
    ? Tag
    : never
  : never

const resolveService = <Id, Service>(
  tag: Context.Tag<Id, Service>,
  option: Service | boolean | undefined
): Effect.Effect<Service | undefined, never, Id> =>
  option === true ? tag : Effect.succeed(option === false ? undefined : option)

const resolveServices = <E>(
  options: Options<E>
): Effect.Effect<PipelineServices<E>, InvalidRequest, Exclude<Requirements<Options, E>, Wire>> =>
  Effect.all({
    options: Effect.succeed(options),
    defaults: RequestDefaults.validate(options),
    auth: options.auth === undefined ? Auth.tag<E>() : Effect.succeed(options.auth),
    jar: resolveService<CookieJar.CookieJar, CookieJar.Service>(CookieJar.CookieJar, options.cookies),
    circuits: resolveService<CircuitBreaker.CircuitBreaker, CircuitBreaker.Service>(
      CircuitBreaker.CircuitBreaker,
      options.circuitBreaker
    ),
    permits: resolveService<Concurrency.Concurrency, Concurrency.Service>(Concurrency.Concurrency, options.concurrency),
    limits: resolveService<RateLimit.RateLimit, RateLimit.Service>(
      RateLimit.RateLimit,
      options.rateLimit ?? RateLimit.throttle()
    ),
    budget: Effect.sync(
      () => (options.retry === false ? undefined : retryOptions(options.retry).budget) ?? RetryBudget.make()
    ),
    origins: Effect.succeed([options.baseUrl, ...(options.origins ?? [])])
  })

/** Other credentials may belong to another account, so a throttle of one account does not apply to the other. */
const withCredentials = <E>(services: PipelineServices<E>): (<E1>(auth: Auth.Service<E1>) => PipelineServices<E1>) => {
  const throttles = new WeakMap<Auth.Service<unknown>, RateLimit.Service>()
  const throttleOf = (auth: Auth.Service<unknown>): RateLimit.Service => {
    const throttle = throttles.get(auth) ?? RateLimit.throttle()
    throttles.set(auth, throttle)
    return throttle
  }
  return (auth) => ({
    ...services,
    auth,
    limits: services.options.rateLimit === undefined ? throttleOf(auth) : services.limits
  })
}

/** Responses that a verb may return. Of an error only the beginning is read, of a redirect nothing. */
const isFinal =
  ({ redirects }: Options) =>
  (response: HttpClientResponse): boolean =>
    response.status < 300 || (response.status < 400 && (redirects === false || !Redirects.isRedirect(response)))

const assemble = <E>(transport: HttpClient.HttpClient, services: PipelineServices<E>): ApiClient<ApiError | E> => {
  const streaming = makeExchange(transport)
  const bufferedTransport = makeExchange(transport, {
    limit: services.options.maxBodySize ?? Transport.defaults.maxBodySize,
    isWanted: isFinal(services.options)
  })
  const bufferedClient = pipeline(bufferedTransport, services)
  // The `auth` of one call needs its own pipeline. That costs about twelve closures, for such calls only.
  const servicesFor = withCredentials(services)
  const executeWith = <E1>(auth?: Auth.Service<E1>): Policy.Next<ApiError | E | E1, never> =>
    (auth === undefined ? bufferedClient : pipeline(bufferedTransport, servicesFor(auth))).execute
  return Object.assign(pipeline(streaming, services), {
    get: Verb.make("GET", executeWith),
    head: Verb.make("HEAD", executeWith),
    post: Verb.make("POST", executeWith),
    put: Verb.make("PUT", executeWith),
    patch: Verb.make("PATCH", executeWith),
    del: Verb.make("DELETE", executeWith),
    options: Verb.make("OPTIONS", executeWith),
    httpClient: toPlatformHttpClient(pipeline(streaming, services, withoutStatusErrors))
  })
}

/**
 * The errors of the scheme in the option `auth`. Never without the option: then the context has a scheme without own errors.
 *
 * @since 0.1.0
 * @category models
 */
export type SchemeError<O> = O extends { readonly auth: Auth.Service<infer E> } ? E : never

/**
 * Makes the client of one API.
 *
 * Fails with `InvalidRequest` when `baseUrl` or a default header cannot be used.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none })
 *   const response = yield* api.get("/users/42")
 *   return yield* response.json
 * })
 *
 * @param options - the base URL and the policies. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Options>(
  options: O
): Effect.Effect<ApiClient<ApiError | SchemeError<O>>, InvalidRequest, Requirements<O>> =>
  // `Requirements` and `SchemeError` compute services and errors from the type of the options, which the compiler cannot check here.
  Effect.map(Effect.all([HttpClient.HttpClient, resolveServices(options)]), ([transport, services]) =>
    assemble(transport, services)
  ) as Effect.Effect<ApiClient<ApiError | SchemeError<O>>, InvalidRequest, Requirements<O>>

/**
 * The class of an API's tag: `class GitHub extends ApiClient.Tag("app/GitHub")<GitHub>() {}`. `E` has the own errors of its
 * authentication scheme.
 *
 * @since 0.1.0
 * @category models
 */
export interface TagClass<Self, Id extends string, E = never> extends Context.TagClass<
  Self,
  Id,
  ApiClient<ApiError | E>
> {
  /** Layer with the client of this API. Its options and errors are those of {@link make}. */
  readonly layer: <const O extends Options<E>>(options: O) => Layer.Layer<Self, InvalidRequest, Requirements<O, E>>
  /**
   * Layer with a platform `HttpClient` that sends through this API's pipeline, for `HttpApiClient` and SDKs. It is built
   * anew for each client of the API that provides it.
   */
  readonly layerHttpClient: Layer.Layer<HttpClient.HttpClient, never, Self>
}

/**
 * Makes the tag of an API, so that an application can use the clients of several APIs.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Layer from "effect/Layer"
 *
 * class GitHub extends ApiClient.Tag("app/GitHub")<GitHub>() {}
 *
 * const GitHubLive = GitHub.layer({ baseUrl: "https://api.github.com" }).pipe(Layer.provide(Auth.layerNone))
 *
 * The second type argument has the own errors of the scheme: `ApiClient.Tag("app/GitHub")<GitHub, TokenSourceError>()` for
 * OAuth. Without it the scheme must be one without own errors, such as an API key.
 *
 * @param id - the key of the service, with a namespace, such as `app/GitHub`.
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <const Id extends string>(id: Id) =>
  <Self, E = never>(): TagClass<Self, Id, E> => {
    const tag = Context.Tag(id)<Self, ApiClient<ApiError | E>>()
    return Object.assign(tag, {
      layer: <const O extends Options<E>>(options: O) =>
        // The option `auth`, and the tag that is required without it, have errors of `E` only.
        Layer.effect(tag, make(options) as Effect.Effect<ApiClient<ApiError | E>, InvalidRequest, Requirements<O, E>>),
      // Effect builds a constant Layer once per application. A second account's SDK would then send as the first.
      layerHttpClient: Layer.fresh(
        Layer.effect(
          HttpClient.HttpClient,
          Effect.map(tag, (client) => client.httpClient)
        )
      )
    })
  }
