/** Waiting rules per status and header: the error, the number of requests, and their times. */
import type { ApiError } from "@countersign/client/Errors"
import type * as Retry from "@countersign/client/Retry"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { api, base, withJitter, requestTimes } from "./support/mockApi.js"
import { runFrom } from "./support/virtualClock.js"

const { respond } = MockClient
const year = 365 * 86_400_000

/** Start of each call: a time at which epoch values differ from delays. */
const start = Date.UTC(2026, 10, 22, 12)

/** Response headers that ask for a wait. */
interface Source {
  readonly name: string
  readonly headers: MockClient.Headers
  /** The requested wait in milliseconds; undefined without one. */
  readonly ms?: number
  /** The header names a point in time, so the remaining wait shrinks with each attempt. */
  readonly isInstant?: true
  /** The header is `Retry-After` or `retry-after-ms`. */
  readonly isRetryAfter?: true
  /** The header reports that no requests remain. */
  readonly isExhausted?: true
  readonly shouldRetry?: boolean
}

const seconds = (ms: number): string => String(ms / 1000)
const sources: ReadonlyArray<Source> = [
  { name: "no header", headers: {} },
  { name: "retry-after in seconds", headers: { "retry-after": "2" }, ms: 2000, isRetryAfter: true },
  { name: "retry-after with a fraction", headers: { "retry-after": "0.25" }, ms: 250, isRetryAfter: true },
  { name: "retry-after of 0", headers: { "retry-after": "0" }, ms: 0, isRetryAfter: true },
  { name: "retry-after-ms", headers: { "retry-after-ms": "1500", "retry-after": "9" }, ms: 1500, isRetryAfter: true },
  {
    name: "retry-after as a date of a clock two days ahead",
    headers: {
      "retry-after": HttpDate.format(start + 2 * 86_400_000 + 3000),
      date: HttpDate.format(start + 2 * 86_400_000)
    },
    ms: 3000,
    isRetryAfter: true
  },
  {
    name: "retry-after as an epoch",
    headers: { "retry-after": seconds(start + 3000) },
    ms: 3000,
    isRetryAfter: true,
    isInstant: true
  },
  {
    name: "retry-after-ms as an epoch",
    headers: { "retry-after-ms": String(start + 3000) },
    ms: 3000,
    isRetryAfter: true,
    isInstant: true
  },
  { name: "retry-after of a year", headers: { "retry-after": seconds(year) }, ms: year, isRetryAfter: true },
  { name: "an invalid retry-after", headers: { "retry-after": "soon", "x-ratelimit-reset": "9" } },
  { name: "RateLimit", headers: { ratelimit: '"p";r=0;t=2' }, ms: 2000, isExhausted: true },
  { name: "RateLimit with remaining requests", headers: { ratelimit: '"p";r=5;t=2' } },
  {
    name: "X-RateLimit",
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2" },
    ms: 2000,
    isExhausted: true
  },
  {
    name: "X-RateLimit as an epoch",
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": seconds(start + 3000) },
    ms: 3000,
    isExhausted: true,
    isInstant: true
  },
  { name: "X-RateLimit without a time", headers: { "x-ratelimit-remaining": "0" }, isExhausted: true },
  { name: "X-RateLimit with remaining requests", headers: { "x-ratelimit-remaining": "9", "x-ratelimit-reset": "2" } },
  {
    name: "x-should-retry: false",
    headers: { "x-should-retry": "false", "retry-after": "2" },
    ms: 2000,
    isRetryAfter: true,
    shouldRetry: false
  },
  { name: "x-should-retry: true", headers: { "x-should-retry": "true" }, shouldRetry: true },
  {
    name: "x-should-retry: true with retry-after",
    headers: { "x-should-retry": "True", "retry-after": "2" },
    ms: 2000,
    isRetryAfter: true,
    shouldRetry: true
  }
]

const defaultStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529])

const isLimit = (status: number, { isRetryAfter, isExhausted }: Source): boolean =>
  status === 429 ||
  ((status === 403 || status === 413) && isRetryAfter === true) ||
  (status === 403 && isExhausted === true)

/** The error tag of a status, as the table of `Status` defines it. */
const tagOf = (status: number, source: Source): ApiError["_tag"] | undefined => {
  if (status < 400) return undefined
  if (status === 401) return "Unauthorized"
  if (isLimit(status, source)) return "RateLimited"
  if (status === 403) return "Forbidden"
  return status === 408 || status === 425 || status >= 500 ? "Unavailable" : "ClientError"
}

interface Expected {
  readonly tag: ApiError["_tag"] | undefined
  /** When requests are sent, in milliseconds from the start of the call. */
  readonly at: ReadonlyArray<number>
}

