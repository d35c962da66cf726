/** The waiting rules for every status and every field that can ask for a wait: which error, how many sends, and when. */
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
import { api, base, chance, times } from "./scripted.js"
import { runFrom } from "./virtualClock.js"

const { respond } = MockClient
const year = 365 * 86_400_000

/** Where each call begins: an instant that epochs can be told from delays at. */
const begin = Date.UTC(2026, 10, 22, 12)

/** A way to ask for a wait. */
interface Source {
  readonly name: string
  readonly headers: MockClient.Headers
  /** The wait that it asks for, in milliseconds; undefined where it names none. */
  readonly ms?: number
  /** Whether it names a point in time: what is left of the wait is less with each attempt. */
  readonly isPoint?: true
  /** Whether it is one of the fields that say so by themselves: `Retry-After`, `retry-after-ms`. */
  readonly isSaid?: true
  /** Whether it says that nothing remains of a limit. */
  readonly isSpent?: true
  readonly told?: boolean
}

const seconds = (ms: number): string => String(ms / 1000)
const sources: ReadonlyArray<Source> = [
  { name: "nothing", headers: {} },
  { name: "seconds", headers: { "retry-after": "2" }, ms: 2000, isSaid: true },
  { name: "a fraction of a second", headers: { "retry-after": "0.25" }, ms: 250, isSaid: true },
  { name: "no wait", headers: { "retry-after": "0" }, ms: 0, isSaid: true },
  { name: "milliseconds", headers: { "retry-after-ms": "1500", "retry-after": "9" }, ms: 1500, isSaid: true },
  {
    name: "a date of a clock that is two days ahead",
    headers: {
      "retry-after": HttpDate.format(begin + 2 * 86_400_000 + 3000),
      date: HttpDate.format(begin + 2 * 86_400_000)
    },
    ms: 3000,
    isSaid: true
  },
  { name: "an epoch", headers: { "retry-after": seconds(begin + 3000) }, ms: 3000, isSaid: true, isPoint: true },
  {
    name: "an epoch in milliseconds",
    headers: { "retry-after-ms": String(begin + 3000) },
    ms: 3000,
    isSaid: true,
    isPoint: true
  },
  { name: "a year", headers: { "retry-after": seconds(year) }, ms: year, isSaid: true },
  { name: "no number", headers: { "retry-after": "soon", "x-ratelimit-reset": "9" } },
  { name: "RateLimit", headers: { ratelimit: '"p";r=0;t=2' }, ms: 2000, isSpent: true },
  { name: "RateLimit with something left", headers: { ratelimit: '"p";r=5;t=2' } },
  { name: "X-RateLimit", headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2" }, ms: 2000, isSpent: true },
  {
    name: "X-RateLimit as an epoch",
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": seconds(begin + 3000) },
    ms: 3000,
    isSpent: true,
    isPoint: true
  },
  { name: "X-RateLimit without a time", headers: { "x-ratelimit-remaining": "0" }, isSpent: true },
  { name: "X-RateLimit with something left", headers: { "x-ratelimit-remaining": "9", "x-ratelimit-reset": "2" } },
  {
    name: "that it is not worth it",
    headers: { "x-should-retry": "false", "retry-after": "2" },
    ms: 2000,
    isSaid: true,
    told: false
  },
  { name: "that it is worth it", headers: { "x-should-retry": "true" }, told: true },
  {
    name: "that it is worth it, later",
    headers: { "x-should-retry": "True", "retry-after": "2" },
    ms: 2000,
    isSaid: true,
    told: true
  }
]

const listed: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529])

const isLimit = (status: number, { isSaid, isSpent }: Source): boolean =>
  status === 429 || ((status === 403 || status === 413) && isSaid === true) || (status === 403 && isSpent === true)

/** The tag of a status, as the table of `Status` has it. */
const tagOf = (status: number, source: Source): ApiError["_tag"] | undefined => {
  if (status < 400) return undefined
  if (status === 401) return "Unauthorized"
  if (isLimit(status, source)) return "RateLimited"
  if (status === 403) return "Forbidden"
  return status === 408 || status === 425 || status >= 500 ? "Unavailable" : "ClientError"
}

interface Expected {
  readonly tag: ApiError["_tag"] | undefined
  /** When the request is sent, in milliseconds from the call. */
  readonly at: ReadonlyArray<number>
}

