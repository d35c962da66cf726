/** Rate limits, concurrency limits and circuit breakers, shared by two APIs of one provider. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as RateLimit from "@countersign/client/RateLimit"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

class Orders extends ApiClient.Tag("app/Orders")<Orders>() {}
class Invoices extends ApiClient.Tag("app/Invoices")<Invoices>() {}

// #region options
/** At most 10 requests in any second, for each origin. The others wait. */
const rateLimit = RateLimit.layerMemory({ limits: [{ limit: 10, window: "1 second" }] })

/** At most 20 requests in flight for each origin. The next 100 wait. */
const concurrency = Concurrency.layer({ limit: 20, maxQueued: 100 })

/** Five failures in a row open the circuit of an origin. */
const circuitBreaker = CircuitBreaker.layer()

const limits = { auth: Auth.none, rateLimit, concurrency, circuitBreaker }

// Both have the same Layers, so they share one limit.
export const ApisLive = Layer.merge(
  Orders.layer({ baseUrl: "https://api.example.com/orders", ...limits }),
  Invoices.layer({ baseUrl: "https://api.example.com/invoices", ...limits })
)
// #endregion

// #region burst
const atSecond = Effect.map(Clock.currentTimeMillis, (ms) => Math.floor(ms / 1000))

/** Sends 24 requests at once, and counts them by the second in which they end. */
export const program = Effect.gen(function* () {
  const orders = yield* Orders
  const invoices = yield* Invoices
  const calls = Array.from({ length: 12 }, (_, id) => [orders.get(`/${id}`), invoices.get(`/${id}`)]).flat()
  const seconds = yield* Effect.forEach(calls, (call) => Effect.zipRight(call, atSecond), { concurrency: "unbounded" })
  for (const second of [0, 1, 2]) {
    yield* Console.log(`second ${second}: ${seconds.filter((one) => one === second).length} requests`)
  }
})
// #endregion

// #region open
/** The errors of the limits have `retryAt` or say what is full. Nothing was sent. */
export const outage = Effect.gen(function* () {
  const orders = yield* Orders
  for (const id of [1, 2, 3, 4, 5, 6]) {
    const error = yield* Effect.flip(orders.get(`/${id}`, { retry: false }))
    yield* Console.log(error._tag)
  }
})
// #endregion
