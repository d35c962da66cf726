/** One process of a fleet: it receives throttles and takes locks, ours and bare ones, by a clock that processes share. */
import type * as TokenStore from "@countersign/auth/TokenStore"
import type * as RateLimit from "@countersign/client/RateLimit"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import { randomInt, randomUUID } from "node:crypto"
import { setImmediate, setTimeout } from "node:timers/promises"
import { answer } from "../Remote.js"

/** How a process held a lock, in milliseconds of the monotonic clock of the machine. */
export interface Hold {
  readonly acquired: number
  /** When the work under the lock has ended, before the lock is released. */
  readonly ended: number
}

/** The way a figure is measured: with this library, or with bare commands. */
export type Kind = "ours" | "bare"

const holdMs = 5

/** `CLOCK_MONOTONIC` is one clock for all processes of a machine. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6

const openParts = (port: number) =>
  Effect.gen(function* () {
    const redis = yield* RedisClient.make({ url: `redis://127.0.0.1:${port}` })
    const parts = Effect.all({
      throttle: RedisRateLimit.throttle({ onExceeded: "fail", prefix: "delay:" }),
      store: RedisTokenStore.make({ prefix: "delay:" })
    })
    return yield* Effect.provideService(parts, RedisClient.RedisClient, redis)
  })

interface Member {
  readonly throttle: RateLimit.Service
  readonly store: TokenStore.Service
  readonly bare: Redis
  /** The messages that the bare connection has received. */
  readonly received: Set<string>
}

let member: Promise<Member> | undefined

const open = async (port: number): Promise<Member> => {
  const scope = Effect.runSync(Scope.make())
  const parts = await Effect.runPromise(Scope.extend(openParts(port), scope))
  const connect = () => new Redis(port, "127.0.0.1").on("error", () => undefined)
  const received = new Set<string>()
  const subscriber = connect().on("message", (_channel: string, message: string) => received.add(message))
  await subscriber.subscribe("bare")
  return { ...parts, bare: connect(), received }
}

const opened = (): Promise<Member> => member ?? Promise.reject(new Error("the process has no connection"))

/** Each round has an origin of its own, so that no throttle of an earlier one is left. */
const requestOf = (round: number) => HttpClientRequest.get(`https://api-${round}.example.com/`)

/** Sends a throttle. Returns when this process had received the 429. */
const send = async ({ kind, round }: { readonly kind: Kind; readonly round: number }): Promise<number> => {
  const { bare, throttle } = await opened()
  const request = requestOf(round)
  const response = HttpClientResponse.fromWeb(
    request,
    new Response(null, { status: 429, headers: { "retry-after": "9" } })
  )
  const begun = now()
  if (kind === "bare") void bare.publish("bare", String(round))
  else await Effect.runPromise(throttle.onResponse(request, response))
  return begun
}

/** Returns when a request would wait in this process, or when it has the bare message. Looks in each turn of the event loop. */
const receive = async ({ kind, round }: { readonly kind: Kind; readonly round: number }): Promise<number> => {
  const { received, throttle } = await opened()
  const acquire = Effect.isFailure(throttle.acquire(requestOf(round), {}))
  const isThrottled = () => (kind === "bare" ? received.has(String(round)) : Effect.runSync(acquire))
  const last = now() + 10_000
  while (!isThrottled()) {
    if (now() > last) throw new Error("no throttle was received in 10 s")
    await setImmediate()
  }
  return now()
}

/** Sleeps until a time of the shared clock. */
const until = (time: number): Promise<void> => setTimeout(Math.max(0, time - now()))

const held = async (): Promise<Hold> => {
  const acquired = now()
  await setTimeout(holdMs)
  return { acquired, ended: now() }
}

const release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

/** The usual lock: `SET NX PX`, asked again after 3 to 5 ms, and removed by its owner. */
const holdBare = async ({ bare }: Member, name: string): Promise<Hold> => {
  const owner = randomUUID()
  while ((await bare.set(name, owner, "PX", 30_000, "NX")) === null) await setTimeout(randomInt(3, 6))
  const hold = await held()
  await bare.eval(release, 1, name, owner)
  return hold
}

/** Takes a lock at a given time, holds it for 5 ms, and releases it. */
const hold = async ({
  at,
  kind,
  round
}: {
  readonly kind: Kind
  readonly round: number
  readonly at: number
}): Promise<Hold> => {
  const one = await opened()
  await until(at)
  return kind === "bare"
    ? holdBare(one, `bare-${round}`)
    : Effect.runPromise(one.store.withLock(`lock-${round}`)(Effect.promise(held)))
}

const methods = {
  open: async (port: number): Promise<void> => {
    member = open(port)
    await member
    // The connection for messages is subscribed soon after.
    await setTimeout(500)
  },
  now,
  send,
  receive,
  hold
}

/** The methods of the process. */
export type FleetMember = typeof methods

answer(methods)
