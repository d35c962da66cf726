// Writes a new record with `replicas: 1` again and again. Prints the key, the outcome and the milliseconds of each write.
import * as Token from "@countersign/auth/Token"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const [url = "", prefix = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const redis = yield* RedisClient.make({ url })
  const store = yield* Effect.provideService(
    RedisTokenStore.make({ prefix, replicas: 1 }),
    RedisClient.RedisClient,
    redis
  )
  for (let number = 0; ; number++) {
    const key = `alone-${number}`
    const write = store.compareAndSet(key, 0, Token.bearer(Redacted.make("alone"), 0))
    const [took, result] = yield* Effect.timed(Effect.either(write))
    const outcome = Either.match(result, {
      onLeft: ({ detail, reason }) => `${reason}: ${detail}`,
      onRight: Option.match({ onNone: () => "refused", onSome: () => "stored" })
    })
    process.stdout.write(`${JSON.stringify({ key, ms: Duration.toMillis(took), outcome })}\n`)
    yield* Effect.sleep("200 millis")
  }
})
await Effect.runPromise(Effect.scoped(program))
