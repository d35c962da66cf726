/**
 * Typed clients of an `HttpApi`, the platform's description of an API. All calls pass through the pipeline of an
 * {@link ApiClient}.
 *
 * | response | result |
 * |---|---|
 * | declared status, body as declared | the value, or the declared error |
 * | undeclared status from 400 on, or a declared one with another body, such as the page of a proxy | `Unauthorized`, `Forbidden`, `RateLimited`, `Unavailable` or `ClientError` |
 * | other undeclared status, or a good response with another body | `InvalidResponse` |
 *
 * @since 0.1.0
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as PlatformClient from "@effect/platform/HttpApiClient"
import type { HttpApiEndpoint } from "@effect/platform/HttpApiEndpoint"
import type { HttpApiGroup } from "@effect/platform/HttpApiGroup"
import type { HttpApiMiddleware } from "@effect/platform/HttpApiMiddleware"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Simplify } from "effect/Types"
import type { ApiClient } from "./ApiClient.js"
import type { InvalidRequest, InvalidResponse } from "./Errors.js"
import type { Endpoint } from "./internal/httpApi/endpoint.js"
import { makeEndpoint, pathOf } from "./internal/httpApi/endpoint.js"
import type { CurrentCall } from "./internal/httpApi/endpointCall.js"
import { runCall, transportOf } from "./internal/httpApi/endpointCall.js"
import * as Telemetry from "./Telemetry.js"

/**
 * The function of an endpoint. With `withResponse` the result is `[value, response]`.
 *
 * Fails with the errors that the endpoint, its group and the API declare, with the errors `E` of the client, with
 * `InvalidResponse`, and with `InvalidRequest` if the request does not match its schemas.
 *
 * @since 0.1.0
 * @category models
 */
export type Method<Endpoint, E, GroupError> = [Endpoint] extends [
  HttpApiEndpoint<
    infer _Name,
    infer _Method,
    infer Path,
    infer UrlParams,
    infer Payload,
    infer Headers,
    infer Success,
    infer Failure,
    infer _R,
    infer _RE
  >
]
  ? <WithResponse extends boolean = false>(
      request: Simplify<HttpApiEndpoint.ClientRequest<Path, UrlParams, Payload, Headers, WithResponse>>
    ) => Effect.Effect<
      WithResponse extends true ? [Success, HttpClientResponse] : Success,
      Failure | GroupError | E | InvalidRequest | InvalidResponse
    >
  : never

/**
 * The functions of a group of endpoints.
 *
 * @since 0.1.0
 * @category models
 */
export type Group<Groups extends HttpApiGroup.Any, Name extends Groups["identifier"], E> = [
  HttpApiGroup.WithName<Groups, Name>
] extends [HttpApiGroup<infer _Name, infer Endpoints, infer GroupError, infer _R>]
  ? { readonly [Endpoint in Endpoints as HttpApiEndpoint.Name<Endpoint>]: Method<Endpoint, E, GroupError> }
  : never

type TopLevelMethods<Groups extends HttpApiGroup.Any, E> =
  Extract<Groups, { readonly topLevel: true }> extends HttpApiGroup<
    infer _Name,
    infer Endpoints,
    infer GroupError,
    infer _R,
    infer _TopLevel
  >
    ? Endpoints extends infer Endpoint
      ? [HttpApiEndpoint.Name<Endpoint>, Method<Endpoint, E, GroupError>]
      : never
    : never

/**
 * The client of an `HttpApi`: the functions of its groups, and those of its top-level groups. `E` has the errors of the API and
 * of its client.
 *
 * @since 0.1.0
 * @category models
 */
export type Client<Groups extends HttpApiGroup.Any, E> = Simplify<
  {
    readonly [G in Extract<Groups, { readonly topLevel: false }> as HttpApiGroup.Name<G>]: Group<
      Groups,
      G["identifier"],
      E
    >
  } & {
    readonly [M in TopLevelMethods<Groups, E> as M[0]]: M[1]
  }
>

type AnyApi = HttpApi.HttpApi<string, HttpApiGroup.AnyWithProps, unknown, unknown>

type Call = (request: object) => Effect.Effect<unknown, unknown, CurrentCall>

type Methods = Record<string, unknown>

