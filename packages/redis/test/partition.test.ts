/** A network partition between three machines of Sentinel: the primary is cut off, and returns as a replica. */
import * as Token from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Cluster, Redis } from "ioredis"
import { once } from "node:events"
import { hasNetworks } from "./support/network.js"
import type { Program } from "./support/program.js"
import { nextLine, runOn } from "./support/program.js"
import { eventually, scoped, token } from "./support/records.js"
import { ask, clusterMachines, port, sentinelMachines, sentinelPort, untilAnswer } from "./support/redisMachines.js"
import { hasRedis } from "./support/server.js"

/** A write or a read of the client: `commandTimeout` (3 s), and time for a busy machine. */
const bound = 8_000

/** Writes records of some accounts in turns, each with the version that the last read or write found. */
class Writer {
  /** The last acknowledged write of each account. */
  readonly acknowledged = new Map<string, { readonly version: number; readonly text: string }>()
  readonly failures = new Array<{ readonly reason: string; readonly ms: number }>()
  /** Reads that found an older record than the acknowledged one. */
  lost = 0
  stored = 0
  readonly #store: TokenStore.Service
  readonly #versions = new Map<string, number>()
  #number = 0

  constructor(store: TokenStore.Service) {
    this.#store = store
  }

  /** Writes once. After a failure, it reads the version again, as a token source does. */
  readonly write = Effect.gen(this, function* () {
    const number = this.#number++
    const [account, text] = [`account-${number % 5}`, `token-${number}`]
    const version = this.#versions.get(account) ?? 0
    const token = Token.bearer(Redacted.make(text), 0)
    const [took, result] = yield* Effect.timed(Effect.either(this.#store.compareAndSet(account, version, token)))
    if (Either.isRight(result) && Option.isSome(result.right)) {
      this.stored++
      this.acknowledged.set(account, { version: result.right.value.version, text })
      this.#versions.set(account, result.right.value.version)
      return
    }
    if (Either.isLeft(result)) this.failures.push({ reason: result.left.reason, ms: Duration.toMillis(took) })
    const [waited, found] = yield* Effect.timed(Effect.either(this.#store.get(account)))
    if (Either.isLeft(found)) this.failures.push({ reason: found.left.reason, ms: Duration.toMillis(waited) })
    else {
      const current = Option.match(found.right, { onNone: () => 0, onSome: ({ version }) => version })
      this.#versions.set(account, current)
      if (current < (this.acknowledged.get(account)?.version ?? 0)) this.lost++
    }
  })
}

/** A client that is closed with the scope. */
const closing = <C extends Redis | Cluster>(client: C) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      client.on("error", () => undefined)
      return client
    }),
    () =>
      Effect.sync(() => {
        client.disconnect()
      })
  )

/** The store over a client of the application. */
const openWith = (client: Redis | Cluster, options?: RedisTokenStore.Options) =>
  Effect.flatMap(Layer.build(RedisClient.fromClient(client)), (context) =>
    Effect.provide(RedisTokenStore.make(options), context)
  )

const openThrough = (addresses: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const client = yield* closing(
      new Redis({
        ...RedisClient.connectionOptions,
        name: "primary",
        sentinels: addresses.map((host) => ({ host, port: sentinelPort })),
        sentinelRetryStrategy: () => 100
      })
    )
    return { client, store: yield* openWith(client, { replicas: 1 }) }
  })

/** A write of the program `writeAlone`. */
interface Written {
  readonly key: string
  readonly outcome: string
  readonly ms: number
}

/** The writes of the program until one has an outcome that begins so. */
const writtenBy = (alone: Program, outcome: string) =>
  Effect.gen(function* () {
    const found = new Array<Written>()
    while (found.at(-1)?.outcome.startsWith(outcome) !== true) {
      if (found.length > 50) return yield* Effect.dieMessage(`no write ended with ${outcome}`)
      // The program prints these objects.
      found.push(JSON.parse((yield* nextLine(alone)) ?? "") as Written)
    }
    return found
  })

/** Opens an idle connection. Returns the milliseconds from now until it ends. */
const closed = (host: string) =>
  Effect.gen(function* () {
    const client = yield* closing(new Redis({ ...RedisClient.connectionOptions, host }))
    yield* Effect.promise(() => once(client, "ready"))
    const begun = performance.now()
    const end = new Promise<number>((resolve) => {
      client.once("close", () => {
        resolve(performance.now() - begun)
      })
    })
    return Effect.promise(() => end)
  })