/** What the rules say about a GET; `named` are the statuses that the caller names. */
const expectedOf = (status: number, source: Source, named: ReadonlySet<number> = listed): Expected => {
  const { ms, told } = source
  const isListed = named.has(status) || (isLimit(status, source) && named.has(429))
  const isRetried = told !== false && (isListed || (told === true && status >= 400))
  const isNamed = named !== listed && named.has(status)
  const isLimited = isLimit(status, source) && status !== 401
  const own = isNamed && !isLimited ? "Unavailable" : tagOf(status, source)
  if (!isRetried) return { tag: own, at: [0] }
  const throttles = (isLimited && status !== 413) || ((status === 503 || status === 529) && source.isSaid === true)
  // The backoff is nothing here; but a limit that names no time throttles for a second, then for two.
  if (ms === undefined) return { tag: own, at: throttles ? [0, 1000, 3000] : [0, 0, 0] }
  if (ms > 60_000) return { tag: "RateLimited", at: [0] }
  if (!source.isPoint) return { tag: own, at: [0, ms, 2 * ms] }
  // The time has passed then; but after a throttle requests are let in gradually, for one alone: one a second.
  return { tag: own, at: [0, ms, throttles ? ms + 1001 : ms] }
}

/** Sends a request to a server that always answers the same, and looks at what came of it. */
const outcome = (
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
    const result = yield* runFrom(begin, Effect.either(client.api.execute(request))).pipe(chance(0))
    const error = Either.isLeft(result) ? result.left : undefined
    return { error, at: (yield* times(client.mock)).map((at) => at - begin), client }
  })

const get = HttpClientRequest.get(`${base}/x`)
const post = HttpClientRequest.post(`${base}/x`)

/** The time that an error names: how long, and until when. */
const comeBack = (error: ApiError | undefined) => {
  if (error?._tag !== "RateLimited" && error?._tag !== "Unavailable") return undefined
  const { retryAfter, retryAt } = error
  return retryAfter === undefined || retryAt === undefined
    ? undefined
    : { ms: Duration.toMillis(retryAfter), until: DateTime.toEpochMillis(retryAt) }
}

/** What the last of some responses says about it. */
const expectedWait = ({ isPoint, ms }: Source, at: ReadonlyArray<number>) => {
  if (ms === undefined) return {}
  const last = at.at(-1) ?? 0
  const left = isPoint ? Math.max(0, ms - last) : ms
  return { ms: left, until: begin + last + left }
}

/** Every status there is; and for most of the sources those that a rule names, with their neighbours. */
const all = Array.from({ length: 400 }, (_, index) => 200 + index)
const some = [
  200, 201, 202, 204, 206, 299, 300, 301, 303, 304, 307, 399, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 411,
  412, 413, 414, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 430, 431, 451, 499, 500, 501, 502, 503, 504, 505,
  507, 511, 519, 520, 521, 522, 523, 524, 525, 528, 529, 530, 599
]
const statusesOf = ({ name }: Source) => (["nothing", "seconds", "that it is worth it"].includes(name) ? all : some)

describe.each(sources)("a server that asks for $name", (source) => {
  it.effect("gets what the rules say, for every status", () =>
    Effect.gen(function* () {
      for (const status of statusesOf(source)) {
        const { at, error } = yield* outcome(get, status, source)
        const expected = expectedOf(status, source)
        expect({ status, tag: error?._tag, at }).toEqual({ status, ...expected })
        if (error?._tag !== "RateLimited" && error?._tag !== "Unavailable") continue
        expect({ status, ...comeBack(error) }).toEqual({ status, ...expectedWait(source, at) })
      }
    })
  )

  it.effect("is not sent a POST twice, for any status", () =>
    Effect.gen(function* () {
      for (const status of [...listed, 400, 401, 403, 404, 409, 413, 422, 423]) {
        const { at, error } = yield* outcome(post, status, source)
        expect({ status, at, tag: error?._tag }).toEqual({ status, at: [0], tag: tagOf(status, source) })
      }
    })
  )

  it.effect("is not sent a body twice that can be read once, for any status", () =>
    Effect.gen(function* () {
      for (const status of [...listed, 403, 409, 413]) {
        const stream = HttpBody.stream(Stream.make(new Uint8Array(1)))
        const { at } = yield* outcome(
          HttpClientRequest.put(`${base}/x`).pipe(HttpClientRequest.setBody(stream)),
          status,
          source
        )
        expect({ status, at }).toEqual({ status, at: [0] })
      }
    })
  )

  it.effect("is respected for each status that the caller names", () =>
    Effect.gen(function* () {
      const named = [200, 202, 204, 301, 304, 400, 402, 404, 405, 409, 412, 413, 423, 425, 429, 403, 451, 501, 503, 599]
      for (const status of named) {
        const { at, error } = yield* outcome(get, status, source, { statuses: [status] })
        const expected = expectedOf(status, source, new Set([status]))
        expect({ status, tag: error?._tag, at }).toEqual({ status, ...expected })
        if (error?._tag !== "RateLimited" && error?._tag !== "Unavailable") continue
        expect({ status, ...comeBack(error) }).toEqual({ status, ...expectedWait(source, at) })
      }
    })
  )
})
