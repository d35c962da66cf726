/** The services of a client, resolved from its options. */
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as OptionNames from "@countersign/protocol/OptionNames"
import type * as Auth from "../../Auth.js"
import type { TimeoutOptions } from "../../Call.js"
import * as CircuitBreaker from "../../CircuitBreaker.js"
import * as Concurrency from "../../Concurrency.js"
import * as CookieJar from "../../CookieJar.js"
import { InvalidRequest } from "../../Errors.js"
import * as RateLimit from "../../RateLimit.js"
import * as RequestDefaults from "../../RequestDefaults.js"
import type * as Retry from "../../Retry.js"
import * as RetryBudget from "../../RetryBudget.js"
import { otherNames } from "../request/optionNames.js"
import { isConfig } from "../runtime/configuration.js"
import { clientNames } from "./optionNames.js"
import { wrongClientOption } from "./optionKinds.js"
import type { AnyOptions, Settings } from "./options.js"
import type { Build } from "./optionLayers.js"
import { userAgentHeaders } from "./userAgent.js"

/** Settings with separate time limits. */
export interface ResolvedSettings extends Settings {
  readonly timeout: TimeoutOptions
}

/** The settings and services of a client: the input of each pipeline step. */
export interface Services<out E> {
  readonly settings: ResolvedSettings
  /** Whether the pipeline reads response bodies whole, as the verbs do. */
  readonly readsBodies: boolean
  readonly defaults: RequestDefaults.Options
  readonly auth: Auth.Service<E>
  /** The scheme in the options of the client. `auth` may be that of one call, or of `api.with`. */
  readonly ownAuth: Auth.Service<unknown>
  readonly jar: CookieJar.Service | undefined
  readonly circuits: CircuitBreaker.Service | undefined
  readonly permits: Concurrency.Service | undefined
  readonly limits: RateLimit.Service | undefined
  /** The scope in which the client was made. Undefined if there was none. */
  readonly scope: Scope.Scope | undefined
  /** Whether `limits` is the client's own throttle, which applies to one account. */
  readonly hasOwnThrottle: boolean
  /** The retry budget that retries and hedges of all pipelines of the client share. */
  readonly budget: RetryBudget.RetryBudget | false
  /** The base URL's origin and `options.origins`: they receive credentials, and spans and metrics may name them. */
  readonly origins: ReadonlyArray<string>
}

/** How a client retries, for streams that reconnect. */
export interface ClientRetries {
  readonly retry: Settings["retry"]
  readonly budget: RetryBudget.RetryBudget | false
}

/** How the clients of this package retry. */
export const clientRetries: WeakMap<object, ClientRetries> = new WeakMap()

/** The options of the retry policy for the option `retry`. */
export const retryOptions = (retry: Exclude<Settings["retry"], false>): Retry.Options =>
  Schedule.isSchedule(retry) ? { schedule: retry } : (retry ?? {})

const isTimeoutOptions = (timeout: Duration.DurationInput | TimeoutOptions): timeout is TimeoutOptions =>
  typeof timeout === "object" && !Duration.isDuration(timeout) && !Array.isArray(timeout)

