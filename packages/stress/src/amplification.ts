/**
 * An outage of one minute in virtual time. While the server responds with 503 or refuses connections, the client must not
 * multiply the requests. Five seconds after the outage, calls must succeed again.
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

/** Makes a client over a transport. */
export type Client = (transport: HttpClient.HttpClient) => Effect.Effect<HttpClient.HttpClient.With<unknown>, unknown>

const make = (retry: RetryOptions, transport: HttpClient.HttpClient) =>
  Effect.provideService(ApiClient.make({ baseUrl, auth: Auth.none, retry }), HttpClient.HttpClient, transport)

/** Makes a client that has another client as its transport. */
const nestedClient =
  (retry: RetryOptions, between: (inner: HttpClient.HttpClient) => HttpClient.HttpClient): Client =>
  (transport) =>
    Effect.flatMap(make(retry, transport), ({ httpClient }) => make(retry, between(httpClient)))

/** Runs each request in a new root fiber, so that the outer retry is unknown to the inner one. */
const inRootFiber = (client: HttpClient.HttpClient): HttpClient.HttpClient =>
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

/** Our client with defaults, and our client as the transport of another. */
export const ours: Client = (transport) => make({}, transport)
const nested: Client = nestedClient({}, identity)
/** The same clients without a retry budget. */
export const unbudgeted: Client = (transport) => make({ budget: false }, transport)
export const nestedUnbudgeted: Client = nestedClient({ budget: false }, identity)
/** Nested clients that both retry, because neither knows of the other. */
export const unsuppressed: Client = nestedClient({}, inRootFiber)

/** Milliseconds at which the outage starts and ends, the calls must succeed again, and the run ends. */
const [down, up, recovered, end] = [10_000, 70_000, 75_000, 100_000] as const

/** Behaviour of the server during the outage. */
type Outage = "503" | "refused"

const server = (outage: Outage, sentAt: Array<number>): HttpClient.HttpClient => {
  const respond = (request: HttpClientRequest, status: number) =>
    HttpClientResponse.fromWeb(request, new Response(null, { status }))
  const refusedError = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
  return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        sentAt.push(now)
        if (now < down || now >= up) return Effect.succeed(respond(request, 200))
        return outage === "503"
          ? Effect.succeed(respond(request, 503))
          : Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: refusedError }))
      })
    ),
    Effect.succeed
  )
}

/** Counts of calls and requests. */
interface Counted {
  /** Calls that started during the outage, and the requests that the server received then. */
  readonly calls: number
  readonly sends: number
  readonly sendsPerCall: number
  readonly failedBefore: number
  readonly failedInOutage: number
  /** Percentage of successful calls, of those that started at least five seconds after the outage. */
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
    const started = (from: number, to: number) => calls.filter(({ at }) => at >= from && at < to)
    const failed = (from: number, to: number) => started(from, to).filter(({ ok }) => !ok).length
    const sends = sentAt.filter((at) => at >= down && at < up).length
    const inOutage = started(down, up).length
    const later = started(recovered, end).length
    return {
      calls: inOutage,
      sends,
      sendsPerCall: round(sends / inOutage, 3),
      failedBefore: failed(0, down),
      failedInOutage: failed(down, up),
      recoveredPercent: round((100 * (later - failed(recovered, end))) / later, 2)
    }
  }).pipe(VirtualClock.run, Effect.withRandom(Random.make("amplification")))

/** Figures by kind of outage, for a single and a nested client. */
export interface Amplification extends Stress.Measurements {
  readonly busy: Counted & Stress.Measurements
  readonly refusing: Counted & Stress.Measurements
  readonly busyNested: Counted & Stress.Measurements
  readonly refusingNested: Counted & Stress.Measurements
}

/** Measures an outage for a client and for a nested one. In the short form, a call starts every `shortly` milliseconds. */
export const measure =
  (client: Client, nestedClient: Client, shortly = 100) =>
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
        busyNested: yield* one("503, nested clients", nestedClient, "503"),
        refusingNested: yield* one("connections refused, nested clients", nestedClient, "refused")
      }
    }).pipe(Effect.mapError(Stress.cannotRun))

const each = (holds: (counted: Counted) => boolean) => (found: Amplification) =>
  [found.busy, found.refusing, found.busyNested, found.refusingNested].every(holds)

/** Whether both send the same number of requests, apart from those at the ends of the outage. */
const asAlone = (alone: Counted, nested: Counted): boolean => Math.abs(alone.sends - nested.sends) <= 5

/** Assertions on the figures. */
export const assertions: Stress.Assertions<Amplification> = {
  "no call fails before the outage": each(({ failedBefore }) => failedBefore === 0),
  "almost every call fails during the outage": each(({ calls, failedInOutage }) => failedInOutage >= calls - 10),
  "an outage causes at most 1.2 requests per call": each(({ sendsPerCall }) => sendsPerCall <= 1.2),
  "every call sends at least one request": each(({ sendsPerCall }) => sendsPerCall >= 1),
  "a nested client sends as many requests as a single client": (found) =>
    asAlone(found.busy, found.busyNested) && asAlone(found.refusing, found.refusingNested),
  "99 % of the calls succeed from five seconds after the outage": each(({ recoveredPercent }) => recoveredPercent >= 99)
}

/** The case. */
export const amplification: Stress.Stress = Stress.make("amplification", measure(ours, nested), assertions)
