/**
 * What retries may cost an origin: many calls that fail at a time must not become three times as many.
 *
 * @since 0.1.0
 */
import * as Origin from "@countersign/protocol/Origin"
import { Recent } from "./internal/origins/boundedMap.js"

/**
 * The tokens of each origin. Clients that have the same one share what is in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryBudget {
  /** Pays for one more send to a URL's origin: what it cost, or 0 where there is not enough left for it. */
  readonly withdraw: (url: string, throttled: boolean) => number
  /** A send to a URL's origin was answered; `paid` is what had been spent for that very send, and comes back. */
  readonly deposit: (url: string, paid: number) => void
}

/**
 * What a budget holds, in tokens.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What an origin begins with, and never has more of (500). */
  readonly capacity?: number | undefined
  /** What a retry costs (14). */
  readonly retryCost?: number | undefined
  /** What a retry of a 429 costs (5). */
  readonly throttlingRetryCost?: number | undefined
  /** What an answer to a first send brings (1). */
  readonly successCredit?: number | undefined
  /** The most origins to remember (1000). Only those that are not at their capacity take room. */
  readonly maxOrigins?: number | undefined
}

/**
 * What {@link Options} are when they are left out.
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

/** Those with the least left are the last to be forgotten: an origin that is forgotten begins anew. */
const degrees = 8

/**
 * Makes a budget. An origin that fails every time is sent 35 retries (100 after 429s), and then none: each call fails
 * with its own failure at once. A retry that is answered gives back what it cost; any other answer is worth one token, so
 * that in the long run there is a failing retry for fourteen answers. An answer is every status that is not retried, a
 * 404 as well as a 200.
 *
 * The numbers are those of the AWS SDKs'
 * [retry quota](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html); the idea is
 * [gRPC's](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs), too.
 *
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
  } = options
  // An origin that is not in it is at its capacity: on the good path there is none, and a look at the size is all.
  const spent = new Recent<number>(maxOrigins, (tokens) => Math.ceil((1 - tokens / capacity) * degrees))
  let last = " "
  /** Up to the slash that ends the authority, so that no URL of another origin begins with it. */
  const originOf = (url: string): string => {
    if (!url.startsWith(last)) last = `${Origin.of(url)}/`
    return last
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
