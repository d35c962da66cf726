/** The options of a client, and what their types say about its services and errors. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as UrlParams from "@effect/platform/UrlParams"
import type { Config } from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import type { Layer } from "effect/Layer"
import type { Scope } from "effect/Scope"
import type * as Auth from "../../Auth.js"
import type { TimeoutOptions } from "../../Call.js"
import type * as CircuitBreaker from "../../CircuitBreaker.js"
import type * as Concurrency from "../../Concurrency.js"
import type * as CookieJar from "../../CookieJar.js"
import type { CallError, CircuitOpen, InvalidRequest, Overloaded } from "../../Errors.js"
import type { Hedge } from "../../Hedge.js"
import type { HttpCache } from "../../HttpCache.js"
import type { IdempotencyKey } from "../../IdempotencyKey.js"
import type { JsonCodec } from "../../JsonCodec.js"
import type * as RateLimit from "../../RateLimit.js"
import type * as Redirects from "../../Redirects.js"
import type * as Retry from "../../Retry.js"
import type * as Telemetry from "../../Telemetry.js"
import type * as Timeline from "../../Timeline.js"

/**
 * Base of all URLs: an http or https URL without a query, or a `Config` with it.
 *
 * @since 0.1.0
 * @category models
 */
export type BaseUrl = string | URL | Config<string | URL>

/**
 * Options of a client that require no service. `false` leaves a policy out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /**
   * Default header fields. A field that the call sets itself is not replaced.
   *
   * Fields that describe a body (`content-type`, `content-language` …) are added only to requests with a body. They are not
   * added to forms, because the transport sets the boundary.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Default query parameters. A parameter that the call sets itself is not added. */
  readonly query?: UrlParams.Input | undefined
  /**
   * Name and version of the application, such as `shop/2.0`, for the `user-agent` field: `shop/2.0 countersign/0.1.0`. With
   * `false` the client sets no such field. In browsers it never does.
   */
  readonly userAgent?: string | false | undefined
  /**
   * Further origins that receive the credentials and can be called by absolute URLs, such as `https://uploads.example.com`.
   * The base URL's origin always does.
   */
  readonly origins?: ReadonlyArray<string> | undefined
  /**
   * Time limits: `exchange` for one HTTP request and its response (30 s), `call` for the whole call with all waits (60 s). A
   * duration alone is the limit of the call.
   */
  readonly timeout?: Duration.DurationInput | TimeoutOptions | undefined
  /** Retries of a failed request: a schedule, or the options of `Retry.policy`. By default two. `false` for none. */
  readonly retry?: Retry.RetrySchedule | Retry.Options | false | undefined
  /** Request hedging, made by `Hedge.make`: a second GET, HEAD or OPTIONS when a response is slow. Off by default. */
  readonly hedge?: Hedge | undefined
  /**
   * Idempotency keys, made by `IdempotencyKey.make`: a key for each POST and PATCH, which makes them retryable like a GET.
   * Only for APIs that support the header. Off by default.
   */
  readonly idempotencyKey?: IdempotencyKey | undefined
  /**
   * How redirects are followed: options of `Redirects.follow`. With `false` the client follows none, and returns a 3xx as the
   * response.
   */
  readonly redirects?: Redirects.Options | false | undefined
  /**
   * Options of `Telemetry.span`: one OpenTelemetry span per HTTP request. Without a tracer no span is made. `false` leaves
   * spans out.
   */
  readonly tracing?: Pick<Telemetry.SpanOptions, "propagateTo"> | false | undefined
  /** `Telemetry.metrics`, to record durations and counts. It is a value, so that bundles without metrics are smaller. */
  readonly metrics?: typeof Telemetry.metrics | undefined
  /**
   * Called synchronously with each event of the client's calls: requests, responses, waits and outcomes. See `Timeline`. An
   * error that it throws does not reach the call.
   */
  readonly observe?: ((event: Timeline.Event) => void) | undefined
  /**
   * Names of the query parameters that errors, spans, events and log lines show with their values. All other values are
   * `<redacted>`. By default the values of `page`, `per_page`, `limit` and `offset` are shown, if they have at most nine digits and
   * nothing else. `[]` shows none.
   */
  readonly showQuery?: ReadonlyArray<string> | undefined
  /** Cache of responses, made by `HttpCache.memory`: for the verbs, each account by itself. Off by default. */
  readonly cache?: HttpCache | undefined
  /** Maximum size of a response body that the verbs read, in bytes after decompression (10 MiB). */
  readonly maxBodySize?: number | undefined
  /** How the verbs parse and write JSON (`JSON`). `JsonCodec.bigInt` keeps integers beyond 2^53. */
  readonly json?: JsonCodec | undefined
}

