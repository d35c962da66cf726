/**
 * An API's client: a service of its own, whose requests go through the pipeline.
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
import { total } from "./internal/call/httpClient.js"
import { adapted } from "./internal/call/platformHttpClient.js"
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
 * What a client is made of. Everything but `baseUrl` has a default; `false` leaves a policy out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends RequestDefaults.Options {
  /** The credentials, where they are a value at hand; an {@link Auth.Auth} Layer is asked for otherwise. */
  readonly auth?: Auth.Service | undefined
  /** Origins beside the base URL's to which the credentials belong too, such as `https://uploads.example.com`. */
  readonly origins?: ReadonlyArray<string> | undefined
  /** Bounds on time: one exchange (30 s), the call with all its retries and waits (60 s). */
  readonly timeout?:
    { readonly exchange?: Duration.DurationInput | false; readonly call?: Duration.DurationInput | false } | undefined
  /** A schedule, or the options of {@link Retry.policy}. */
  readonly retry?: Retry.RetrySchedule | Retry.Options | false | undefined
  /** A second send for a safe request whose answer takes long, as `Hedge.make` makes it; none when left out. */
  readonly hedge?: Hedge | undefined
  /**
   * A key for each POST and PATCH, as `IdempotencyKey.make` makes it, with which they are retried like a GET; for APIs that
   * know the header. None when left out.
   */
  readonly idempotencyKey?: IdempotencyKey | undefined
  /** The options of {@link Redirects.follow}; with `false` a 3xx is an answer like any other. */
  readonly redirects?: Redirects.Options | false | undefined
  /**
   * What holds requests back: one 429 holds all of the client's, until the server's time has come. `true` asks for the
   * {@link RateLimit.RateLimit} Layer, whose limits and gates clients share; a hold of this client's own when left out.
   */
  readonly rateLimit?: RateLimit.Service | boolean | undefined
  /** Circuits that open where a server keeps failing; `true` asks for the Layer. None when left out. */
  readonly circuitBreaker?: CircuitBreaker.Service | boolean | undefined
  /** How many requests an origin has under way at most, and in its queue; `true` asks for the Layer. No bound when left out. */
  readonly concurrency?: Concurrency.Service | boolean | undefined
  /** The options of {@link Telemetry.span}; spans cost nothing where nobody looks. `false` leaves them out. */
  readonly tracing?: Pick<Telemetry.SpanOptions, "propagateTo"> | false | undefined
  /** {@link Telemetry.metrics}, to have durations and counts recorded; a client without it is smaller. */
  readonly metrics?: typeof Telemetry.metrics | undefined
  /** Whether to keep a session's cookies in the {@link CookieJar.CookieJar} Layer (false). */
  readonly cookies?: boolean | undefined
  /** The largest body that the verbs read, in bytes, after inflation (10 MiB). */
  readonly maxBodySize?: number | undefined
}

/** What the pipeline is built of: the options with the services that they ask for. */
interface Parts {
  readonly options: Options
  readonly defaults: RequestDefaults.Options
  readonly auth: Auth.Service
  readonly jar: CookieJar.Service | undefined
  readonly circuits: CircuitBreaker.Service | undefined
  readonly permits: Concurrency.Service | undefined
  readonly limits: RateLimit.Service | undefined
  /** What retries and hedges of all pipelines of the client are paid from. */
  readonly budget: RetryBudget.RetryBudget | false
  /** Where credentials go, and what spans and metrics may name: the base URL's origin, and the further ones. */
  readonly origins: ReadonlyArray<string>
}

/**
 * A place in the pipeline: its name, why it stands there, and the policy, if the options ask for it.
 *
 * @since 0.1.0
 * @category models
 */
export interface PipelineStep {
  readonly name: string
  readonly reason: string
  /** @internal */
  readonly policy: (parts: Parts) => Policy.Policy<ApiError> | undefined
}

const retryOptions = (retry: Exclude<Options["retry"], false>): Retry.Options =>
  Schedule.isSchedule(retry) ? { schedule: retry } : (retry ?? {})