const makeMethod =
  (call: Call, endpoint: Endpoint, context: Context.Context<unknown>) =>
  (request: { readonly path?: unknown } = {}): Effect.Effect<unknown, unknown> => {
    const { path, ...rest } = request
    return Effect.provide(pathOf(endpoint, path), context).pipe(
      Effect.flatMap((url) => runCall(call(rest), endpoint, url)),
      Telemetry.withTemplate(endpoint.template)
    )
  }

/** Wraps each function of the platform's client. */
const wrap = (api: AnyApi, client: Methods, context: Context.Context<unknown>): Methods => {
  const wrapped: Methods = {}
  const methodsOf = (all: Methods, { identifier, topLevel }: HttpApiGroup.AnyWithProps): Methods =>
    // The platform's client has an object of functions for each group that is not at the top level.
    topLevel ? all : ((all[identifier] ??= {}) as Methods)
  HttpApi.reflect(api, {
    onGroup: ({ group }) => methodsOf(wrapped, group),
    onEndpoint: ({ endpoint, errors, group, successes }) => {
      // The platform's client has a function for each endpoint.
      const call = methodsOf(client, group)[endpoint.name] as Call
      // `reflect` declares endpoints without schemas. The endpoint has those of its description.
      const described = makeEndpoint(endpoint as unknown as HttpApiEndpoint.AnyWithProps, successes, errors)
      methodsOf(wrapped, group)[endpoint.name] = makeMethod(call, described, context)
    }
  })
  return wrapped
}

/**
 * Makes the client of an `HttpApi` over a client that is a value. See {@link make}.
 *
 * @param client - the client of the API, such as one of `ApiClient.make`.
 * @param api - the description. Its paths are joined to the base URL of the client.
 * @since 0.1.0
 * @category constructors
 */
export const makeWith = <E, ApiId extends string, Groups extends HttpApiGroup.Any, Failure, R>(
  client: ApiClient<E>,
  api: HttpApi.HttpApi<ApiId, Groups, Failure, R>
): Effect.Effect<
  Client<Groups, E | Failure>,
  never,
  HttpApiMiddleware.Without<R | HttpApiGroup.ClientContext<Groups>>
> => {
  type Context = HttpApiMiddleware.Without<R | HttpApiGroup.ClientContext<Groups>>
  return Effect.flatMap(Effect.context<Context>(), (context) =>
    Effect.map(
      PlatformClient.makeWith(api, { httpClient: transportOf(client) }),
      (derived) =>
        // Names and types of the functions depend on the description, so `Client` declares them, as in the platform.
        wrap(api as unknown as AnyApi, derived as Methods, context as Context.Context<unknown>) as Client<
          Groups,
          E | Failure
        >
    )
  )
}

/**
 * Makes the client of an `HttpApi` over the client of an API.
 *
 * Bodies are read whole, up to `maxBodySize`, and one that breaks off is retried as the `retry` option says. Of an error body up
 * to 64 KiB are read. Path parameters are percent-encoded. A value that would reach another path is an `InvalidRequest`.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as HttpApiClient from "@countersign/client/HttpApiClient"
 * import * as HttpApi from "@effect/platform/HttpApi"
 * import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
 * import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * class Billing extends ApiClient.Tag("app/Billing")<Billing>() {}
 *
 * const Description = HttpApi.make("billing").add(
 *   HttpApiGroup.make("invoices").add(HttpApiEndpoint.get("count", "/invoices/count").addSuccess(Schema.Number))
 * )
 *
 * const program = Effect.gen(function* () {
 *   const billing = yield* HttpApiClient.make(Billing, Description)
 *   return yield* billing.invoices.count()
 * })
 *
 * @param tag - the tag of the API that answers.
 * @param api - the description. Its paths are joined to the base URL of the client.
 * @since 0.1.0
 * @category constructors
 */
export const make = <Self, E, ApiId extends string, Groups extends HttpApiGroup.Any, Failure, R>(
  tag: Context.Tag<Self, ApiClient<E>>,
  api: HttpApi.HttpApi<ApiId, Groups, Failure, R>
): Effect.Effect<
  Client<Groups, E | Failure>,
  never,
  Self | HttpApiMiddleware.Without<R | HttpApiGroup.ClientContext<Groups>>
> => Effect.flatMap(tag, (client) => makeWith(client, api))
