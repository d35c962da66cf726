/** The kinds of values of a client's options, for the check when it is built. */
import * as Layer from "effect/Layer"
import type { InvalidRequest } from "../../Errors.js"
import type { Kind, Kinds } from "../request/optionKinds.js"
import {
  findWrongKind,
  hasMethod,
  headersKind,
  isObject,
  maxBodySizeKind,
  orFalse,
  redirectsKind,
  retryKind,
  timeoutKind
} from "../request/optionKinds.js"
import type { AnyOptions } from "./options.js"

/** A service is recognized by its most used method, so that one of another release or of a test is accepted. */
const service = (method: string, pass: string): Kind => ({
  accepts: (value) => Layer.isLayer(value) || hasMethod(value, method),
  pass
})

/** `baseUrl` and `query` have checks of their own. */
const clientKinds: Kinds<AnyOptions> = {
  baseUrl: undefined,
  query: undefined,
  headers: headersKind,
  userAgent: orFalse({ accepts: (value) => typeof value === "string", pass: "a text such as `shop/2.0`" }),
  origins: { accepts: Array.isArray, pass: "a list of URLs" },
  auth: service("sign", "a Layer such as `Bearer.layer(token)`, or `Auth.none`"),
  cookies: orFalse(service("cookiesFor", "a Layer such as `CookieJar.layerMemory`")),
  rateLimit: orFalse(service("acquire", "a Layer such as `RateLimit.layerMemory({ limits })`")),
  circuitBreaker: orFalse(service("execute", "a Layer such as `CircuitBreaker.layer()`")),
  concurrency: orFalse(service("withPermit", "a Layer such as `Concurrency.layer({ limit: 10 })`")),
  timeout: timeoutKind,
  retry: retryKind,
  hedge: { accepts: (value) => typeof value === "function", pass: '`Hedge.make({ delay: "300 millis" })`' },
  idempotencyKey: { accepts: (value) => hasMethod(value, "policy"), pass: "`IdempotencyKey.make()`" },
  redirects: redirectsKind,
  tracing: orFalse({ accepts: isObject, pass: "options such as `{ propagateTo: [] }`" }),
  metrics: { accepts: (value) => hasMethod(value, "counters"), pass: "`Telemetry.metrics`" },
  observe: { accepts: (value) => typeof value === "function", pass: "a function that receives an event" },
  showQuery: { accepts: Array.isArray, pass: 'a list of names such as `["page"]`' },
  cache: { accepts: (value) => hasMethod(value, "policyFor"), pass: "`HttpCache.memory()`" },
  maxBodySize: maxBodySizeKind,
  json: { accepts: (value) => hasMethod(value, "parse"), pass: "a codec such as `JsonCodec.bigInt`" }
}

/** Finds the first option of a client with a value of another kind. */
export const wrongClientOption = (options: AnyOptions): InvalidRequest | undefined =>
  findWrongKind(options, clientKinds)
