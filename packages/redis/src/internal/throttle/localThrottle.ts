/** The throttle of one process, which messages of other processes also start. */
import type * as RateLimit from "@countersign/client/RateLimit"
import * as Origin from "@countersign/protocol/Origin"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import type { SharedThrottle } from "./sharedThrottles.js"

/** Returns the hash of origin, account and key of a request. The names are not sent to Redis. */
const makeHashOf =
  ({ account, key }: RateLimit.ThrottleOptions) =>
  (request: HttpClientRequest.HttpClientRequest): string =>
    createHash("sha256")
      .update(JSON.stringify([Origin.of(request.url), account?.(request), key?.(request)]))
      .digest("base64url")
      .slice(0, 22)

/** The throttle of this process, which can also be started for a hash. */
export interface LocalThrottle {
  readonly service: RateLimit.Service
  readonly hashOf: (request: HttpClientRequest.HttpClientRequest) => string
  /** Starts a throttle that another process has sent. */
  readonly start: (throttle: SharedThrottle) => Effect.Effect<void>
}

/**
 * Makes the throttle.
 *
 * @param make - `RateLimit.throttle` or `RateLimit.throttleOnExhausted`.
 */
export const makeLocalThrottle = (
  options: RateLimit.ThrottleOptions,
  make: (options: RateLimit.ThrottleOptions) => RateLimit.Service
): LocalThrottle => {
  const hashOf = makeHashOf(options)
  /** The hash of requests that only stand for those of another process. */
  const given = new WeakMap<HttpClientRequest.HttpClientRequest, string>()
  const service = make({
    onExceeded: options.onExceeded,
    maxWait: options.maxWait,
    maxThrottle: options.maxThrottle,
    maxKeys: options.maxKeys,
    key: (request) => given.get(request) ?? hashOf(request)
  })
  const start = ({ hash, ms, origin }: SharedThrottle): Effect.Effect<void> => {
    const request = HttpClientRequest.get(origin)
    given.set(request, hash)
    const headers = { "retry-after-ms": String(Math.ceil(ms)) }
    const response = HttpClientResponse.fromWeb(request, new Response(null, { status: 429, headers }))
    return service.onResponse(request, response)
  }
  return { hashOf, service, start }
}
