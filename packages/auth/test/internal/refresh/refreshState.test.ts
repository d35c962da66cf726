import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Intent from "../../../src/internal/refresh/intent.js"
import type { BackingOff, InProgress, Invalid } from "../../../src/internal/refresh/refreshState.js"
import * as RefreshState from "../../../src/internal/refresh/refreshState.js"

const outage = new TokenError({ reason: "Unavailable", sent: "no", detail: "scripted" })
const lost = new TokenError({ reason: "Unavailable", sent: "maybe", detail: "scripted" })
const invalidGrant = new TokenError({ reason: "ReauthorizationRequired", detail: "scripted" })
const unreadable = new TokenStoreError({ reason: "ReadFailed", detail: "scripted" })

const ours: Intent.Intent = { _tag: "Ours", startedAt: 1 }
const oursFailed: Intent.Intent = { _tag: "OursFailed", startedAt: 1 }
const retry = { at: 400, failures: 3, error: outage }

const inProgress: InProgress = { _tag: "InProgress", intent: ours, isStepUpDenied: false, quietUntil: 300, retry }
const stepUpDenied: InProgress = { ...inProgress, isStepUpDenied: true }
const backingOff: BackingOff = { _tag: "BackingOff", intent: ours, quietUntil: 300, retry }
const invalid: Invalid = { _tag: "Invalid", error: invalidGrant, version: 7, quietUntil: 300, isLogged: false }
const { idle } = RefreshState

const failure = (
  error: RefreshState.Failed["error"],
  more: Partial<RefreshState.Failed> = {}
): RefreshState.Failed => ({
  ...{ error, now: 1_000, retryAt: 1_000, retry: { at: 5_000, failures: 4 }, expiresAt: 60_000 },
  ...more
})
const quiet = { quietUntil: 31_000 }
const next = { at: 5_000, failures: 4, error: outage }

describe("RefreshState.start", () => {
  it.each([
    ["Idle", idle, { quietUntil: Number.NEGATIVE_INFINITY, retry: undefined }],
    ["InProgress, after it was given up", inProgress, { quietUntil: 300, retry }],
    ["InProgress with a denied step-up", stepUpDenied, { quietUntil: 300, retry }],
    ["BackingOff", backingOff, { quietUntil: 300, retry }]
  ] as const)("goes from %s to InProgress", (_, state, waits) => {
    const started = { _tag: "InProgress", intent: oursFailed, isStepUpDenied: false, ...waits }
    expect(RefreshState.start(state, oursFailed)).toEqual(started)
  })
})

describe("RefreshState in progress", () => {
  it.each([
    ["stepUpDenied", RefreshState.stepUpDenied(inProgress), stepUpDenied],
    ["requestFailed without a response", RefreshState.requestFailed(inProgress, lost), inProgress],
    [
      "requestFailed with an unsent request",
      RefreshState.requestFailed(inProgress, outage),
      { ...inProgress, intent: oursFailed }
    ],
    ["rejected", RefreshState.rejected(inProgress, invalidGrant, 7), invalid]
  ])("goes on by %s", (_, state, expected) => {
    expect(state).toEqual(expected)
  })
})

describe("RefreshState.recordRead", () => {
  it.each([
    ["Idle", idle, 7, idle],
    ["InProgress", inProgress, 7, inProgress],
    ["BackingOff", backingOff, 7, backingOff],
    ["Invalid, with the same version", invalid, 7, invalid],
    ["Invalid, with another version", invalid, 8, idle]
  ] as const)("%s", (_, state, version, expected) => {
    expect(RefreshState.recordRead(state, version)).toBe(expected)
  })
})

describe("RefreshState.tokenCached", () => {
  it.each([
    ["Idle", idle, idle],
    ["InProgress", inProgress, { ...inProgress, quietUntil: Number.NEGATIVE_INFINITY, retry: undefined }],
    ["BackingOff", backingOff, idle],
    ["Invalid", invalid, idle]
  ] as const)("forgets the failures of %s", (_, state, expected) => {
    expect(RefreshState.tokenCached(state)).toEqual(expected)
  })
})

