/**
 * API clients: an Effect service per API. All its requests pass through one pipeline of policies.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Auth from "./Auth.js"
import type { ApiError } from "./Errors.js"
import { InvalidRequest } from "./Errors.js"
import type { ApiClient } from "./internal/client/apiClient.js"
import { assemble } from "./internal/client/assemble.js"
import type {
  AnyOptions,
  AuthOption,
  BaseUrl,
  BuildError,
  CircuitBreakerOption,
  ConcurrencyOption,
  CookiesOption,
  ErrorOf,
  RateLimitOption,
  Requirements,
  ScopeOf,
  ServiceOptions,
  Settings
} from "./internal/client/options.js"
import { isLayer, layersOf, provided } from "./internal/client/optionLayers.js"
import { claimTagId } from "./internal/client/tagIds.js"
import { resolveServices } from "./internal/client/services.js"

export type { ApiClient } from "./internal/client/apiClient.js"
export type {
  BaseUrl,
  BuildError,
  ErrorOf,
  Options,
  Requirements,
  SchemeError,
  ServiceOptions,
  Settings
} from "./internal/client/options.js"
export type { PipelineStep } from "./internal/client/pipelineOrder.js"
export { pipelineOrder } from "./internal/client/pipelineOrder.js"

const missingAuth = new InvalidRequest({
  reason: "Options",
  detail: "`auth` is undefined. Pass a scheme or its Layer, or `Auth.none` for an API without credentials."
})

const schemeOf = (auth: AuthOption<unknown>): Effect.Effect<Auth.Service<unknown>, unknown, unknown> => {
  if (auth === undefined) return Effect.fail(missingAuth)
  return isLayer(auth) ? Effect.map(Layer.build(auth), Context.get(Auth.tag<unknown>())) : Effect.succeed(auth)
}

/**
 * Makes the client of one API.
 *
 * A Layer in the options is built in the current scope, for this client alone. Two clients that share a Layer use
 * {@link Tag}.
 *
 * Fails with `InvalidRequest` when an option is unknown or invalid, with `ConfigError` when `baseUrl` is a `Config` without a
 * value, and as the Layers in the options fail.
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
 * @param options - `baseUrl`, `auth`, {@link Settings} and {@link ServiceOptions}. `auth` is required: `Auth.none` is a client
 *   without credentials.
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  Ba extends BaseUrl,
  Au extends Exclude<AuthOption<unknown>, undefined>,
  Co extends CookiesOption = undefined,
  Ra extends RateLimitOption = undefined,
  Ci extends CircuitBreakerOption = undefined,
  Pe extends ConcurrencyOption = undefined
>(
  options: {
    /** Base of all URLs: an http or https URL without a query, or a `Config` with it. */
    readonly baseUrl: Ba
    readonly auth: Au
  } & Settings &
    ServiceOptions<Au, Co, Ra, Ci, Pe>
): Effect.Effect<
  ApiClient<ErrorOf<Au, Ci, Pe>>,
  BuildError<Ba, Au, Co, Ra, Ci, Pe>,
  Requirements<Au, Co, Ra, Ci, Pe> | ScopeOf<Au | Co | Ra | Ci | Pe>
> => {
  const given: AnyOptions = options
  const client = Effect.flatMap(HttpClient.HttpClient, (transport) =>
    Effect.map(resolveServices(given, schemeOf(given.auth), Layer.build), (services) => assemble(transport, services))
  )
  // Errors and requirements are those of the Layers in the options, which the compiler cannot follow here.
  return client as ReturnType<typeof make<Ba, Au, Co, Ra, Ci, Pe>>
}

