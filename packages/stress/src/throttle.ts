/**
 * A thousand fibers after one 429. No request is sent before `Retry-After` has passed, then requests start gradually, and
 * all succeed. Measured in virtual time and over sockets.
 */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type * as RateLimit from "@countersign/client/RateLimit"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { round } from "@countersign/bench/Numbers"
import * as Stress from "./Stress.js"
import * as VirtualClock from "./time/virtualClock.js"

/** Makes a client for a base URL over a transport. */
export type Client = (
  baseUrl: string,
  transport: HttpClient.HttpClient
) => Effect.Effect<HttpClient.HttpClient.With<unknown>, unknown>

const make =
  (rateLimit: () => RateLimit.Service | false | undefined): Client =>
  (baseUrl, transport) =>
    Effect.provideService(
      ApiClient.make({ baseUrl, auth: Auth.none, rateLimit: rateLimit() }),
      HttpClient.HttpClient,
      transport
    )

/** A throttle without gradual re-admission: all requests start when `Retry-After` has passed. */
const makeUngradualThrottle = (): RateLimit.Service => {
  let opensAt = 0
  return {
    acquire: () => Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(Math.max(0, opensAt - now))),
    onResponse: (_, { headers, status }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (status === 429) opensAt = now + 1000 * Number(headers["retry-after"])
      })
  }
}

/** Our client with defaults. */
const ours: Client = make(() => undefined)

/** Our client without a throttle, and with one that admits all requests at once. */
export const unthrottled: Client = make(() => false)
export const ungradual: Client = make(makeUngradualThrottle)

/** Counts of fibers and requests. */
interface Counted {
  readonly fibers: number
  readonly succeeded: number
  /** Requests after the 429 and before `Retry-After` had passed. */
  readonly tooEarly: number
  /** Percentage of the fibers that sent their request in the first 100 ms afterwards. */
  readonly firstPercent: number
  /** When the last request was sent, in milliseconds afterwards. */
  readonly lastMillis: number
}

const seconds = { virtual: 5, live: 2 }

/** Duration of a response in milliseconds. */
const latency = 20

const counted = (fibers: number, succeeded: number, sentAt: ReadonlyArray<number>, wait: number): Counted => {
  const [first = 0, ...others] = sentAt
  const opens = first + wait * 1000
  return {
    fibers,
    succeeded,
    tooEarly: others.filter((at) => at < opens).length,
    firstPercent: round((100 * others.filter((at) => at >= opens && at < opens + 100).length) / fibers, 2),
    lastMillis: Math.round(Math.max(...others) - opens)
  }
}

/** Sends one request that gets the 429, and all others at once after the client has read it. */
const sendAll = (
  client: HttpClient.HttpClient.With<unknown>,
  url: string,
  fibers: number,
  isThrottled: Effect.Effect<unknown>
) =>
  Effect.gen(function* () {
    const first = yield* Effect.fork(Effect.exit(client.get(url)))
    yield* isThrottled
    yield* Effect.sleep(latency * 5)
    const rest = yield* Effect.forEach(Array.from({ length: fibers - 1 }), () => Effect.exit(client.get(url)), {
      concurrency: "unbounded"
    })
    return [yield* first.await, ...rest].filter((exit) => exit._tag === "Success").length
  })

const virtual = (client: Client, fibers: number): Effect.Effect<Counted, unknown> =>
  Effect.gen(function* () {
    const sentAt: Array<number> = []
    const transport = HttpClient.makeWith<never, never, HttpClientError, never>(
      Effect.flatMap((request) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          sentAt.push(now)
          const init = sentAt.length === 1 ? { status: 429, headers: { "retry-after": String(seconds.virtual) } } : {}
          return HttpClientResponse.fromWeb(request, new Response(null, init))
        }).pipe(Effect.zipLeft(Effect.sleep(latency)))
      ),
      Effect.succeed
    )
    const throttled = yield* client("https://api.test", transport)
    const succeeded = yield* sendAll(throttled, "https://api.test/x", fibers, Effect.void)
    // The 429 arrives `latency` after the request, and `Retry-After` counts from then.
    return counted(fibers, succeeded, [(sentAt[0] ?? 0) + latency, ...sentAt.slice(1)], seconds.virtual)
  }).pipe(VirtualClock.run, Effect.withRandom(Random.make("hold")))

