// Takes the lock named by its argument, says so, and keeps it until it is killed.
import * as ProcessLock from "@countersign/node/ProcessLock"
import * as Effect from "effect/Effect"

const [path = ""] = process.argv.slice(2)
// An idle process would end; a timer keeps this one.
setInterval(() => undefined, 1000)
await Effect.runPromise(
  Effect.gen(function* () {
    const locks = yield* ProcessLock.make()
    yield* Effect.sync(() => process.stdout.write("held\n")).pipe(Effect.zipRight(Effect.never), locks.withLock(path))
  })
)
