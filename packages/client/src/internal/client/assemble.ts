/** Assembles a client from its services: the pipeline, the verbs and the adapter for the platform. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Call from "../../Call.js"
import type { ApiError } from "../../Errors.js"
import * as Redirects from "../../Redirects.js"
import * as Transport from "../../Transport.js"
import * as Verb from "../../Verb.js"
import type { OpenSend } from "../request/openCall.js"
import { idleOf, limitBody, makeOpenCall } from "../request/openCall.js"
import { toPlatformHttpClient } from "../call/platformHttpClient.js"
import { isLimited } from "../exchange/callbackSend.js"
import { makeExchange } from "../exchange/exchange.js"
import type { ApiClient } from "./apiClient.js"
import type { Throttles } from "./overrides.js"
import { checkDefaults, hasOverrides, withDefaults, withOverrides } from "./overrides.js"
import { pipelineOrder } from "./pipelineOrder.js"
import type { ResolvedSettings, Services } from "./services.js"
import { clientRetries } from "./services.js"

/** The `httpClient` adapter leaves this step out, because its callers decode error responses themselves. */
const withoutStatusErrors: ReadonlySet<string> = new Set(["Status.policy"])

const pipeline = <E>(
  transport: HttpClient.HttpClient.With<ApiError>,
  services: Services<E>,
  without: ReadonlySet<string> = new Set()
): HttpClient.HttpClient.With<ApiError | E> =>
  pipelineOrder.reduceRight<HttpClient.HttpClient.With<ApiError | E>>((client, { name, policy }) => {
    const wrap = without.has(name) ? undefined : policy(services)
    return wrap === undefined ? client : wrap(client)
  }, transport)

/** Responses that a verb may return. Of an error only the beginning is read, of a redirect nothing. */
const isFinal =
  ({ redirects }: ResolvedSettings) =>
  (response: HttpClientResponse): boolean =>
    response.status < 300 || (response.status < 400 && (redirects === false || !Redirects.isRedirect(response)))

/** The pipeline of the verbs, which reads bodies whole. */
const bufferedPipeline = <E>(transport: HttpClient.HttpClient, services: Services<E>) => {
  const limit = services.settings.maxBodySize ?? Transport.defaults.maxBodySize
  return pipeline(makeExchange(transport, { limit, isWanted: isFinal(services.settings) }), {
    ...services,
    readsBodies: true
  })
}

/** Makes a client. Clients made by its `with` share its limits, circuits and throttles. */
export const assemble = <E>(
  transport: HttpClient.HttpClient,
  services: Services<E>,
  throttles: Throttles = new WeakMap()
): ApiClient<ApiError | E> => {
  const streaming = makeExchange(transport)
  const { execute } = bufferedPipeline(transport, services)
  const codec = services.settings.json
  const { headers } = services.defaults
  const send = (request: Parameters<typeof execute>[0], options: Call.Options<unknown>) =>
    hasOverrides(options)
      ? // The type of the verb has the errors of `options.auth`.
        bufferedPipeline(transport, withOverrides(services, options as Call.Options<E>, throttles)).execute(request)
      : execute(request)
  const derive = <E1>(options: Call.Options<E1>): ApiClient<ApiError | E | E1> => {
    checkDefaults(options)
    const derived = withOverrides(services, options, throttles)
    return assemble(transport, { ...derived, defaults: withDefaults(services.defaults, options) }, throttles)
  }
  const openWith = (options: Call.OpenOptions<undefined, unknown>) =>
    // The type of `open` has the errors of `options.auth`.
    pipeline(limitBody(idleOf(options))(streaming), withOverrides(services, options as Call.Options<E>, throttles))
  let usual: HttpClient.HttpClient.With<ApiError | E> | undefined
  const open: OpenSend<ApiError | E> = (request, options) => {
    const isUsual = options.idle === undefined && !hasOverrides(options)
    return (isUsual ? (usual ??= openWith(options)) : openWith(options)).execute(request)
  }
  const remove = Verb.makeWithBody("DELETE", send, codec, headers)
  const client = Object.assign(pipeline(streaming, services), {
    get: Verb.make("GET", send, codec, headers),
    head: Verb.make("HEAD", send, codec, headers),
    options: Verb.make("OPTIONS", send, codec, headers),
    post: Verb.makeWithBody("POST", send, codec, headers),
    put: Verb.makeWithBody("PUT", send, codec, headers),
    patch: Verb.makeWithBody("PATCH", send, codec, headers),
    delete: remove,
    del: remove,
    request: Verb.makeAny(send, codec, headers),
    // The interface declares the types of the schemas.
    open: makeOpenCall(open, codec, headers, isLimited(transport)),
    with: derive,
    httpClient: toPlatformHttpClient(pipeline(streaming, services, withoutStatusErrors))
  })
  clientRetries.set(client, { retry: services.settings.retry, budget: services.budget })
  return client
}
