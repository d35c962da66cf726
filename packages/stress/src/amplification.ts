/**
 * A minute of outage, in virtual time: a server that is down, answers that it is busy or refuses connections, must not
 * be sent many times what it is asked; and a minute later nobody should notice that it was down.
 */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { Options as RetryOptions } from "@countersign/client/Retry"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Random from "effect/Random"
import { round } from "@countersign/bench/Numbers"
import * as Stress from "./Stress.js"
import * as VirtualClock from "./time/virtualClock.js"

const baseUrl = "https://api.test"

/** A client over a transport. */
export type Client = (transport: HttpClient.HttpClient) => Effect.Effect<HttpClient.HttpClient.With<unknown>, unknown>

const make = (retry: RetryOptions, transport: HttpClient.HttpClient) =>
  Effect.provideService(ApiClient.make({ baseUrl, auth: Auth.none, retry }), HttpClient.HttpClient, transport)

/** One of ours as the transport of another. */
const within =
  (retry: RetryOptions, between: (inner: HttpClient.HttpClient) => HttpClient.HttpClient): Client =>
  (transport) =>
    Effect.flatMap(make(retry, transport), ({ httpClient }) => make(retry, between(httpClient)))

/** Runs what it is asked for in a fiber that nobody forked, so that a retry in it knows of no other. */
const apart = (client: HttpClient.HttpClient): HttpClient.HttpClient =>
  HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) =>
      Effect.clockWith((clock) =>
        Effect.async<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
          Effect.runFork(Effect.withClock(client.execute(request), clock)).addObserver(resume)
        })
      )
    ),
    Effect.succeed
  )

/** Ours as it comes, and as the transport of another of ours. */
export const ours: Client = (transport) => make({}, transport)
const nested: Client = within({}, identity)
/** Both without the budget. */
export const unbudgeted: Client = (transport) => make({ budget: false }, transport)
export const nestedUnbudgeted: Client = within({ budget: false }, identity)
/** One within another that each retry as if there were no other. */
export const unsuppressed: Client = within({}, apart)

/** When the server is down, when it is looked at again, and when the calls end, in milliseconds. */
const [down, up, calm, end] = [10_000, 70_000, 75_000, 100_000] as const

/** What a server does that is down. */
type Outage = "503" | "refused"

const server = (outage: Outage, sentAt: Array<number>): HttpClient.HttpClient => {
  const answer = (request: HttpClientRequest, status: number) =>
    HttpClientResponse.fromWeb(request, new Response(null, { status }))
  const refusal = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
  return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        sentAt.push(now)
        if (now < down || now >= up) return Effect.succeed(answer(request, 200))
        return outage === "503"
          ? Effect.succeed(answer(request, 503))
          : Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: refusal }))
      })
    ),
    Effect.succeed
  )
}

/** What came of the calls. */
interface Counted {
  /** Calls that were begun while the server was down, and what it was sent then. */
  readonly calls: number
  readonly sends: number
  readonly sendsPerCall: number
  readonly failedBefore: number
  readonly failedInOutage: number
  /** Of those begun five seconds after the server was back, the share that ended well. */
  readonly recoveredPercent: number
}

const outageOf = (client: Client, outage: Outage, everyMs: number): Effect.Effect<Counted, unknown> =>
  Effect.gen(function* () {
    const sentAt: Array<number> = []
    const calls: Array<{ readonly at: number; readonly ok: boolean }> = []
    const { get } = yield* client(server(outage, sentAt))
    const fibers: Array<Fiber.RuntimeFiber<void>> = []
    for (let at = 0; at < end; at += everyMs) {
      const call = Effect.match(get(`${baseUrl}/x`), {
        onFailure: () => void calls.push({ at, ok: false }),
        onSuccess: ({ status }) => void calls.push({ at, ok: status === 200 })
      })
      fibers.push(yield* Effect.fork(call))
      yield* Effect.sleep(everyMs)
    }
    yield* Fiber.joinAll(fibers)
    const begun = (from: number, to: number) => calls.filter(({ at }) => at >= from && at < to)
    const failed = (from: number, to: number) => begun(from, to).filter(({ ok }) => !ok).length
    const sends = sentAt.filter((at) => at >= down && at < up).length
    const during = begun(down, up).length
    const later = begun(calm, end).length
    return {
      calls: during,
      sends,
      sendsPerCall: round(sends / during, 3),
      failedBefore: failed(0, down),
      failedInOutage: failed(down, up),
      recoveredPercent: round((100 * (later - failed(calm, end))) / later, 2)
    }
  }).pipe(VirtualClock.run, Effect.withRandom(Random.make("amplification")))

/** Every kind of outage. */
export interface Amplification extends Stress.Measurements {
  readonly busy: Counted & Stress.Measurements
  readonly refusing: Counted & Stress.Measurements
  readonly busyNested: Counted & Stress.Measurements
  readonly refusingNested: Counted & Stress.Measurements
}

/** Lets a server be down under a client, and under one within another. In short a call begins `shortly` ms after the other. */
export const measure =
  (client: Client, within: Client, shortly = 100) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Amplification, Stress.CannotRun> =>
    Effect.gen(function* () {
      const everyMs = short ? shortly : 5
      const one = (name: string, of: Client, outage: Outage) =>
        Effect.zipRight(
          reportProgress(`${name}: a minute without a server, a call every ${everyMs} ms`),
          Effect.map(outageOf(of, outage, everyMs), (counted): Counted & Stress.Measurements => ({ ...counted }))
        )
      return {
        busy: yield* one("503", client, "503"),
        refusing: yield* one("connections refused", client, "refused"),
        busyNested: yield* one("503, a client within another", within, "503"),
        refusingNested: yield* one("connections refused, a client within another", within, "refused")
      }
    }).pipe(Effect.mapError(Stress.cannotRun))

const each = (is: (counted: Counted) => boolean) => (found: Amplification) =>
  [found.busy, found.refusing, found.busyNested, found.refusingNested].every(is)

/** The retries of a client that is alone, up to those that fall on an end of the outage. */
const asAlone = (alone: Counted, nested: Counted): boolean => Math.abs(alone.sends - nested.sends) <= 5

/** What is promised of them. */
export const promises: Stress.Assertions<Amplification> = {
  "while the server is there, no call fails": each(({ failedBefore }) => failedBefore === 0),
  "there was an outage: each of its calls fails": each(({ calls, failedInOutage }) => failedInOutage >= calls - 10),
  "an outage costs at most 1.2 sends a call": each(({ sendsPerCall }) => sendsPerCall <= 1.2),
  "each call is sent": each(({ sendsPerCall }) => sendsPerCall >= 1),
  "a client within another is retried as often as one alone, and no more": (found) =>
    asAlone(found.busy, found.busyNested) && asAlone(found.refusing, found.refusingNested),
  "five seconds after it, 99 % of the calls end well": each(({ recoveredPercent }) => recoveredPercent >= 99)
}

/** The case. */
export const amplification: Stress.Stress = Stress.make("amplification", measure(ours, nested), promises)
