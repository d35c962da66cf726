// In a worker thread: acquires the lock named by `workerData`, posts "held" and holds the lock until it is terminated.
import * as ProcessLock from "@countersign/node/ProcessLock"
import * as Effect from "effect/Effect"
import { parentPort, workerData } from "node:worker_threads"

await Effect.runPromise(
  Effect.gen(function* () {
    const locks = yield* ProcessLock.make()
    yield* Effect.sync(() => parentPort?.postMessage("held")).pipe(
      Effect.zipRight(Effect.never),
      locks.withLock(String(workerData))
    )
  })
)