/** A server that responds to the first request with 429, and the times of all requests. */
const serve = (
  seconds: number
): Effect.Effect<{ readonly url: string; readonly requestTimes: ReadonlyArray<number> }, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly requestTimes: Array<number>; readonly close: () => void }>(
      (resume) => {
        const requestTimes: Array<number> = []
        const server = createServer((_, response) => {
          requestTimes.push(performance.now())
          const isFirst = requestTimes.length === 1
          const respond = () => {
            response.writeHead(isFirst ? 429 : 200, isFirst ? { "retry-after": String(seconds) } : {}).end()
          }
          if (isFirst) respond()
          else setTimeout(respond, latency)
        })
        server.listen(0, "127.0.0.1", () => {
          // The address of a listening TCP server is an object.
          const { port } = server.address() as AddressInfo
          const close = () => {
            server.closeAllConnections()
            server.close()
          }
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, requestTimes, close }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

const live = (client: Client, fibers: number, wait: number): Effect.Effect<Counted, unknown> =>
  Effect.gen(function* () {
    const { requestTimes, url } = yield* serve(wait)
    const isThrottled = yield* Deferred.make<void>()
    const transport = HttpClient.tap(yield* NodeTransport.make(), () => Deferred.succeed(isThrottled, undefined))
    const throttled = yield* client(url, transport)
    const succeeded = yield* sendAll(throttled, `${url}/x`, fibers, Deferred.await(isThrottled))
    return counted(fibers, succeeded, requestTimes, wait)
  }).pipe(Effect.scoped)

/** Figures in virtual time and over sockets. */
export interface ThrottleResult extends Stress.Measurements {
  readonly virtual: Counted & Stress.Measurements
  readonly live: Counted & Stress.Measurements
}

/**
 * Sends 1000 requests, or 300 in the short form, through a client that got one 429.
 *
 * @param wait - `Retry-After` over sockets, in seconds.
 */
export const measure =
  (client: Client, wait: number = seconds.live) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<ThrottleResult, Stress.CannotRun> =>
    Effect.gen(function* () {
      const fibers = short ? 300 : 1000
      yield* reportProgress(`${fibers} fibers, one 429, in virtual time`)
      const inVirtual = yield* virtual(client, fibers)
      yield* reportProgress(`${fibers} fibers, one 429, over sockets`)
      return { virtual: { ...inVirtual }, live: { ...(yield* live(client, fibers, wait)) } }
    }).pipe(Effect.mapError(Stress.cannotRun))

const both = (holds: (counted: Counted) => boolean) => (found: ThrottleResult) =>
  holds(found.virtual) && holds(found.live)

/** Assertions on the figures. */
export const assertions: Stress.Assertions<ThrottleResult> = {
  "every fiber gets a successful response": both(({ fibers, succeeded }) => succeeded === fibers),
  "no request is sent before Retry-After has passed": both(({ tooEarly }) => tooEarly === 0),
  "at most 10 % of the requests are sent in the first 100 ms": both(({ firstPercent }) => firstPercent <= 10),
  // Over sockets this depends on how soon a busy machine has read the 429.
  "some requests are sent in the first 100 ms of virtual time": ({ virtual }) => virtual.firstPercent > 0,
  "the last request is sent within five seconds": both(({ lastMillis }) => lastMillis <= 5000)
}

/** The case. */
export const throttle: Stress.Stress = Stress.make("throttle", measure(ours), assertions)
