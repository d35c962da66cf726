/**
 * A thousand fibers and one 429: nobody is sent before the time that the server named, then they come gradually, and all
 * are answered. In virtual time, and over sockets.
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

/** A client of a base URL over a transport. */
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

/** Holds whoever comes until the server's time, and then lets in all of them at once. */
const gateless = (): RateLimit.Service => {
  let opensAt = 0
  return {
    active: true,
    acquire: () => Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(Math.max(0, opensAt - now))),
    onResponse: (_, { headers, status }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (status === 429) opensAt = now + 1000 * Number(headers["retry-after"])
      })
  }
}

/** Ours as it comes. */
const ours: Client = make(() => undefined)

/** Ours without the hold, and with one that has no gate. */
export const unheld: Client = make(() => false)
export const ungated: Client = make(gateless)

/** What came of the fibers. */
interface Counted {
  readonly fibers: number
  readonly succeeded: number
  /** Sends after the 429 and before its time had come. */
  readonly tooEarly: number
  /** Of the fibers, the share that was sent in the first 100 ms after it had. */
  readonly firstPercent: number
  /** When the last was sent, in milliseconds after it had. */
  readonly lastMillis: number
}

const seconds = { virtual: 5, live: 2 }

/** How long an answer takes, in milliseconds. */
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

/** One call that is refused, and all the others at once after the client has read the refusal. */
const storm = (
  client: HttpClient.HttpClient.With<unknown>,
  url: string,
  fibers: number,
  isRefused: Effect.Effect<unknown>
) =>
  Effect.gen(function* () {
    const first = yield* Effect.fork(Effect.exit(client.get(url)))
    yield* isRefused
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
    const made = yield* client("https://api.test", transport)
    const succeeded = yield* storm(made, "https://api.test/x", fibers, Effect.void)
    // The refusal came with the answer, and so did the time that it named.
    return counted(fibers, succeeded, [(sentAt[0] ?? 0) + latency, ...sentAt.slice(1)], seconds.virtual)
  }).pipe(VirtualClock.run, Effect.withRandom(Random.make("hold")))

/** A server that refuses the first request, and the times at which it was asked. */
const serve = (
  seconds: number
): Effect.Effect<{ readonly url: string; readonly askedAt: ReadonlyArray<number> }, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly askedAt: Array<number>; readonly close: () => void }>((resume) => {
      const askedAt: Array<number> = []
      const server = createServer((_, response) => {
        askedAt.push(performance.now())
        const refuses = askedAt.length === 1
        const answer = () => {
          response.writeHead(refuses ? 429 : 200, refuses ? { "retry-after": String(seconds) } : {}).end()
        }
        if (refuses) answer()
        else setTimeout(answer, latency)
      })
      server.listen(0, "127.0.0.1", () => {
        // A server that listens on a port has an address of this kind.
        const { port } = server.address() as AddressInfo
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, askedAt, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const live = (client: Client, fibers: number, wait: number): Effect.Effect<Counted, unknown> =>
  Effect.gen(function* () {
    const { askedAt, url } = yield* serve(wait)
    const isRefused = yield* Deferred.make<void>()
    const transport = HttpClient.tap(yield* NodeTransport.make(), () => Deferred.succeed(isRefused, undefined))
    const made = yield* client(url, transport)
    const succeeded = yield* storm(made, `${url}/x`, fibers, Deferred.await(isRefused))
    return counted(fibers, succeeded, askedAt, wait)
  }).pipe(Effect.scoped)

/** In both times. */
export interface Hold extends Stress.Measurements {
  readonly virtual: Counted & Stress.Measurements
  readonly live: Counted & Stress.Measurements
}

/**
 * Sends a thousand fibers, or in short a few hundred, through a client that was refused once.
 *
 * @param wait - the seconds that the server names over sockets.
 */
export const measure =
  (client: Client, wait: number = seconds.live) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Hold, Stress.CannotRun> =>
    Effect.gen(function* () {
      const fibers = short ? 300 : 1000
      yield* reportProgress(`${fibers} fibers, one 429, in virtual time`)
      const inVirtual = yield* virtual(client, fibers)
      yield* reportProgress(`${fibers} fibers, one 429, over sockets`)
      return { virtual: { ...inVirtual }, live: { ...(yield* live(client, fibers, wait)) } }
    }).pipe(Effect.mapError(Stress.cannotRun))

const both = (is: (counted: Counted) => boolean) => (found: Hold) => is(found.virtual) && is(found.live)

/** What is promised of them. */
export const promises: Stress.Assertions<Hold> = {
  "every fiber gets its answer": both(({ fibers, succeeded }) => succeeded === fibers),
  "nobody is sent before the time that the server named": both(({ tooEarly }) => tooEarly === 0),
  "at most a tenth is sent in the first 100 ms": both(({ firstPercent }) => firstPercent <= 10),
  // Over sockets that depends on how soon a busy machine has read the refusal.
  "some are": ({ virtual }) => virtual.firstPercent > 0,
  "the last is sent within five seconds": both(({ lastMillis }) => lastMillis <= 5000)
}

/** The case. */
export const throttle: Stress.Stress = Stress.make("throttle", measure(ours), promises)
