import { describe, expect, it } from "@effect/vitest"
import type { Denied, Granted, Requested, StepUpState } from "../../../src/internal/refresh/stepUpState.js"
import * as StepUpStates from "../../../src/internal/refresh/stepUpState.js"

const scopes = (...all: ReadonlyArray<string>) => ({ scopes: all, acrValues: [] })
const [read, write, both] = [scopes("read"), scopes("write"), scopes("read", "write")]

const grant = { challenge: read, generation: 1 }
const denial = { challenge: write, at: 1_000 }
const { none } = StepUpStates
const requested: Requested = { _tag: "Requested", challenge: read, grant: undefined, denial: undefined }
const further: Requested = { _tag: "Requested", challenge: both, grant, denial }
const granted: Granted = { _tag: "Granted", grant, denial: undefined }
const grantedAndDenied: Granted = { _tag: "Granted", grant, denial }
const denied: Denied = { _tag: "Denied", denial }

const states = { none, requested, further, granted, grantedAndDenied, denied } as const
type Name = keyof typeof states

const forEach = (state: StepUpState): Record<Name, StepUpState> => ({
  ...{ none: state, requested: state, further: state },
  ...{ granted: state, grantedAndDenied: state, denied: state }
})

/** The next state of each state for each event. */
const table: Readonly<Record<string, readonly [(state: StepUpState) => StepUpState, Record<Name, StepUpState>]>> = {
  "a challenge for `write`": [
    (state) => StepUpStates.requested(state, write),
    {
      none: { ...requested, challenge: write },
      requested: { ...requested, challenge: both },
      further,
      granted: { ...further, denial: undefined },
      grantedAndDenied: further,
      denied: { ...requested, challenge: write, denial }
    }
  ],
  "a token for `read`": [
    (state) => StepUpStates.granted(state, { challenge: read, generation: 2 }),
    {
      none: { ...granted, grant: { challenge: read, generation: 2 } },
      requested: { ...granted, grant: { challenge: read, generation: 2 } },
      further: { ...further, grant: { challenge: read, generation: 2 } },
      granted: { ...granted, grant: { challenge: read, generation: 2 } },
      grantedAndDenied: { ...grantedAndDenied, grant: { challenge: read, generation: 2 } },
      denied: { ...grantedAndDenied, grant: { challenge: read, generation: 2 } }
    }
  ],
  "an outage of a request for `read`": [
    (state) => StepUpStates.failed(state, read),
    { none, requested: none, further, granted, grantedAndDenied, denied }
  ],
  "an outage of a request for both": [
    (state) => StepUpStates.failed(state, both),
    { none, requested: none, further: grantedAndDenied, granted, grantedAndDenied, denied }
  ],
  "a denial of `read`": [
    (state) => StepUpStates.denied(state, { challenge: read, at: 2_000 }),
    forEach({ ...denied, denial: { challenge: read, at: 2_000 } })
  ],
  "a denial of both": [
    (state) => StepUpStates.denied(state, { challenge: both, at: 2_000 }),
    {
      none: { ...denied, denial: { challenge: both, at: 2_000 } },
      requested: { ...denied, denial: { challenge: both, at: 2_000 } },
      further: { ...granted, denial: { challenge: both, at: 2_000 } },
      granted: { ...granted, denial: { challenge: both, at: 2_000 } },
      grantedAndDenied: { ...granted, denial: { challenge: both, at: 2_000 } },
      denied: { ...denied, denial: { challenge: both, at: 2_000 } }
    }
  ],
  "30 seconds less a millisecond": [(state) => StepUpStates.at(state, 30_999), states],
  "30 seconds": [
    (state) => StepUpStates.at(state, 31_000),
    {
      none,
      requested,
      further: { ...further, denial: undefined },
      granted,
      grantedAndDenied: granted,
      denied: none
    }
  ]
}

const rows = Object.entries(table).flatMap(([event, [transition, next]]) =>
  (Object.keys(states) as ReadonlyArray<Name>).map((name) => [name, event, transition, next[name]] as const)
)

describe("StepUpState", () => {
  it.each(rows)("goes from %s by %s to its next state", (name, _, transition, expected) => {
    expect(transition(states[name])).toEqual(expected)
  })

  it.each([
    ["none", undefined],
    ["requested", read],
    ["further", both],
    ["granted", read],
    ["grantedAndDenied", read],
    ["denied", undefined]
  ] as const)("requests in state %s: %o", (name, challenge) => {
    expect(StepUpStates.challengeOf(states[name])).toEqual(challenge)
  })

  it("satisfies a granted challenge for the token of its generation only", () => {
    for (const state of [granted, grantedAndDenied, further]) {
      expect(StepUpStates.isGranted(state, read, 1)).toBe(true)
      expect(StepUpStates.isGranted(state, read, 2)).toBe(false)
      expect(StepUpStates.isGranted(state, both, 1)).toBe(false)
    }
    for (const state of [none, requested, denied]) expect(StepUpStates.isGranted(state, read, undefined)).toBe(false)
  })

  it("denies an equal challenge only", () => {
    for (const state of [denied, grantedAndDenied, further]) {
      expect(StepUpStates.isDenied(state, write)).toBe(true)
      expect(StepUpStates.isDenied(state, both)).toBe(false)
    }
    for (const state of [none, requested, granted]) expect(StepUpStates.isDenied(state, write)).toBe(false)
  })

  it("cannot express a grant without its generation, nor a denial without its time", () => {
    // @ts-expect-error a grant has the generation of its token
    const ungenerated: StepUpState = { _tag: "Granted", grant: { challenge: read }, denial: undefined }
    // @ts-expect-error a denial expires
    const endless: StepUpState = { _tag: "Denied", denial: { challenge: read } }
    // @ts-expect-error nothing is granted or denied
    const nothing: StepUpState = { _tag: "None", grant }
    expect([ungenerated, endless, nothing]).toHaveLength(3)
  })
})