/** The time limits for the option `timeout`. */
export const timeoutOptions = (timeout: Settings["timeout"]): TimeoutOptions => {
  if (timeout === undefined) return {}
  return isTimeoutOptions(timeout) ? timeout : { call: timeout }
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Options", detail })

const checkOptions = (options: AnyOptions): Effect.Effect<void, InvalidRequest> => {
  const unknown = OptionNames.findUnknown(options, clientNames, otherNames)
  if (unknown !== undefined) return Effect.fail(invalid(OptionNames.explain("an API client", unknown)))
  const wrongKind = wrongClientOption(options)
  if (wrongKind !== undefined) return Effect.fail(wrongKind)
  const wrong = OptionNames.findWrongValue(options, clientNames)
  return wrong === undefined ? Effect.void : Effect.fail(invalid(OptionNames.explainWrongValue("an API client", wrong)))
}

const missingBaseUrl = invalid(
  "`baseUrl` is undefined. Set the environment variable that it comes from, or pass `Config.string(…)`."
)

const invalidBaseUrl = invalid("`baseUrl` is not a string, a URL or a Config. Pass one of them.")

/** A `URL` of another realm, such as a test's, is recognized by its `href`. */
const textOf = (url: unknown): Effect.Effect<string, InvalidRequest> => {
  if (typeof url === "string") return Effect.succeed(url)
  if (url === undefined) return Effect.fail(missingBaseUrl)
  return typeof url === "object" && url !== null && "href" in url && typeof url.href === "string"
    ? Effect.succeed(url.href)
    : Effect.fail(invalidBaseUrl)
}

const baseUrlOf = ({ baseUrl }: AnyOptions): Effect.Effect<string, InvalidRequest | ConfigError> =>
  isConfig(baseUrl) ? Effect.flatMap(baseUrl, textOf) : textOf(baseUrl)

const resolve = <Id, Service>(
  tag: Context.Tag<Id, Service>,
  option: Service | Layer.Layer<Id, unknown, unknown> | false | undefined,
  build: Build
): Effect.Effect<Service | undefined, unknown, unknown> => {
  if (option === undefined || option === false) return Effect.succeed(undefined)
  if (!Layer.isLayer(option)) return Effect.succeed(option as Service) // `checkOptions` has found its method.
  // `isLayer` forgets which Layer it is. The type of the option has Layers of this tag only.
  return Effect.map(build(option as Layer.Layer<Id, unknown, unknown>), Context.get(tag))
}

const limitsOf = (
  { rateLimit }: AnyOptions,
  build: Build
): Effect.Effect<RateLimit.Service | undefined, unknown, unknown> =>
  rateLimit === undefined
    ? Effect.sync(() => RateLimit.throttle())
    : resolve<RateLimit.RateLimit, RateLimit.Service>(RateLimit.RateLimit, rateLimit, build)

/** Checks the options of a client, and resolves its services. */
export const resolveServices = (
  options: AnyOptions,
  auth: Effect.Effect<Auth.Service<unknown>, unknown, unknown>,
  build: Build
): Effect.Effect<Services<unknown>, unknown, unknown> =>
  Effect.gen(function* () {
    yield* checkOptions(options)
    const baseUrl = yield* baseUrlOf(options)
    const {
      circuitBreaker,
      concurrency,
      cookies,
      headers,
      origins = [],
      query,
      retry,
      showQuery,
      timeout,
      userAgent
    } = options
    const scheme = yield* auth
    return {
      settings: { ...options, timeout: timeoutOptions(timeout) },
      readsBodies: false,
      defaults: yield* RequestDefaults.validate({
        baseUrl,
        origins,
        query,
        showQuery,
        headers: { ...userAgentHeaders(userAgent), ...headers }
      }),
      auth: scheme,
      ownAuth: scheme,
      jar: yield* resolve<CookieJar.CookieJar, CookieJar.Service>(CookieJar.CookieJar, cookies, build),
      circuits: yield* resolve<CircuitBreaker.CircuitBreaker, CircuitBreaker.Service>(
        CircuitBreaker.CircuitBreaker,
        circuitBreaker,
        build
      ),
      permits: yield* resolve<Concurrency.Concurrency, Concurrency.Service>(
        Concurrency.Concurrency,
        concurrency,
        build
      ),
      limits: yield* limitsOf(options, build),
      scope: Option.getOrUndefined(yield* Effect.serviceOption(Scope.Scope)),
      hasOwnThrottle: options.rateLimit === undefined,
      budget: (retry === false ? undefined : retryOptions(retry).budget) ?? RetryBudget.make(),
      origins: [baseUrl, ...origins]
    }
  })