/**
 * Identifies the credentials of one API. The compiler names it where they are missing.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthOf<in out Id extends string> {
  /** The key of the API's tag. */
  readonly "@countersign/client/AuthOf": (id: Id) => Id
}

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
  /** The tag of this API's credentials. No other API uses them. */
  readonly Auth: Context.Tag<AuthOf<Id>, Auth.Service<E>>
  /** Makes the Layer of a scheme, such as `Bearer.layerConfig(…)`, the credentials of this API. */
  readonly auth: <E1, R>(layer: Layer.Layer<Auth.Auth<E>, E1, R>) => Layer.Layer<AuthOf<Id>, E1, R>
  /**
   * Layer with the client of this API. Without the option `auth` it requires the credentials from {@link TagClass.auth}.
   *
   * Building it fails with `InvalidRequest` if an option is unknown or invalid, with `ConfigError` if `baseUrl` is a `Config`
   * without a value, and as the Layers in the options fail.
   */
  readonly layer: <
    Ba extends BaseUrl,
    Au extends AuthOption<E> = undefined,
    Co extends CookiesOption = undefined,
    Ra extends RateLimitOption = undefined,
    Ci extends CircuitBreakerOption = undefined,
    Pe extends ConcurrencyOption = undefined
  >(
    options: {
      /** Base of all URLs: an http or https URL without a query, or a `Config` with it. */
      readonly baseUrl: Ba
    } & Settings &
      ServiceOptions<Au, Co, Ra, Ci, Pe>
  ) => Layer.Layer<Self, BuildError<Ba, Au, Co, Ra, Ci, Pe>, Requirements<Au, Co, Ra, Ci, Pe, AuthOf<Id>>>
  /**
   * Gives code that requires the platform's `HttpClient`, such as an SDK, the pipeline of this API. The code is an Effect or
   * a Layer.
   */
  readonly provideHttpClient: {
    <A, E1, R>(sdk: Effect.Effect<A, E1, R>): Effect.Effect<A, E1, Exclude<R, HttpClient.HttpClient> | Self>
    <A, E1, R>(sdk: Layer.Layer<A, E1, R>): Layer.Layer<A, E1, Exclude<R, HttpClient.HttpClient> | Self>
  }
}

/**
 * Makes the tag of an API, so that an application can use the clients of several APIs.
 *
 * The second type argument has the own errors of the scheme: `ApiClient.Tag("app/GitHub")<GitHub, TokenSourceError>()` for
 * OAuth. Without it the scheme must be one without own errors, such as an API key.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 *
 * class GitHub extends ApiClient.Tag("app/GitHub")<GitHub>() {}
 *
 * const GitHubLive = GitHub.layer({ baseUrl: "https://api.github.com", auth: Auth.none })
 *
 * @param id - the key of the service, with a namespace, such as `app/GitHub`. Two tags with one id are rejected when their Layers are
 *   built together.
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <const Id extends string>(id: Id) =>
  <Self, E = never>(): TagClass<Self, Id, E> => {
    const tag = Context.Tag(id)<Self, ApiClient<ApiError | E>>()
    const authTag = Context.GenericTag<AuthOf<Id>, Auth.Service<E>>(`${id}/Auth`)
    const auth = <E1, R>(layer: Layer.Layer<Auth.Auth<E>, E1, R>) =>
      Layer.project(layer, Auth.tag<E>(), authTag, (scheme) => scheme)

    const layer = (options: AnyOptions) => {
      const { auth: own } = options
      const scheme = own === undefined || isLayer(own) ? authTag : Effect.succeed(own)
      const services = Effect.zipLeft(resolveServices(options, scheme, provided), claimTagId(id, tag))
      const client = Effect.zipWith(HttpClient.HttpClient, services, assemble)
      // `TagClass` declares that the scheme has the errors `E` at most, and which errors and requirements the client has.
      const made = client as Effect.Effect<ApiClient<ApiError | E>>
      // Provided from outside, so that Effect builds a Layer that two APIs share once.
      // The type of the option `auth` has Layers of such a scheme only.
      const credentials = isLayer(own) ? auth(own as Layer.Layer<Auth.Auth<E>>) : undefined
      return Layer.provide(Layer.scoped(tag, made), layersOf(options, credentials))
    }

    const asHttpClient = (client: ApiClient<ApiError | E>) => client.httpClient
    const provideHttpClient = (sdk: Effect.Effect<unknown, unknown, unknown> | Layer.Layer<unknown>) =>
      Layer.isLayer(sdk)
        ? // Fresh, because the Layer of the platform's client has one identity for all accounts of an API.
          // So does the Layer of an SDK that two APIs use.
          Layer.provide(
            Layer.fresh(sdk),
            Layer.fresh(Layer.effect(HttpClient.HttpClient, Effect.map(tag, asHttpClient)))
          )
        : Effect.provideServiceEffect(sdk, HttpClient.HttpClient, Effect.map(tag, asHttpClient))

    // `TagClass` declares the types of errors and requirements, which depend on the Layers in the options.
    return Object.assign(tag, { Auth: authTag, auth, layer, provideHttpClient }) as unknown as TagClass<Self, Id, E>
  }