/** A server may ask for as long a wait before a redirect as before a retry. */
const boundOf = (retry: Options["retry"]): Redirects.Options =>
  retry === false ? {} : { maxRetryAfter: retryOptions(retry).maxRetryAfter }

/**
 * The order of the pipeline, outermost first. This list is the pipeline: clients are built of it, and the table in
 * `docs/reference/pipeline.md` is held against it.
 *
 * @since 0.1.0
 * @category pipeline
 */
export const pipelineOrder: ReadonlyArray<PipelineStep> = [
  {
    name: "Telemetry.counters",
    reason: "outermost: counts the events of the whole call, including failed calls",
    policy: ({ options: { metrics }, origins }) => metrics?.counters({ origins })
  },
  {
    name: "RequestDefaults.policy",
    reason: "base URL and default headers: once a call, so that a redirect is not joined to them again",
    policy: ({ defaults }) => RequestDefaults.policy(defaults)
  },
  {
    name: "IdempotencyKey.policy",
    reason: "once a call: all of its hops and attempts carry the same key",
    policy: ({ options: { idempotencyKey } }) => idempotencyKey?.policy
  },
  {
    name: "Timeout.call",
    reason: "bounds everything, waits included",
    policy: ({ options: { timeout } }) =>
      timeout?.call === false ? undefined : Timeout.call(timeout?.call ?? Timeout.defaults.call)
  },
  {
    name: "Status.policy",
    reason: "inner policies see the status that the server sent; the call timeout bounds the body of an error",
    policy: () => Status.policy
  },
  {
    name: "Redirects.follow",
    reason: "outside retry: a hop that answered 3xx is done and is never sent again; each hop is a request of its own",
    policy: ({ options: { redirects, retry } }) =>
      redirects === false ? undefined : Redirects.follow({ ...boundOf(retry), ...redirects })
  },
  {
    name: "Retry.policy",
    reason: "outside breaker and limiter, so that each attempt asks them again; one count for all failures of a hop",
    policy: ({ budget, options: { idempotencyKey, retry } }) =>
      retry === false
        ? undefined
        : Retry.policy({ idempotencyKeyHeader: idempotencyKey?.header, ...retryOptions(retry), budget })
  },
  {
    name: "Hedge.policy",
    reason: "within retry, to which all of its sends are one attempt; each of them asks breaker and limiter",
    policy: ({ budget, options: { hedge } }) => hedge?.(budget === false ? undefined : budget)
  },
  {
    name: "CircuitBreaker.policy",
    reason: "an open circuit spends no permit; it sees each attempt with its timeout, and the statuses as they came",
    policy: ({ circuits }) => (circuits === undefined ? undefined : CircuitBreaker.policy(circuits))
  },
  {
    name: "Concurrency.policy",
    reason:
      "what an open circuit rejects takes no place in its queue; what waits there is neither counted nor signed yet",
    policy: ({ permits }) => (permits === undefined ? undefined : Concurrency.policy(permits))
  },
  {
    name: "RateLimit.policy",
    reason:
      "waits for a permit before signing, since signatures carry timestamps; within retry, so that each attempt asks",
    policy: ({ limits }) => (limits === undefined ? undefined : RateLimit.policy(limits))
  },
  {
    name: "Auth.policy",
    reason:
      "last to add credentials, and only for its own origins; one replay of its own on a 401, which is no attempt",
    policy: ({ auth, origins }) => (auth === Auth.none ? undefined : Auth.policy({ auth, origins }))
  },
  {
    name: "Telemetry.span",
    reason:
      "one span per HTTP request, replays included; an exchange timeout is its error; token refreshes have no span here",
    policy: ({ options: { tracing }, origins }) =>
      tracing === false ? undefined : Telemetry.span({ ...tracing, origins })
  },
  {
    name: "Telemetry.durations",
    reason: "measures what the span spans",
    policy: ({ options: { metrics }, origins }) => metrics?.durations({ origins })
  },
  {
    name: "Cookies.policy",
    reason: "sees every Set-Cookie, 401s and 3xx included; asking the jar does not eat the exchange's time",
    policy: ({ jar }) => (jar === undefined ? undefined : Cookies.policy(jar))
  },
  {
    name: "Timeout.exchange",
    reason:
      "nearest to the wire: waiting for a permit or a refresh does not eat its time, and it asks the transport directly",
    policy: ({ options: { timeout } }) =>
      timeout?.exchange === false ? undefined : Timeout.exchange(timeout?.exchange ?? Timeout.defaults.exchange)
  }
]

