/**
 * Retry budget: a token bucket per origin that limits retries when many calls fail at the same time.
 *
 * @since 0.1.0
 */
import * as Origin from "@countersign/protocol/Origin"
import { BoundedMap } from "./BoundedMap.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * A retry budget with a number of tokens per origin. Clients with the same budget share its tokens.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryBudget {
  /**
   * Withdraws the cost of one retry from the budget of the URL's origin. Returns the cost, or 0 if too few tokens are left.
   */
  readonly withdraw: (url: string, throttled: boolean) => number
  /** Deposits tokens after a response of the URL's origin: the cost `paid` of that attempt, or at least `successCredit`. */
  readonly deposit: (url: string, paid: number) => void
}

/**
 * Options of a retry budget, in tokens. Tokens may be fractions, such as a `successCredit` of 0.1 with a `retryCost` of 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Initial and maximum number of tokens of an origin (500). */
  readonly capacity?: number | undefined
  /** Cost of a retry (14). */
  readonly retryCost?: number | undefined
  /** Cost of a retry after a 429 (5). */
  readonly throttlingRetryCost?: number | undefined
  /** Tokens for a response to a first attempt (1). */
  readonly successCredit?: number | undefined
  /** Maximum number of origins to remember (1000). Only origins below their capacity are stored. */
  readonly maxOrigins?: number | undefined
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  capacity: 500,
  retryCost: 14,
  throttlingRetryCost: 5,
  successCredit: 1,
  maxOrigins: 1000
} as const

const names: OptionNames.ShapeOf<Options> = {
  capacity: "amount",
  retryCost: "amount",
  throttlingRetryCost: "amount",
  successCredit: "amount",
  maxOrigins: "count"
}

/** Origins with the fewest tokens are evicted last, because an evicted origin starts again at its capacity. */
const retentionLevels = 8

/**
 * Makes a retry budget.
 *
 * An origin that always fails gets 35 retries (100 after 429s), and then none: each call fails with its own error at once. A
 * retry that gets a response returns its cost, and any other response adds one token. In the long run that allows one
 * failing retry per 14 responses. A response is every status that is not retried, such as 200 or 404.
 *
 * The numbers are those of the AWS SDKs'
 * [retry quota](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). The design is also
 * [gRPC's](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs).
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as RetryBudget from "@countersign/client/RetryBudget"
 *
 * const budget = RetryBudget.make({ capacity: 100 })
 *
 * class Api extends ApiClient.Tag("app/Api")<Api>() {}
 * const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: Auth.none, retry: { budget } })
 *
 * @param options - capacity and costs, in tokens. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): RetryBudget => {
  const {
    capacity = defaults.capacity,
    maxOrigins = defaults.maxOrigins,
    successCredit = defaults.successCredit,
    throttlingRetryCost = defaults.throttlingRetryCost,
    retryCost = defaults.retryCost
  } = OptionNames.known("RetryBudget", options, names)
  // Origins at their capacity are not stored. If no request fails, the map is empty, and a look at its size is enough.
  const spent = new BoundedMap<number>(maxOrigins, (tokens) => Math.ceil((1 - tokens / capacity) * retentionLevels))
  let lastPrefix = " "
  /** Includes the slash after the authority, so that the prefix matches no other origin. */
  const originOf = (url: string): string => {
    if (!url.startsWith(lastPrefix)) lastPrefix = `${Origin.of(url)}/`
    return lastPrefix
  }
  return {
    withdraw: (url, isThrottled) => {
      const origin = originOf(url)
      const cost = isThrottled ? throttlingRetryCost : retryCost
      const left = (spent.get(origin) ?? capacity) - cost
      if (left < 0) return 0
      spent.set(origin, left, 0)
      return cost
    },
    deposit: (url, paid) => {
      if (spent.size === 0) return
      const origin = originOf(url)
      const tokens = spent.get(origin)
      if (tokens === undefined) return
      const now = tokens + Math.max(successCredit, paid)
      if (now < capacity) spent.set(origin, now, 0)
      else spent.delete(origin)
    }
  }
}
