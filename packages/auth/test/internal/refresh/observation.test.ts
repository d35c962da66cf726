import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Observation } from "../../../src/internal/refresh/observation.js"
import * as Observations from "../../../src/internal/refresh/observation.js"
import { Machine } from "../../support/machine.js"

/** Looks at versions after pauses. A pause can be one of the monotonic clock, or a change of the wall clock alone. */
const looking = (
  looks: ReadonlyArray<{
    readonly version?: number
    readonly after?: number
    readonly moved?: number
    readonly readMs?: number
  }>
) =>
  Effect.gen(function* () {
    const machine = new Machine()
    let observation: Observation | undefined
    const over: Array<boolean> = []
    for (const { after = 1_000, moved = 0, readMs = 0, version = 7 } of looks) {
      yield* machine.pass(after)
      machine.moved += moved
      observation = Observations.looked(observation, { version, readMs }, machine)
      over.push(Observations.isOver(observation))
    }
    return over
  })

const pending = (n: number) => Array.from({ length: n }, () => false)

describe("observation", () => {
  it.live.each([
    ["4 seconds after the first look", [{}, {}, {}, {}, {}, {}], [...pending(4), true, true]],
    [
      "by the time since the first look, not the last one",
      [{}, { after: 2_000 }, { after: 1_999 }, { after: 1 }],
      [...pending(3), true]
    ],
    ["later, after more than 2 seconds without a look", [{}, {}, {}, { after: 2_001 }, {}], pending(5)],
    ["later, after a suspension, which the wall clock shows", [{}, {}, {}, { moved: 3_600_000 }, {}], pending(5)],
    [
      "by the monotonic clock if the wall clock was set back",
      [{}, {}, { moved: -60_000 }, {}, {}],
      [...pending(4), true]
    ],
    [
      "later, by four reads of a slow store",
      [{}, { after: 6_000, readMs: 1_000 }, { after: 1_999, readMs: 1_000 }, { after: 1 }],
      [...pending(3), true]
    ],
    [
      "later, after a slow read and more than 2 seconds more",
      [{}, {}, { after: 6_001, readMs: 1_000 }, {}, {}],
      pending(5)
    ],
    ["later, for another version", [{}, {}, {}, {}, { version: 8 }], pending(5)]
  ] as const)("ends the wait %s", ([, looks, expected]) =>
    Effect.map(looking(looks), (over) => expect(over).toEqual(expected))
  )
})