/** What leaves out a place of the order: the adapter wants statuses as they came. */
const asTheyCame: ReadonlySet<string> = new Set(["Status.policy"])

const pipeline = (
  transport: HttpClient.HttpClient.With<ApiError>,
  parts: Parts,
  without: ReadonlySet<string> = new Set()
): HttpClient.HttpClient.With<ApiError> =>
  pipelineOrder.reduceRight((client, { name, policy }) => {
    const wrap = without.has(name) ? undefined : policy(parts)
    return wrap === undefined ? client : wrap(client)
  }, transport)

/**
 * The client of an API. It is a platform `HttpClient` whose errors are {@link ApiError}, so that the platform's
 * combinators work on it; `execute` streams its answer's body, and the verbs read it whole, within bounds.
 *
 * @since 0.1.0
 * @category models
 */
export interface ApiClient extends HttpClient.HttpClient.With<ApiError> {
  readonly get: Verb.Verb
  readonly head: Verb.Verb
  readonly post: Verb.Verb
  readonly put: Verb.Verb
  readonly patch: Verb.Verb
  readonly del: Verb.Verb
  readonly options: Verb.Verb
  /**
   * The same pipeline as platform's `HttpClient`, for code that takes one: it gives the last response where the client
   * would fail for its status, and `RequestError`, which nothing of the platform retries, for the rest; another client
   * of ours reads it as what it was.
   */
  readonly httpClient: HttpClient.HttpClient
}

/**
 * What a client asks for: a transport; an `Auth`, unless the options bring one; a `CookieJar` if they say, or may say,
 * `cookies: true`, and likewise a `RateLimit`, a `CircuitBreaker`, a `Concurrency`.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<O extends Options> =
  | Wire
  | (O extends { readonly auth: Auth.Service } ? never : Auth.Auth)
  | Asked<O, "cookies", CookieJar.CookieJar>
  | Asked<O, "rateLimit", RateLimit.RateLimit>
  | Asked<O, "circuitBreaker", CircuitBreaker.CircuitBreaker>
  | Asked<O, "concurrency", Concurrency.Concurrency>

type Wire = HttpClient.HttpClient

/** A service that an option asks for when it is `true`; where the type does not tell (`boolean`), it may be. */
type Asked<O, Name extends string, Tag> = Name extends keyof O ? (true extends O[Name] ? Tag : never) : never

const asked = <Id, Service>(
  tag: Context.Tag<Id, Service>,
  option: Service | boolean | undefined
): Effect.Effect<Service | undefined, never, Id> =>
  option === true ? tag : Effect.succeed(option === false ? undefined : option)

const parts = (options: Options): Effect.Effect<Parts, InvalidRequest, Exclude<Requirements<Options>, Wire>> =>
  Effect.all({
    options: Effect.succeed(options),
    defaults: RequestDefaults.validate(options),
    auth: options.auth === undefined ? Auth.Auth : Effect.succeed(options.auth),
    jar: asked<CookieJar.CookieJar, CookieJar.Service>(CookieJar.CookieJar, options.cookies),
    circuits: asked<CircuitBreaker.CircuitBreaker, CircuitBreaker.Service>(
      CircuitBreaker.CircuitBreaker,
      options.circuitBreaker
    ),
    permits: asked<Concurrency.Concurrency, Concurrency.Service>(Concurrency.Concurrency, options.concurrency),
    limits: asked<RateLimit.RateLimit, RateLimit.Service>(
      RateLimit.RateLimit,
      options.rateLimit ?? RateLimit.throttle()
    ),
    budget: Effect.sync(
      () => (options.retry === false ? undefined : retryOptions(options.retry).budget) ?? RetryBudget.make()
    ),
    origins: Effect.succeed([options.baseUrl, ...(options.origins ?? [])])
  })

