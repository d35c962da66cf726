/** Redis: how soon other processes start a throttle, and how soon a lock changes its process. Each has a control. */
import * as RedisServer from "@countersign/testing/RedisServer"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { setTimeout } from "node:timers/promises"
import { median, percentile, round } from "../Numbers.js"
import type { FleetMember, Hold, Kind } from "../programs/fleetMember.js"
import * as Remote from "../Remote.js"
import type { Bench } from "./Bench.js"

/** A delay beside its control. Times are in milliseconds. */
export interface Row {
  readonly name: string
  readonly control: string
  readonly samples: number
  readonly p50Millis: number
  readonly p99Millis: number
  readonly controlP50Millis: number
  readonly controlP99Millis: number
}

/** A process of the fleet. */
type Member = Remote.Remote<FleetMember>

/** Delays of one round. */
type Measure = (members: ReadonlyArray<Member>, kind: Kind, round: number) => Promise<ReadonlyArray<number>>

/** From the 429 of the first process until each other one throttles its requests. */
const throttled: Measure = async ([first, ...others], kind, round) => {
  const received = others.map((member) => member.call("receive", { kind, round }))
  // All processes look for it now.
  await setTimeout(3)
  const sent = (await first?.call("send", { kind, round })) ?? Number.NaN
  return (await Promise.all(received)).map((at) => at - sent)
}

/** From the end of the work under a lock until the next process has the lock. All processes want it at the same time. */
const handedOver: Measure = async (members, kind, round) => {
  const at = ((await members[0]?.call("now")) ?? 0) + 5
  const holds: ReadonlyArray<Hold> = await Promise.all(
    members.map((member) => member.call("hold", { kind, round, at }))
  )
  const inOrder = holds.toSorted((one, other) => one.acquired - other.acquired)
  return inOrder.slice(1).map(({ acquired }, index) => acquired - (inOrder[index]?.ended ?? Number.NaN))
}

/** Measures both kinds in turns, so that both have the same load of the machine. */
const inTurns = async (
  members: ReadonlyArray<Member>,
  measure: Measure,
  rounds: number
): Promise<Readonly<Record<Kind, ReadonlyArray<number>>>> => {
  const found: Record<Kind, Array<number>> = { ours: [], bare: [] }
  for (let round = -Math.ceil(rounds / 10); round < rounds; round++) {
    for (const kind of ["ours", "bare"] as const) {
      const delays = await measure(members, kind, round)
      if (round >= 0) found[kind].push(...delays)
    }
  }
  return found
}

const rowOf = (name: string, control: string, { bare, ours }: Readonly<Record<Kind, ReadonlyArray<number>>>): Row => ({
  name,
  control,
  samples: ours.length,
  p50Millis: round(median(ours), 2),
  p99Millis: round(percentile(ours, 0.99), 2),
  controlP50Millis: round(median(bare), 2),
  controlP99Millis: round(percentile(bare, 0.99), 2)
})

const measureAll = async (staged: string, port: number, rounds: number): Promise<ReadonlyArray<Row>> => {
  const members = Array.from({ length: 3 }, () => Remote.start<FleetMember>(staged, "fleetMember"))
  try {
    await Promise.all(members.map((member) => member.call("open", port)))
    const throttles = await inTurns(members, throttled, rounds)
    const locks = await inTurns(members, handedOver, rounds)
    return [
      rowOf("a 429 throttles the other processes", "PUBLISH", throttles),
      rowOf("hand-over of a lock held for 5 ms", "SET NX, asked after 3 to 5 ms", locks)
    ]
  } finally {
    await Promise.all(members.map((member) => member.stop()))
  }
}

/** Runs the section: about half a minute. Without `redis-server` it has no rows. */
export const run = ({ quick, say, staged }: Bench): Promise<ReadonlyArray<Row>> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const available = yield* Effect.either(RedisServer.available)
        if (Either.isLeft(available)) return []
        const { port } = yield* RedisServer.make()
        say("delays between processes")
        return yield* Effect.promise(() => measureAll(staged, port, quick ? 20 : 400))
      })
    )
  )
