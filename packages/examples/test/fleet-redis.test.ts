/** The program of the guide about fleets, on a Redis. */
import * as RedisClient from "@countersign/redis/RedisClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { randomBytes } from "node:crypto"
import * as Fleet from "../src/fleet-redis.js"
import { config } from "./support/shownOutput.js"
import { signIn } from "./support/signIn.js"

const hasRedis = Either.isRight(Effect.runSync(Effect.either(RedisServer.available)))

describe.skipIf(!hasRedis)("fleet-redis.ts", () => {
  it.scopedLive("refreshes once for four machines, and stores no readable token", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer.make()
      const environment = config({
        CLIENT_SECRET: "secret",
        TOKEN_KEY: randomBytes(32).toString("base64"),
        REDIS_URL: url
      })
      const machine = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        environment(Effect.provide(effect, Layer.fresh(Fleet.ApiLive)))
      const refreshToken = yield* machine(signIn)
      const responses = yield* Effect.all(
        Array.from({ length: 4 }, () => machine(Fleet.program)),
        { concurrency: "unbounded" }
      )
      for (const response of responses) expect(yield* response.json).toMatchObject({ ok: true })
      const oauth = yield* OAuthServer.OAuthServer
      expect([yield* oauth.refreshCalls, yield* oauth.revokedFamilies]).toEqual([1, 0])
      const redis = yield* RedisClient.make({ url })
      const [key = ""] = yield* Effect.promise(() => redis.keys("countersign:token:*"))
      const record = JSON.stringify(yield* Effect.promise(() => redis.hgetall(key)))
      expect(record).toContain("sealed/v1")
      expect(record).not.toContain(refreshToken)
    }).pipe(Effect.provide(OAuthServer.layerMemory()))
  )
})
