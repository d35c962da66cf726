/** Redis servers, clients and stores of tests. */
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as RedisServer from "@countersign/testing/RedisServer"
import type * as TokenStore from "@countersign/auth/TokenStore"
import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Redis } from "ioredis"

/** Whether `redis-server` is installed. Without it, the tests are skipped, which CI rejects. */
export const hasRedis = Either.isRight(Effect.runSync(Effect.either(RedisServer.available)))

/** A server for the tests of a file. The function returns it while a test runs. */
export const serverOfFile = (options?: RedisServer.Options): (() => RedisServer.Service) => {
  const scope = Effect.runSync(Scope.make())
  let server: RedisServer.Service | undefined
  beforeAll(async () => {
    if (hasRedis) server = await Effect.runPromise(Scope.extend(RedisServer.make(options), scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return () => {
    if (server === undefined) throw new Error("no test runs, or redis-server is missing")
    return server
  }
}

/** A plain client, to look at the data of a server and to change them. It is closed with the scope. */
export const plainClient = (port: number): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Redis(port, "127.0.0.1", { maxRetriesPerRequest: 0 }).on("error", () => undefined)),
    (redis) =>
      Effect.sync(() => {
        redis.disconnect()
      })
  )

/** Runs a command of a plain client. */
export const command = (port: number, name: string, ...args: ReadonlyArray<string>): Effect.Effect<unknown> =>
  Effect.scoped(Effect.flatMap(plainClient(port), (redis) => Effect.promise(() => redis.call(name, ...args))))

let prefixes = 0

/** A prefix that no other test has. */
export const newPrefix = (): string => `test-${process.pid}-${prefixes++}:`

/** A store with a connection of its own, as each process has one. */
export const openStore = (
  url: string,
  options: RedisTokenStore.Options,
  client: Partial<RedisClient.Options> = {}
): Effect.Effect<TokenStore.Service, unknown, Scope.Scope> =>
  Effect.flatMap(RedisClient.make({ url, ...client }), (redis) =>
    Effect.provideService(RedisTokenStore.make(options), RedisClient.RedisClient, redis)
  )
