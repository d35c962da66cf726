/** The token store on PostgreSQL: each operation compared with a bare statement through the same pool. */
import * as PostgresServer from "@countersign/testing/PostgresServer"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { median, percentile, round } from "../Numbers.js"
import type { Bench } from "./Bench.js"
import type { Operation } from "./sqlOperations.js"
import * as SqlOperations from "./sqlOperations.js"

/** One operation. Times are in milliseconds. */
export interface Row {
  readonly name: string
  readonly p50Millis: number
  readonly p99Millis: number
  /** The bare statement. */
  readonly bareP50Millis: number
  readonly bareP99Millis: number
  /** The median of the operation, divided by that of the bare statement. */
  readonly ratio: number
}

const timed = async (run: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now()
  await run()
  return performance.now() - begun
}

/** Runs all operations and their bare statements equally often, so that the first one is measured with compiled code too. */
const warmUp = async (operations: ReadonlyArray<Operation>, rounds: number): Promise<void> => {
  for (let number = 0; number < rounds; number++) {
    for (const { bare, ours } of operations) {
      await ours()
      await bare()
    }
  }
}

/** Runs an operation and its bare statement in turns, so that both have the same load of the machine. */
const measure = async ({ bare, name, ours }: Operation, rounds: number): Promise<Row> => {
  const [mine, theirs]: [Array<number>, Array<number>] = [[], []]
  for (let number = 0; number < rounds; number++) {
    mine.push(await timed(ours))
    theirs.push(await timed(bare))
  }
  return {
    name,
    p50Millis: round(median(mine), 3),
    p99Millis: round(percentile(mine, 0.99), 2),
    bareP50Millis: round(median(theirs), 3),
    bareP99Millis: round(percentile(theirs, 0.99), 2),
    ratio: round(median(mine) / median(theirs), 2)
  }
}

/** Runs the section: about half a minute. Without PostgreSQL and PgBouncer it has no rows. */
export const run = ({ quick, say }: Bench): Promise<ReadonlyArray<Row>> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const available = yield* Effect.either(
        Effect.zipRight(PostgresServer.available, PostgresServer.pgbouncerAvailable)
      )
      if (Either.isLeft(available)) {
        say(`skipped. ${available.left.message}`)
        return []
      }
      return yield* SqlOperations.withOperations((operations) =>
        Effect.promise(async () => {
          const rows: Array<Row> = []
          const rounds = quick ? 200 : 2_000
          await warmUp(operations, Math.ceil(rounds / 4))
          for (const operation of operations) {
            say(operation.name)
            rows.push(await measure(operation, rounds))
          }
          return rows
        })
      )
    })
  )
