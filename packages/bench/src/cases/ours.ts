/** Countersign: the transport alone, and clients with default and all policies. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Bearer from "@countersign/auth/Bearer"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import { ofEffect, type Case, type Target } from "../Case.js"
import { headers, token } from "../Payload.js"
import { Payload } from "../PayloadSchema.js"

// The same idle timeout as the other clients: a client is idle while others are measured.
const transport = ({ connections }: Target) => NodeTransport.layerWith({ connections, keepAliveTimeout: "60 seconds" })

/** `NodeTransport` without a policy. */
export const oursTransport: Case = (target) => {
  const call = Effect.map(HttpClient.HttpClient, (client) =>
    Effect.flatMap(client.get(target.url, { headers }), (response) => response.json)
  )
  return ofEffect(transport(target), call)()
}

class Api extends ApiClient.Tag("bench/Api")<Api, TokenSourceError>() {}

/** A token that expires after every measurement. */
export const mint: Effect.Effect<Token.Token> = Effect.map(Clock.currentTimeMillis, (now) =>
  Token.bearer(Redacted.make(token), now, 24 * 3_600_000)
)

const BearerLive = Bearer.layerCustom({ key: "bench", acquireToken: () => mint }).pipe(
  Layer.provide(TokenStore.layerMemory)
)

/** A client with default options and a bearer token. */
const defaultLive = (target: Target) =>
  Api.layer({ baseUrl: new URL(target.url).origin, headers: { accept: "application/json" }, auth: BearerLive }).pipe(
    Layer.provide(transport(target))
  )

/** Every policy that a GET can have: the defaults, cookies with an empty jar, circuit breaker and permits. */
const apiLive = (target: Target) =>
  Api.layer({
    baseUrl: new URL(target.url).origin,
    headers: { accept: "application/json" },
    cookies: CookieJar.layerMemory,
    circuitBreaker: CircuitBreaker.layer(),
    concurrency: Concurrency.layer({ limit: 100_000 }),
    auth: BearerLive
  }).pipe(Layer.provide(transport(target)))

const pathOf = ({ url }: Target): string => new URL(url).pathname

const full = (target: Target) =>
  Effect.map(Api, (api) => {
    const path = pathOf(target)
    return Effect.flatMap(
      Effect.suspend(() => api.get(path)),
      (response) => response.json
    )
  })

/** The default policies: no cookies, no circuit breaker, no permits. */
export const oursDefault: Case = (target) => ofEffect(defaultLive(target), full(target))()

/** All policies, a bearer token from a token source, and decoded JSON. */
export const oursFull: Case = (target) => ofEffect(apiLive(target), full(target))()

/** {@link oursFull} with a response that a Schema decodes. */
export const oursSchema: Case = (target) =>
  ofEffect(
    apiLive(target),
    Effect.map(Api, (api) => {
      const path = pathOf(target)
      return Effect.suspend(() => api.get(path, { schema: Payload }))
    })
  )()

/** Spans per batch, as a batching exporter sends them, without a network. */
const batch = 512

const recording = (native: Tracer.Tracer): Tracer.Tracer => {
  let ended: Array<Tracer.Span> = []
  return Tracer.make({
    span: (...args) => {
      const span = native.span(...args)
      const end = span.end.bind(span)
      span.end = (...at) => {
        end(...at)
        if (ended.push(span) === batch) ended = []
      }
      return span
    },
    context: (run, fiber) => native.context(run, fiber)
  })
}

/** {@link oursFull} with a tracer that records every span of the client: one for each HTTP request. */
export const oursFullTraced: Case = (target) => {
  const Traced = Layer.unwrapEffect(Effect.map(Effect.tracer, (native) => Layer.setTracer(recording(native))))
  return ofEffect(Layer.merge(apiLive(target), Traced), full(target))()
}
