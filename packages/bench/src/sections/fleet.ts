/** Redis: the store compared with bare commands, and the limiter compared with rate-limiter-flexible, in one run. */
import * as RedisServer from "@countersign/testing/RedisServer"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { FleetProgram, Rounds, Setup } from "../programs/fleet.js"
import { median, round } from "../Numbers.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** A figure beside its control. */
export interface Row {
  readonly name: string
  readonly control: string
  /** Milliseconds of one operation, or operations per second. */
  readonly unit: "ms" | "per second"
  readonly value: number
  readonly controlValue: number
  /** Median of the ratios to the control in each round, with the least and the most. */
  readonly ratio: number
  readonly spread: readonly [least: number, most: number]
}

const rowsOf = (
  found: Rounds,
  unit: Row["unit"],
  pairs: ReadonlyArray<readonly [name: string, control: string]>
): ReadonlyArray<Row> =>
  pairs.map(([name, control]) => {
    const [values = [], controls = []] = [found[name], found[control]]
    const ratios = values.map((value, index) => value / (controls[index] ?? Number.NaN))
    const digits = unit === "ms" ? 3 : 0
    return {
      name,
      control,
      unit,
      value: round(median(values), digits),
      controlValue: round(median(controls), digits),
      ratio: round(median(ratios), 2),
      spread: [round(Math.min(...ratios), 2), round(Math.max(...ratios), 2)]
    }
  })

/** Runs the section: about a minute. Without `redis-server` it has no rows. */
export const run = ({ quick, say, staged }: Bench): Promise<ReadonlyArray<Row>> => {
  const measure = (method: keyof FleetProgram, port: number) =>
    Effect.acquireUseRelease(
      Effect.sync(() => Remote.start<FleetProgram>(staged, "fleet")),
      (remote) => {
        const setup: Setup = { port, rounds: quick ? 3 : 9, commands: quick ? 200 : 1000, millis: quick ? 200 : 1000 }
        say(method)
        return Effect.promise(() => remote.call(method, setup))
      },
      (remote) => Effect.promise(() => remote.stop())
    )
  return Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const available = yield* Effect.either(RedisServer.available)
        if (Either.isLeft(available)) {
          say(`skipped. ${available.left.message}`)
          return []
        }
        const { port } = yield* RedisServer.make({ args: ["--repl-diskless-sync-delay", "0"] })
        const alone = yield* measure("alone", port)
        const limiter = yield* measure("limiter", port)
        yield* RedisServer.make({ args: ["--replicaof", "127.0.0.1", String(port)] })
        // The replica has the data of the primary soon after it is ready.
        yield* Effect.sleep("3 seconds")
        const replicated = yield* measure("replicated", port)
        return [
          ...rowsOf(alone, "ms", [
            ["get", "GET"],
            ["compareAndSet", "SET"]
          ]),
          ...rowsOf(replicated, "ms", [["compareAndSet, WAIT", "SET, WAIT"]]),
          ...rowsOf(limiter, "per second", [
            ["fixed-window", "rate-limiter-flexible"],
            ["sliding-window", "rate-limiter-flexible"],
            ["token-bucket", "rate-limiter-flexible"]
          ])
        ]
      })
    )
  )
}