/** Other credentials are another account: what the server asks of one is not asked of the other. */
const forAccounts = (built: Parts): ((auth: Auth.Service) => Parts) => {
  const holds = new WeakMap<Auth.Service, RateLimit.Service>()
  const holdOf = (auth: Auth.Service): RateLimit.Service => {
    const hold = holds.get(auth) ?? RateLimit.throttle()
    holds.set(auth, hold)
    return hold
  }
  return (auth) => ({ ...built, auth, limits: built.options.rateLimit === undefined ? holdOf(auth) : built.limits })
}

/** The answers that a verb may give out. Of the others little is read: an error's beginning, nothing of a redirect. */
const isFinal =
  ({ redirects }: Options) =>
  (response: HttpClientResponse): boolean =>
    response.status < 300 || (response.status < 400 && (redirects === false || !Redirects.isRedirect(response)))

const assemble = (transport: HttpClient.HttpClient, built: Parts): ApiClient => {
  const streaming = Transport.fromHttpClient(transport)
  const whole = Transport.bufferBodies(
    built.options.maxBodySize ?? Transport.defaults.maxBodySize,
    isFinal(built.options)
  )(streaming)
  const read = pipeline(whole, built)
  // Credentials of one call make a pipeline of one call: it costs a dozen closures, and the others pay nothing.
  const accounts = forAccounts(built)
  const through = (auth?: Auth.Service) => (auth === undefined ? read : pipeline(whole, accounts(auth))).execute
  return Object.assign(total(pipeline(streaming, built)), {
    get: Verb.make("GET", through),
    head: Verb.make("HEAD", through),
    post: Verb.make("POST", through),
    put: Verb.make("PUT", through),
    patch: Verb.make("PATCH", through),
    del: Verb.make("DELETE", through),
    options: Verb.make("OPTIONS", through),
    httpClient: adapted(total(pipeline(streaming, built, asTheyCame)))
  })
}

/**
 * Makes a client of the services at hand.
 *
 * Fails with `InvalidRequest` when the base URL or a default header cannot be used.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Options>(options: O): Effect.Effect<ApiClient, InvalidRequest, Requirements<O>> =>
  // Which of the two services is really asked for is what `Requirements` computes from the options' type.
  Effect.map(Effect.all([HttpClient.HttpClient, parts(options)]), ([transport, built]) =>
    assemble(transport, built)
  ) as Effect.Effect<ApiClient, InvalidRequest, Requirements<O>>

/**
 * The class of an API's tag: `class GitHub extends ApiClient.Tag("app/GitHub")<GitHub>() {}`.
 *
 * @since 0.1.0
 * @category models
 */
export interface TagClass<Self, Id extends string> extends Context.TagClass<Self, Id, ApiClient> {
  /** The API's client, as {@link make} makes it. */
  readonly layer: <const O extends Options>(options: O) => Layer.Layer<Self, InvalidRequest, Requirements<O>>
  /**
   * Layer with the platform's `HttpClient` through this API's pipeline: what `HttpApiClient` and SDKs are given. Built for
   * each client of the API that it is provided with.
   */
  readonly layerHttpClient: Layer.Layer<HttpClient.HttpClient, never, Self>
}

/**
 * A tag for an API, of which an application may have several.
 *
 * @param id - a key with a namespace, such as `app/GitHub`.
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <const Id extends string>(id: Id) =>
  <Self>(): TagClass<Self, Id> => {
    const tag = Context.Tag(id)<Self, ApiClient>()
    return Object.assign(tag, {
      layer: <const O extends Options>(options: O) => Layer.effect(tag, make(options)),
      // A constant Layer is built once for a whole application: a second account's SDK would send as the first.
      layerHttpClient: Layer.fresh(
        Layer.effect(
          HttpClient.HttpClient,
          Effect.map(tag, (client) => client.httpClient)
        )
      )
    })
  }