describe.skipIf(!hasRedis || !hasNetworks)("RedisTokenStore in a partition", () => {
  scoped("loses no acknowledged record while Sentinel replaces a primary that is cut off", () =>
    Effect.gen(function* () {
      const all = yield* sentinelMachines
      const [primary] = all
      if (primary === undefined) return yield* Effect.dieMessage("no machine was made")
      const { client, store } = yield* openThrough(all.map(({ address }) => address))
      const writer = new Writer(store)
      yield* Effect.repeatN(writer.write, 50)
      expect(writer.stored).toBeGreaterThan(25)
      expect(client.stream.remoteAddress).toBe(primary.address)
      const alone = yield* runOn(primary, "writeAlone", `redis://127.0.0.1:${port}`, "countersign:token:")
      const stored = yield* writtenBy(alone, "stored")
      const idle = yield* closed(primary.address)

      const before = writer.stored
      yield* primary.cut
      const [outage] = yield* Effect.timed(
        Effect.repeat(writer.write, { until: () => writer.stored > before + 5, times: 500 })
      )
      expect(Duration.toMillis(outage)).toBeLessThan(40_000)
      // Reads have a connection of their own.
      yield* eventually(store.get("account-0"))
      expect(client.stream.remoteAddress).not.toBe(primary.address)
      for (const { ms, reason } of writer.failures) {
        expect(["ReadFailed", "WriteFailed"]).toContain(reason)
        expect(ms).toBeLessThan(bound)
      }
      // The old primary still takes itself for one, but neither rejects nor confirms a write of its own machine.
      expect(yield* ask(primary, "role")).toContain("master")
      const rejected = yield* writtenBy(alone, "WriteFailed: Redis: 0 of 1 replicas")
      const refused = yield* writtenBy(alone, "WriteFailed: Redis: NOREPLICAS")
      for (const { ms } of [...rejected, ...refused]) expect(ms).toBeLessThan(bound)
      expect(yield* idle).toBeLessThan(40_000)

      yield* primary.mend
      yield* untilAnswer(/role:slave[\s\S]*master_link_status:up/, primary, "info", "replication")
      yield* Effect.repeatN(writer.write, 50)
      expect(writer.lost).toBe(0)
      for (const [account, { text, version }] of writer.acknowledged) {
        const found = yield* eventually(store.get(account))
        expect(Option.map(found, (record) => [record.version, Redacted.value(record.token.accessToken)])).toEqual(
          Option.some([version, text])
        )
      }
      const confirmed = [...stored, ...rejected, ...refused].filter(({ outcome }) => outcome === "stored")
      for (const { key } of confirmed) expect(Option.isSome(yield* store.get(key))).toBe(true)
    })
  )

  scoped("loses no acknowledged record while a cluster replaces a primary that is cut off", () =>
    Effect.gen(function* () {
      const all = yield* clusterMachines
      const client = yield* closing(
        new Cluster(
          all.map(({ address }) => ({ host: address, port })),
          { redisOptions: RedisClient.connectionOptions }
        )
      )
      const store = yield* openWith(client)
      const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`)
      for (const key of keys) yield* store.compareAndSet(key, 0, token)
      const before = all[0] === undefined ? "" : yield* ask(all[0], "dbsize")
      expect(Number(before)).toBeGreaterThan(0)

      yield* all[0]?.cut ?? Effect.void
      const [read] = yield* Effect.timed(
        Effect.forEach(keys, (key) => eventually(store.get(key)), { concurrency: "unbounded" })
      )
      // A write that was not acknowledged may be stored, so the next try then finds another version.
      const [written] = yield* Effect.timed(
        Effect.forEach(keys, (key) => eventually(store.compareAndSet(key, 1, token)), { concurrency: "unbounded" })
      )
      for (const took of [read, written]) expect(Duration.toMillis(took)).toBeLessThan(30_000)
      for (const key of keys) {
        expect(Option.map(yield* store.get(key), ({ version }) => version)).toEqual(Option.some(2))
      }
    })
  )
})
