/** Redis: the store and the limiter, each in turns with a bare command or with another library. */
import * as Token from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type * as RateLimiter from "@countersign/client/RateLimiter"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimiter from "@countersign/redis/RedisRateLimiter"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Cluster } from "ioredis"
import { Redis } from "ioredis"
import { RateLimiterRedis } from "rate-limiter-flexible"
import { median } from "../Numbers.js"
import { answer } from "../Remote.js"

/** A server, and how much to measure. */
export interface Setup {
  readonly port: number
  readonly rounds: number
  /** Commands in a round of latencies. */
  readonly commands: number
  /** Milliseconds of a round of rates. */
  readonly millis: number
}

/** The figures of each round, by name. */
export type Rounds = Readonly<Record<string, ReadonlyArray<number>>>

/** A token of 2.4 kB, and the text that a bare command stores. */
const text = "x".repeat(1200)
const token: Token.Token = { ...Token.bearer(Redacted.make(text), 0), refreshToken: Redacted.make(text) }

/** Median of the milliseconds that an effect takes, one after the other. */
const latency = (times: number, one: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const found = new Array<number>()
    for (let index = 0; index < times; index++) {
      const begun = performance.now()
      yield* one
      found.push(performance.now() - begun)
    }
    return median(found)
  })

/** The same of a promise, without an Effect. */
const bareLatency = (times: number, one: () => Promise<unknown>) =>
  Effect.promise(async () => {
    const found = new Array<number>()
    for (let index = 0; index < times; index++) {
      const begun = performance.now()
      await one()
      found.push(performance.now() - begun)
    }
    return median(found)
  })

/** Runs each case in each round, after one round that does not count. */
const inTurns = (rounds: number, cases: Readonly<Record<string, Effect.Effect<number, unknown>>>) =>
  Effect.gen(function* () {
    const found: Record<string, Array<number>> = Object.fromEntries(Object.keys(cases).map((name) => [name, []]))
    for (let round = 0; round <= rounds; round++) {
      for (const [name, one] of Object.entries(cases)) {
        const value = yield* one
        if (round > 0) found[name]?.push(value)
      }
    }
    return found
  })

const plainClient = (port: number) => new Redis(port, "127.0.0.1").on("error", () => undefined)

const open = ({ port }: Setup) => RedisClient.make({ url: `redis://127.0.0.1:${port}` })

/** Writes a record again and again. */
const makeWrite = (store: TokenStore.Service) => {
  let version = 0
  return Effect.suspend(() =>
    Effect.map(store.compareAndSet(`written-${process.pid}`, version, token), (stored) => {
      version = Option.getOrThrow(stored).version
    })
  )
}

const storeOf = (redis: Redis | Cluster, replicas: number | "auto") =>
  Effect.provideService(
    RedisTokenStore.make({ prefix: `bench-${replicas}:`, replicas }),
    RedisClient.RedisClient,
    redis
  )

/** Latencies of one caller without a replica. */
const alone = (setup: Setup) =>
  Effect.gen(function* () {
    const bare = plainClient(setup.port)
    const store = yield* storeOf(yield* open(setup), "auto")
    yield* store.compareAndSet("read", 0, token)
    yield* Effect.promise(() => bare.set("bare", text + text))
    return yield* inTurns(setup.rounds, {
      GET: bareLatency(setup.commands, () => bare.get("bare")),
      get: latency(setup.commands, store.get("read")),
      SET: bareLatency(setup.commands, () => bare.set("bare", text + text)),
      compareAndSet: latency(setup.commands, makeWrite(store))
    })
  })

/** Latencies of one caller that waits for a replica. */
const replicated = (setup: Setup) =>
  Effect.gen(function* () {
    const bare = plainClient(setup.port)
    const store = yield* storeOf(yield* open(setup), "auto")
    return yield* inTurns(setup.rounds, {
      "SET, WAIT": bareLatency(setup.commands, () =>
        bare
          .pipeline()
          .set("bare", text + text)
          .wait(1, 1000)
          .exec()
      ),
      "compareAndSet, WAIT": latency(setup.commands, makeWrite(store))
    })
  })

/** Callers of one limit. */
const callers = 64

/** Completed requests per second of 64 fibers. */
const rate = (millis: number, one: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const begun = performance.now()
    let completed = 0
    const caller = Effect.gen(function* () {
      while (performance.now() - begun < millis) {
        yield* one
        completed++
      }
    })
    yield* Effect.all(
      Array.from({ length: callers }, () => caller),
      { concurrency: "unbounded", discard: true }
    )
    return (completed / (performance.now() - begun)) * 1000
  })

/** The same of promises, without an Effect. */
const bareRate = (millis: number, one: () => Promise<unknown>) =>
  Effect.promise(async () => {
    const begun = performance.now()
    let completed = 0
    const caller = async () => {
      while (performance.now() - begun < millis) {
        await one()
        completed++
      }
    }
    await Promise.all(Array.from({ length: callers }, caller))
    return (completed / (performance.now() - begun)) * 1000
  })

/** Rates of 64 callers of one key, all within the limit. */
const limiter = (setup: Setup) =>
  Effect.gen(function* () {
    const others = new RateLimiterRedis({ storeClient: plainClient(setup.port), points: 100_000_000, duration: 10 })
    const ours = yield* Effect.provideService(
      // A busy machine must not make the limiter count alone.
      RedisRateLimiter.make({ onUnavailable: "fail", timeout: "1 minute" }),
      RedisClient.RedisClient,
      yield* open(setup)
    )
    const of = (algorithm: RateLimiter.Algorithm) =>
      rate(setup.millis, ours.consume({ key: "k", limit: 100_000_000, window: "10 seconds", algorithm }))
    return yield* inTurns(setup.rounds, {
      "rate-limiter-flexible": bareRate(setup.millis, () => others.consume("k")),
      "fixed-window": of("fixed-window"),
      "sliding-window": of("sliding-window"),
      "token-bucket": of("token-bucket")
    })
  })

const methods = {
  alone: (setup: Setup): Promise<Rounds> => Effect.runPromise(Effect.scoped(alone(setup))),
  replicated: (setup: Setup): Promise<Rounds> => Effect.runPromise(Effect.scoped(replicated(setup))),
  limiter: (setup: Setup): Promise<Rounds> => Effect.runPromise(Effect.scoped(limiter(setup)))
}

/** The methods of the process. */
export type FleetProgram = typeof methods

answer(methods)