/** The expected result of a GET; `statuses` are the retried statuses. */
const expectedOf = (status: number, source: Source, statuses: ReadonlySet<number> = defaultStatuses): Expected => {
  const { ms, shouldRetry } = source
  const isListed = statuses.has(status) || (isLimit(status, source) && statuses.has(429))
  const isRetried = shouldRetry !== false && (isListed || (shouldRetry === true && status >= 400))
  const isNamed = statuses !== defaultStatuses && statuses.has(status)
  const isLimited = isLimit(status, source) && status !== 401
  const errorTag = isNamed && !isLimited ? "Unavailable" : tagOf(status, source)
  if (!isRetried) return { tag: errorTag, at: [0] }
  const throttles =
    (isLimited && status !== 413) || ((status === 503 || status === 529) && source.isRetryAfter === true)
  // The backoff is 0 here, but a limit without a time throttles for one second, then for two.
  if (ms === undefined) return { tag: errorTag, at: throttles ? [0, 1000, 3000] : [0, 0, 0] }
  if (ms > 60_000) return { tag: "RateLimited", at: [0] }
  if (!source.isInstant) return { tag: errorTag, at: [0, ms, 2 * ms] }
  // The time has passed by then. After a throttle, a single request is admitted one second later.
  return { tag: errorTag, at: [0, ms, throttles ? ms + 1001 : ms] }
}

/** Sends a request to a server that always responds the same. */
const sendTo = (
  request: HttpClientRequest.HttpClientRequest,
  status: number,
  { headers }: Source,
  retry?: Retry.Options
) =>
  Effect.gen(function* () {
    const client = yield* api(() => respond(status, "", headers), {
      timeout: { call: "10 minutes" },
      ...(retry === undefined ? {} : { retry })
    })
    const result = yield* runFrom(start, Effect.either(client.api.execute(request))).pipe(withJitter(0))
    const error = Either.isLeft(result) ? result.left : undefined
    return { error, at: (yield* requestTimes(client.mock)).map((at) => at - start), client }
  })

const get = HttpClientRequest.get(`${base}/x`)
const post = HttpClientRequest.post(`${base}/x`)

/** The retry time of an error: duration and instant. */
const retryTimes = (error: ApiError | undefined) => {
  if (error?._tag !== "RateLimited" && error?._tag !== "Unavailable") return undefined
  const { retryAfter, retryAt } = error
  return retryAfter === undefined || retryAt === undefined
    ? undefined
    : { ms: Duration.toMillis(retryAfter), until: DateTime.toEpochMillis(retryAt) }
}

/** The wait that the last response asked for. */
const expectedWait = ({ isInstant, ms }: Source, at: ReadonlyArray<number>) => {
  if (ms === undefined) return {}
  const last = at.at(-1) ?? 0
  const remaining = isInstant ? Math.max(0, ms - last) : ms
  return { ms: remaining, until: start + last + remaining }
}

/** Every status, for three of the sources; for the others, statuses with a rule and their neighbours. */
const allStatuses = Array.from({ length: 400 }, (_, index) => 200 + index)
const ruledStatuses = [
  200, 201, 202, 204, 206, 299, 300, 301, 303, 304, 307, 399, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 411,
  412, 413, 414, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 430, 431, 451, 499, 500, 501, 502, 503, 504, 505,
  507, 511, 519, 520, 521, 522, 523, 524, 525, 528, 529, 530, 599
]
const statusesOf = ({ name }: Source) =>
  ["no header", "retry-after in seconds", "x-should-retry: true"].includes(name) ? allStatuses : ruledStatuses

describe.each(sources)("Retry.policy after a response with $name", (source) => {
  it.effect("sends a GET as often and as late as the rules define, for every status", () =>
    Effect.gen(function* () {
      for (const status of statusesOf(source)) {
        const { at, error } = yield* sendTo(get, status, source)
        const expected = expectedOf(status, source)
        expect({ status, tag: error?._tag, at }).toEqual({ status, ...expected })
        if (error?._tag !== "RateLimited" && error?._tag !== "Unavailable") continue
        expect({ status, ...retryTimes(error) }).toEqual({ status, ...expectedWait(source, at) })
      }
    })
  )

  it.effect("sends a POST once, for every status", () =>
    Effect.gen(function* () {
      for (const status of [...defaultStatuses, 400, 401, 403, 404, 409, 413, 422, 423]) {
        const { at, error } = yield* sendTo(post, status, source)
        expect({ status, at, tag: error?._tag }).toEqual({ status, at: [0], tag: tagOf(status, source) })
      }
    })
  )

  it.effect("sends a body once that can be read once, for every status", () =>
    Effect.gen(function* () {
      for (const status of [...defaultStatuses, 403, 409, 413]) {
        const stream = HttpBody.stream(Stream.make(new Uint8Array(1)))
        const { at } = yield* sendTo(
          HttpClientRequest.put(`${base}/x`).pipe(HttpClientRequest.setBody(stream)),
          status,
          source
        )
        expect({ status, at }).toEqual({ status, at: [0] })
      }
    })
  )

  it.effect("waits for each status of the statuses option", () =>
    Effect.gen(function* () {
      const statuses = [
        200, 202, 204, 301, 304, 400, 402, 404, 405, 409, 412, 413, 423, 425, 429, 403, 451, 501, 503, 599
      ]
      for (const status of statuses) {
        const { at, error } = yield* sendTo(get, status, source, { statuses: [status] })
        const expected = expectedOf(status, source, new Set([status]))
        expect({ status, tag: error?._tag, at }).toEqual({ status, ...expected })
        if (error?._tag !== "RateLimited" && error?._tag !== "Unavailable") continue
        expect({ status, ...retryTimes(error) }).toEqual({ status, ...expectedWait(source, at) })
      }
    })
  )
})