describe("RefreshState.failed", () => {
  const after = (intent: Intent.Intent, waits: object) => ({ _tag: "BackingOff", intent, ...quiet, ...waits })

  it.each([
    ["Idle", idle, after(Intent.none, { retry: next }), after(Intent.none, { retry: undefined })],
    ["InProgress", inProgress, after(ours, { retry: next }), after(ours, { retry })],
    ["InProgress with a denied step-up", stepUpDenied, after(ours, { retry }), after(ours, { retry })],
    ["BackingOff", backingOff, after(ours, { retry: next }), after(ours, { retry })],
    ["Invalid", invalid, { ...invalid, ...quiet, isLogged: true }, { ...invalid, ...quiet, isLogged: true }]
  ] as const)(
    "goes from %s to its next state by an outage, and by any other failure",
    (_, state, onOutage, onOther) => {
      expect(RefreshState.failed(state, failure(outage))).toEqual(onOutage)
      for (const error of [invalidGrant, undefined]) expect(RefreshState.failed(state, failure(error))).toEqual(onOther)
      expect(RefreshState.failed(state, failure(unreadable))).toEqual({ ...onOther, quietUntil: 3_000 })
    }
  )

  it.each([
    ["30 seconds after the failure", {}, 31_000],
    ["when the token expires, if that is earlier", { expiresAt: 2_000 }, 2_000],
    ["at once without a valid token", { expiresAt: Number.NEGATIVE_INFINITY }, 1_000],
    ["when the server allows it, if that is later", { retryAt: 90_000 }, 90_000]
  ])("ends the quiet time %s", (_, more, quietUntil) => {
    const state = RefreshState.failed(idle, failure(outage, more))
    expect(state.quietUntil).toBe(quietUntil)
    expect([RefreshState.isQuiet(state, quietUntil - 1), RefreshState.isQuiet(state, quietUntil)]).toEqual([
      true,
      false
    ])
  })

  it("ends the quiet time 2 seconds after a failure of the store, or when the token expires", () => {
    const quietUntil = (expiresAt: number) => RefreshState.failed(idle, failure(unreadable, { expiresAt })).quietUntil
    expect([9_000, 2_000, Number.NEGATIVE_INFINITY].map(quietUntil)).toEqual([3_000, 2_000, 1_000])
  })

  it("does not retry before the server allows it", () => {
    const state = RefreshState.failed(idle, failure(outage, { retryAt: 90_000 }))
    expect(RefreshState.errorAt(state, 89_999)).toBe(outage)
    expect(RefreshState.errorAt(state, 90_000)).toBeUndefined()
  })

  it("ignores the retry time of a denied step-up", () => {
    expect(RefreshState.failed(stepUpDenied, failure(outage, { retryAt: 90_000 })).quietUntil).toBe(31_000)
  })
})

describe("RefreshState", () => {
  it("returns an error and is quiet only in states that have failures", () => {
    const states = [idle, inProgress, backingOff, invalid]
    expect(states.map((state) => RefreshState.errorAt(state, 399))).toEqual([undefined, outage, outage, undefined])
    expect(states.map((state) => RefreshState.isQuiet(state, 299))).toEqual([false, true, true, true])
  })

  it("cannot express a request while none is in progress, nor one with an invalid refresh token", () => {
    const illegal = [
      // @ts-expect-error the refresh token is invalid, and recordRead has found no other
      () => RefreshState.start(invalid, Intent.none),
      // @ts-expect-error no request is in progress
      () => RefreshState.requestFailed(idle, outage),
      // @ts-expect-error no request is in progress
      () => RefreshState.stepUpDenied(backingOff),
      // @ts-expect-error no request is in progress
      () => RefreshState.rejected(invalid, invalidGrant, 7)
    ]
    expect(illegal).toHaveLength(4)
  })
})
