// Acquires the lock named by its argument, prints "held" and holds the lock until it is killed.
import * as ProcessLock from "@countersign/node/ProcessLock"
import * as Effect from "effect/Effect"

const [path = ""] = process.argv.slice(2)
// A process without work would end. The timer prevents that.
setInterval(() => undefined, 1000)
await Effect.runPromise(
  Effect.gen(function* () {
    const locks = yield* ProcessLock.make()
    yield* Effect.sync(() => process.stdout.write("held\n")).pipe(Effect.zipRight(Effect.never), locks.withLock(path))
  })
)
