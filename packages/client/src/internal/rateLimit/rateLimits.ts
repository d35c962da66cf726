/** Rate limits in the context of a call. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { RateLimited } from "../../Errors.js"
import type { CallContext } from "../call/context.js"
import { contextOf } from "../call/context.js"
import type { Service } from "./service.js"

/** Limits that know the context of the call. Their functions are called when they run. */
export interface RateLimits {
  /** Whether `acquire` and `end` must be called. Otherwise only responses that may start a throttle are reported. */
  readonly isActive: () => boolean
  /** Succeeds when the request may be sent. `send` identifies the request. */
  readonly acquire: (request: HttpClientRequest, send: object, context: CallContext) => Effect.Effect<void, RateLimited>
  readonly onResponse: (
    request: HttpClientRequest,
    response: HttpClientResponse,
    send: object | undefined,
    context: CallContext
  ) => Effect.Effect<void>
  readonly end: (send: object, context: CallContext) => Effect.Effect<void>
}

/** The limits of the services that this package makes. A service of the application has none. */
const limitsOf = new WeakMap<Service, RateLimits>()

/** The limits of a service, if this package made it. */
export const rateLimitsOf = (service: Service): RateLimits | undefined => limitsOf.get(service)

/** Limits as a service. */
export const toService = (limits: RateLimits): Service => {
  const inContext = <A, E>(run: (context: CallContext) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.withFiberRuntime((fiber) => run(contextOf(fiber)))
  const service: Service = {
    acquire: (request, send) => inContext((context) => limits.acquire(request, send, context)),
    onResponse: (request, response, send) =>
      inContext((context) => limits.onResponse(request, response, send, context)),
    end: (send) => inContext((context) => limits.end(send, context))
  }
  limitsOf.set(service, limits)
  return service
}
