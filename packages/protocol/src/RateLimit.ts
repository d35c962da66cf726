/**
 * Rate limit fields: parser for `RateLimit`, `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) and `X-RateLimit-*`.
 *
 * @since 0.1.0
 */
import { trimBlanks } from "./internal/Char.js"
import * as Decimal from "./internal/Decimal.js"
import * as RateLimitField from "./internal/RateLimitField.js"
import * as Reset from "./internal/Reset.js"
import type { Headers } from "./RetryAfter.js"
import type * as StructuredField from "./StructuredField.js"

/**
 * State of one rate limit, with the values that the server sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimit {
  /** The fields that it was read from. `x-ratelimit` also stands for its other spellings. */
  readonly source: "ratelimit" | "x-ratelimit"
  /** Name of the policy. It comes from the server and may contain any printable character. */
  readonly policy?: string | undefined
  /** Number of requests (or other units) per window. */
  readonly limit?: number | undefined
  /** Number of requests that are left. */
  readonly remaining?: number | undefined
  /** Milliseconds until the reset: an integer from 0 to `Number.MAX_SAFE_INTEGER`, rounded up. */
  readonly resetMs?: number | undefined
  /** Length of the window in milliseconds. */
  readonly windowMs?: number | undefined
}

/**
 * Parses all rate limits of a response, in this order:
 *
 * 1. `RateLimit` (draft-ietf-httpapi-ratelimit-headers): one limit per member, with `r` and `t`, and `q` and `w` of the
 *    `RateLimit-Policy` member of the same name.
 * 2. `RateLimit-Policy`: the members without a `RateLimit` member.
 * 3. `X-RateLimit-*`, `X-Rate-Limit-*`, `RateLimit-*` with `Limit`, `Remaining` and `Reset`: one limit for each spelling.
 *
 * Resets are read as `RetryAfter.parse` reads them: from 1e9 on they are epoch seconds, from 1e12 on epoch milliseconds,
 * compared with the server's clock. Smaller ones are seconds from now.
 *
 * A malformed structured field is ignored, and so is an invalid number (with a sign, an exponent or hexadecimal). Of several
 * values in an `X-RateLimit` field the first limit, the smallest remaining and the latest reset are used.
 *
 * @example
 * import * as RateLimit from "@countersign/protocol/RateLimit"
 *
 * RateLimit.parse({ ratelimit: '"default";r=5;t=30' }, Date.now())
 *
 * @param headers fields by lower-case name, several lines of a name joined with `, `
 * @param now time at which the response arrived, in epoch milliseconds
 * @see https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-4.2.1
 * @since 0.1.0
 * @category decoding
 */
export const parse = (headers: Headers, now: number): ReadonlyArray<RateLimit> => {
  const clock = Reset.serverTime(headers, now)
  return [
    ...fromStructured(members(headers["ratelimit"]), members(headers["ratelimit-policy"]), clock),
    ...Reset.FAMILY.flatMap((family) => fromFamily(family, headers, clock))
  ]
}

type Members = ReadonlyMap<string, StructuredField.Parameters>

/** Members by policy name. Of two members with one name the last is used. */
const members = (text: string | undefined): Members =>
  new Map(RateLimitField.parse(text).map(({ name, params }) => [name, params]))

const fromStructured = (limits: Members, policies: Members, clock: number): ReadonlyArray<RateLimit> =>
  Array.from(new Set([...limits.keys(), ...policies.keys()]), (name) => {
    const limit = limits.get(name)
    const policy = policies.get(name)
    return {
      source: "ratelimit" as const,
      policy: name,
      ...defined("limit", RateLimitField.integer(policy, "q")),
      ...defined("remaining", RateLimitField.integer(limit, "r")),
      ...defined("resetMs", resetOf(RateLimitField.integer(limit, "t"), clock)),
      ...defined("windowMs", RateLimitField.integer(policy, "w"), 1000)
    }
  })

const resetOf = (seconds: number | undefined, clock: number): number | undefined =>
  seconds === undefined ? undefined : Reset.fromSeconds(String(seconds), clock)

const fromFamily = (
  family: (typeof Reset.FAMILY)[number],
  headers: Headers,
  clock: number
): ReadonlyArray<RateLimit> => {
  const limit = numbers(headers[`${family}-limit`])[0]
  const remaining = numbers(headers[`${family}-remaining`])
  const resetMs = Reset.until(headers[`${family}-reset`], clock)
  if (limit === undefined && remaining.length === 0 && resetMs === undefined) return []
  return [
    {
      source: "x-ratelimit" as const,
      ...defined("limit", limit),
      ...defined("remaining", remaining.length === 0 ? undefined : remaining.reduce((a, b) => Math.min(a, b))),
      ...defined("resetMs", resetMs)
    }
  ]
}

const numbers = (text: string | undefined): ReadonlyArray<number> =>
  (text?.split(",") ?? []).flatMap((member) => Decimal.parse(trimBlanks(member), 1) ?? [])

const defined = (
  name: "limit" | "remaining" | "resetMs" | "windowMs",
  value: number | undefined,
  scale: 1 | 1000 = 1
) => (value === undefined ? {} : { [name]: Reset.clamp(value * scale) })
