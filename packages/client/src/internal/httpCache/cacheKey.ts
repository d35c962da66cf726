/** The key of stored responses: an account, the fields that may identify one, and a URL. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Redirect from "@countersign/protocol/Redirect"
import type * as Auth from "../../Auth.js"
import { urlOf } from "../request/requestUrl.js"

export interface CacheKey {
  /** The account, the cookies, and fields of the request that may be credentials. */
  readonly account: string
  /** Normalized URL without a fragment. */
  readonly url: string
}

/** Fields that identify no account, beside those that are safe for other origins. They change with each request. */
const neutralFields: ReadonlySet<string> = new Set([
  "b3",
  "cache-control",
  "idempotency-key",
  "pragma",
  "prefer",
  "priority",
  "request-id",
  "traceparent",
  "tracestate",
  "x-correlation-id",
  "x-request-id"
])

/** Unknown fields may be an API key or the name of a user, so they separate responses. */
const identifyingFields = ({ headers }: HttpClientRequest): string =>
  Object.entries(headers)
    .filter(([name]) => !neutralFields.has(name) && !Redirect.isSafeCrossOriginHeader(name))
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
    .join("\n")

const accountNumbers = new WeakMap<object, number>()
let lastAccount = 0

/** A number for each scheme of this process. Two schemes are two accounts. */
export const accountNumber = (auth: Auth.Service<unknown>): number => {
  const known = accountNumbers.get(auth)
  if (known !== undefined) return known
  lastAccount += 1
  accountNumbers.set(auth, lastAccount)
  return lastAccount
}

/** A URL without its fragment, in normal form. Undefined if it is no URL. */
export const normalUrl = (url: string, base?: string): URL | undefined => {
  try {
    const parsed = new URL(url, base)
    parsed.hash = ""
    return parsed
  } catch {
    return undefined
  }
}

/** @param account - text that separates accounts. @param cookies - the `Cookie` field of the jar. */
export const keyOf = (request: HttpClientRequest, account: string, cookies: string): CacheKey | undefined => {
  const url = normalUrl(urlOf(request))
  return url === undefined
    ? undefined
    : { account: `${account}\n${cookies}\n${identifyingFields(request)}`, url: url.href }
}
