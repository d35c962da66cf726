// Writes versions under the lock until it is killed. It prints a line after its first write.
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import * as Effect from "effect/Effect"

const [url = "", prefix = "", lease = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const redis = yield* RedisClient.make({ url })
  const store = yield* Effect.provideService(
    RedisTokenStore.make({ prefix, lease: Number(lease) }),
    RedisClient.RedisClient,
    redis
  )
  let isFirst = true
  return yield* TokenStoreContract.crashingWriter({
    ...store,
    compareAndSet: (key, expected, token) =>
      Effect.tap(store.compareAndSet(key, expected, token), () =>
        Effect.sync(() => {
          if (isFirst) process.stdout.write("written\n")
          isFirst = false
        })
      )
  })
})
await Effect.runPromise(Effect.scoped(program))
