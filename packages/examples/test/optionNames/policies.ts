/** Each function of the client that makes a policy or a service, called with valid options and with an additional member. */
import * as ApiLog from "@countersign/client/ApiLog"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Hedge from "@countersign/client/Hedge"
import * as HttpCache from "@countersign/client/HttpCache"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as RateLimit from "@countersign/client/RateLimit"
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as Redirects from "@countersign/client/Redirects"
import * as Retry from "@countersign/client/Retry"
import * as RetryBudget from "@countersign/client/RetryBudget"
import * as Telemetry from "@countersign/client/Telemetry"

const origins = ["https://api.example.com"]

/** Name of the function, and a call with an additional member in its options. */
export const policies: ReadonlyArray<readonly [name: string, make: (extra: object) => unknown]> = [
  ["ApiLog.layer", (extra) => ApiLog.layer({ ...extra })],
  ["CircuitBreaker.failureRate", (extra) => CircuitBreaker.failureRate({ ...extra })],
  ["CircuitBreaker.halfOpenAfter", (extra) => CircuitBreaker.halfOpenAfter({ ...extra })],
  ["CircuitBreaker.make", (extra) => CircuitBreaker.make({ ...extra })],
  ["CircuitBreaker.layer", (extra) => CircuitBreaker.layer({ ...extra })],
  ["Concurrency.adaptive", (extra) => Concurrency.adaptive({ ...extra })],
  ["Concurrency.make", (extra) => Concurrency.make({ limit: 1, ...extra })],
  ["Concurrency.layer", (extra) => Concurrency.layer({ limit: Concurrency.adaptive(), ...extra })],
  ["CookieJar.makePersistent", (extra) => CookieJar.makePersistent({ ...extra })],
  ["CookieJar.layerPersistent", (extra) => CookieJar.layerPersistent({ ...extra })],
  ["Hedge.policy", (extra) => Hedge.policy({ delay: "1 second", ...extra })],
  ["Hedge.make", (extra) => Hedge.make({ delay: "1 second", ...extra })],
  ["HttpCache.memory", (extra) => HttpCache.memory({ ...extra })],
  ["HttpCache.makePersistent", (extra) => HttpCache.makePersistent({ account: "ada", ...extra })],
  ["IdempotencyKey.make", (extra) => IdempotencyKey.make({ ...extra })],
  ["IdempotencyKey.policy", (extra) => IdempotencyKey.policy({ ...extra })],
  ["RateLimit.throttle", (extra) => RateLimit.throttle({ ...extra })],
  ["RateLimit.throttleOnExhausted", (extra) => RateLimit.throttleOnExhausted({ ...extra })],
  ["RateLimit.make", (extra) => RateLimit.make({ limits: [{ limit: 1, window: "1 second" }], ...extra })],
  ["RateLimit.layer", (extra) => RateLimit.layer({ limits: [], ...extra })],
  ["RateLimit.layerMemory", (extra) => RateLimit.layerMemory({ limits: [], ...extra })],
  ["RateLimit.layerThrottle", (extra) => RateLimit.layerThrottle({ ...extra })],
  ["RateLimiter.makeStoreMemory", (extra) => RateLimiter.makeStoreMemory({ ...extra })],
  ["Redirects.follow", (extra) => Redirects.follow({ ...extra })],
  ["Retry.exponential", (extra) => Retry.exponential({ ...extra })],
  ["Retry.policy", (extra) => Retry.policy({ ...extra })],
  ["RetryBudget.make", (extra) => RetryBudget.make({ ...extra })],
  ["Telemetry.span", (extra) => Telemetry.span({ origins, ...extra })],
  ["Telemetry.durations", (extra) => Telemetry.durations({ origins, ...extra })],
  ["Telemetry.counters", (extra) => Telemetry.counters({ origins, ...extra })]
]

/** The same functions in TypeScript. `$` stands where a wrong member is added to a literal. */
export const policyCalls: ReadonlyArray<string> = [
  `ApiLog.layer({ $ })`,
  `CircuitBreaker.failureRate({ $ })`,
  `CircuitBreaker.halfOpenAfter({ $ })`,
  `CircuitBreaker.make({ $ })`,
  `CircuitBreaker.layer({ $ })`,
  `Concurrency.adaptive({ $ })`,
  `Concurrency.make({ limit: 1, $ })`,
  `Concurrency.layer({ limit: 1, $ })`,
  `CookieJar.makePersistent({ $ })`,
  `CookieJar.layerPersistent({ $ })`,
  `Hedge.policy({ delay: 1, $ })`,
  `Hedge.make({ delay: 1, $ })`,
  `HttpCache.memory({ $ })`,
  `HttpCache.makePersistent({ account: "ada", $ })`,
  `IdempotencyKey.make({ $ })`,
  `IdempotencyKey.policy({ $ })`,
  `RateLimit.throttle({ $ })`,
  `RateLimit.throttleOnExhausted({ $ })`,
  `RateLimit.make({ limits: [], $ })`,
  `RateLimit.layer({ limits: [], $ })`,
  `RateLimit.layerMemory({ limits: [], $ })`,
  `RateLimit.layerThrottle({ $ })`,
  `RateLimiter.makeStoreMemory({ $ })`,
  `Redirects.follow({ $ })`,
  `Retry.exponential({ $ })`,
  `Retry.policy({ $ })`,
  `RetryBudget.make({ $ })`,
  `Telemetry.span({ origins: [], $ })`,
  `Telemetry.durations({ origins: [], $ })`,
  `Telemetry.counters({ origins: [], $ })`
]
