/**
 * What a server tells of its limits: how many requests are left, and until when.
 *
 * @since 0.1.0
 */
import { trimBlanks } from "./internal/Char.js"
import * as Decimal from "./internal/Decimal.js"
import * as Reset from "./internal/Reset.js"
import * as StructuredList from "./internal/StructuredList.js"
import type { Headers } from "./RetryAfter.js"

/**
 * The state of one limit, as far as the server tells it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimit {
  /** `x-ratelimit` stands for its whole family of names. */
  readonly source: "ratelimit" | "x-ratelimit"
  /** The name of the policy; what comes from the server may hold any printable character. */
  readonly policy?: string | undefined
  /** How many requests (or other units) a window takes. */
  readonly limit?: number | undefined
  /** How many are left. */
  readonly remaining?: number | undefined
  /** Milliseconds until there are more: a whole number from 0 to `Number.MAX_SAFE_INTEGER`, rounded up. */
  readonly resetMs?: number | undefined
  /** The length of the window in milliseconds. */
  readonly windowMs?: number | undefined
}

/**
 * Reads every limit that the fields tell of, in this order:
 *
 * 1. `RateLimit` (draft-ietf-httpapi-ratelimit-headers): a member each, with `r` and `t`, and with the `q` and `w` of the
 *    member of `RateLimit-Policy` that has the same name.
 * 2. `RateLimit-Policy`: the members that `RateLimit` does not tell of.
 * 3. `X-RateLimit-*`, `X-Rate-Limit-*`, `RateLimit-*` with `Limit`, `Remaining` and `Reset`: one limit for each family.
 *
 * Resets are read as `RetryAfter.parse` reads them: from 1e9 on they are epoch seconds, from 1e12 on epoch milliseconds,
 * and are compared with the server's clock. Smaller ones are seconds from now.
 *
 * A structured field that is malformed is passed over, and so is a number that is none: no sign, exponent or hexadecimal.
 * Of several values in an `X-RateLimit` field the first limit, the least remaining and the latest reset count.
 *
 * @param headers fields by lower-case name, several lines of a name joined with `, `
 * @param now epoch milliseconds, when the answer arrived
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

type Members = ReadonlyMap<string, StructuredList.Item["params"]>

/** By the names of their policies; of two members with one name the last counts. */
const members = (text: string | undefined): Members => {
  const items = text === undefined ? undefined : StructuredList.parse(text)
  const named = new Map<string, StructuredList.Item["params"]>()
  for (const { params, value } of items ?? []) if (typeof value === "string") named.set(value, params)
  return named
}

const fromStructured = (limits: Members, policies: Members, clock: number): ReadonlyArray<RateLimit> =>
  Array.from(new Set([...limits.keys(), ...policies.keys()]), (name) => {
    const limit = limits.get(name)
    const policy = policies.get(name)
    return {
      source: "ratelimit" as const,
      policy: name,
      ...defined("limit", integer(policy, "q")),
      ...defined("remaining", integer(limit, "r")),
      ...defined("resetMs", resetOf(integer(limit, "t"), clock)),
      ...defined("windowMs", integer(policy, "w"), 1000)
    }
  })

const integer = (params: StructuredList.Item["params"] | undefined, name: string): number | undefined => {
  const value = params?.get(name)
  return typeof value === "number" && value >= 0 ? value : undefined
}

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