/**
 * Options of a client that are a service, or a Layer that builds it. A Layer of two clients is built once.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServiceOptions<Au, Co, Ra, Ci, Pe> {
  /** The authentication scheme: a Layer such as `Bearer.layerConfig(…)`, or a value such as `Bearer.make(…)`. */
  readonly auth?: Au
  /** Stores cookies and sends them again: `CookieJar.layerMemory`. Off by default. */
  readonly cookies?: Co
  /**
   * Client-side rate limits and throttles, such as `RateLimit.layer(…)`. By default the client has its own
   * `RateLimit.throttle`: after a 429, all its requests to that origin wait. `false` leaves it out.
   */
  readonly rateLimit?: Ra
  /** Circuit breaker for each origin: `CircuitBreaker.layer(…)`. Off by default. */
  readonly circuitBreaker?: Ci
  /** Limit of concurrent requests, with a bounded queue, for each origin: `Concurrency.layer(…)`. Off by default. */
  readonly concurrency?: Pe
}

type ServiceOption<Id, Service> = Service | Layer<Id, unknown, unknown> | false | undefined

/** The option `auth`. */
export type AuthOption<E> = Auth.Service<E> | Layer<Auth.Auth<E>, unknown, unknown> | undefined
/** The option `cookies`. */
export type CookiesOption = ServiceOption<CookieJar.CookieJar, CookieJar.Service>
/** The option `rateLimit`. */
export type RateLimitOption = ServiceOption<RateLimit.RateLimit, RateLimit.Service>
/** The option `circuitBreaker`. */
export type CircuitBreakerOption = ServiceOption<CircuitBreaker.CircuitBreaker, CircuitBreaker.Service>
/** The option `concurrency`. */
export type ConcurrencyOption = ServiceOption<Concurrency.Concurrency, Concurrency.Service>

/**
 * Options of an API client, for a variable or a parameter. Its services are values, because the type of a Layer would be
 * lost.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E = never>
  extends
    Settings,
    ServiceOptions<
      Auth.Service<E> | undefined,
      CookieJar.Service | false | undefined,
      RateLimit.Service | false | undefined,
      CircuitBreaker.Service | false | undefined,
      Concurrency.Service | false | undefined
    > {
  /** Base of all URLs: an http or https URL without a query. */
  readonly baseUrl: string | URL
}

/** All options of a client. */
export type AnyOptions = { readonly baseUrl: BaseUrl } & Settings &
  ServiceOptions<AuthOption<unknown>, CookiesOption, RateLimitOption, CircuitBreakerOption, ConcurrencyOption>

type LayerContext<Option> = Option extends Layer<infer _Id, infer _E, infer R> ? R : never

type AuthContext<Au, Missing> = Au extends Auth.Service<unknown> | Layer<never, unknown, unknown>
  ? LayerContext<Au>
  : Missing

/**
 * The services that a client requires: the transport, those of the Layers in its options, and `Missing` without `auth`.
 *
 * @since 0.1.0
 * @category models
 */
// A conditional type at the top, so that editors show its members instead of its name.
export type Requirements<Au, Co, Ra, Ci, Pe, Missing = never> = [Missing] extends [infer M]
  ? | HttpClient.HttpClient
    | AuthContext<Au, M>
    | LayerContext<Co>
    | LayerContext<Ra>
    | LayerContext<Ci>
    | LayerContext<Pe>
  : never

/** The scope in which `make` builds the Layers of its options. */
export type ScopeOf<Option> = Option extends Layer<never, unknown, unknown> ? Scope : never

type LayerFailure<Option> = Option extends Layer<infer _Id, infer E, infer _R> ? E : never

/**
 * Why a client cannot be built: invalid options, a missing configuration, or an error of a Layer in its options.
 *
 * @since 0.1.0
 * @category models
 */
export type BuildError<Ba, Au, Co, Ra, Ci, Pe> =
  | InvalidRequest
  | (Ba extends Config<unknown> ? ConfigError : never)
  | LayerFailure<Au>
  | LayerFailure<Co>
  | LayerFailure<Ra>
  | LayerFailure<Ci>
  | LayerFailure<Pe>

/**
 * The errors of the scheme in the option `auth`.
 *
 * @since 0.1.0
 * @category models
 */
export type SchemeError<Au> =
  Au extends Auth.Service<infer E>
    ? E
    : Au extends Layer<infer Id, infer _E, infer _R>
      ? Id extends Auth.Auth<infer E>
        ? E
        : never
      : never

type Enabled<Option, E> = [Exclude<Option, false | undefined>] extends [never] ? never : E

/**
 * The errors of a client with these options: without a circuit breaker no `CircuitOpen`, without a concurrency limit no
 * `Overloaded`.
 *
 * @since 0.1.0
 * @category models
 */
// A conditional type at the top, so that editors show its members instead of its name.
export type ErrorOf<Au, Ci, Pe> = [SchemeError<Au>] extends [infer E]
  ? CallError | Enabled<Ci, CircuitOpen> | Enabled<Pe, Overloaded> | E
  : never
