import * as Token from "@countersign/auth/Token"
import { describe, expect, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import type { Clean, Pending } from "../../../src/internal/refresh/persistenceState.js"
import * as PersistenceState from "../../../src/internal/refresh/persistenceState.js"

const tokenOf = (accessToken: string, refreshToken?: string): Token.Token => ({
  ...Token.bearer(Redacted.make(accessToken), 0),
  refreshToken: refreshToken === undefined ? undefined : Redacted.make(refreshToken)
})
const writeOf = (text: string, expectedVersion: number) => ({
  token: tokenOf(text),
  expectedVersion,
  previous: undefined
})

const clean: Clean = { _tag: "Clean", version: 3 }
const unwritten: Pending = { _tag: "Unwritten", write: writeOf("t1", 3) }
const unsaved: Pending = { _tag: "Unsaved", write: writeOf("t1", 3) }
const other = writeOf("t2", 4)

describe("PersistenceState", () => {
  it.each([
    ["Clean", "loaded", PersistenceState.loaded(clean, 5), { _tag: "Clean", version: 5 }],
    ["Clean", "acquired", PersistenceState.acquired(clean, other), { _tag: "Unwritten", write: other }],
    ["Clean", "removed", PersistenceState.removed(clean), PersistenceState.initial],
    ["Unwritten", "acquired", PersistenceState.acquired(unwritten, other), { _tag: "Unwritten", write: other }],
    ["Unwritten", "writeFailed", PersistenceState.writeFailed(unwritten), unsaved],
    ["Unwritten", "saved", PersistenceState.saved(unwritten, 4), { _tag: "Clean", version: 4 }],
    ["Unwritten", "superseded", PersistenceState.superseded(unwritten), clean],
    ["Unwritten", "removed", PersistenceState.removed(unwritten), PersistenceState.initial],
    ["Unsaved", "acquired", PersistenceState.acquired(unsaved, other), { _tag: "Unwritten", write: other }],
    ["Unsaved", "writeFailed", PersistenceState.writeFailed(unsaved), unsaved],
    ["Unsaved", "saved", PersistenceState.saved(unsaved, 4), { _tag: "Clean", version: 4 }],
    ["Unsaved", "superseded", PersistenceState.superseded(unsaved), clean],
    ["Unsaved", "removed", PersistenceState.removed(unsaved), PersistenceState.initial]
  ])("goes from %s by %s to its next state", (_state, _event, next, expected) => {
    expect(next).toEqual(expected)
  })

  it("has a pending token until it is stored", () => {
    const states = [clean, unwritten, unsaved]
    const texts = states.map((state) => PersistenceState.pendingTokenOf(state)?.accessToken)
    expect(texts.map((text) => text && Redacted.value(text))).toEqual([undefined, "t1", "t1"])
    expect(states.map(PersistenceState.versionOf)).toEqual([3, 3, 3])
  })

  it.each([
    ["the same tokens", tokenOf("a", "r"), tokenOf("a", "r"), true],
    ["another access token", tokenOf("a", "r"), tokenOf("b", "r"), false],
    ["another refresh token", tokenOf("a", "r"), tokenOf("a", "s"), false],
    ["a token without a refresh token", tokenOf("a", "r"), tokenOf("a"), false],
    ["no token", tokenOf("a"), undefined, false]
  ])("compares a token with %s", (_, one, two, expected) => {
    expect(PersistenceState.isSameToken(one, two)).toBe(expected)
  })

  it("cannot express a record that is loaded over a pending token, nor a write without one", () => {
    const illegal = [
      // @ts-expect-error a token that is not stored is newer than the record
      () => PersistenceState.loaded(unsaved, 4),
      // @ts-expect-error nothing is written
      () => PersistenceState.saved(clean, 4),
      // @ts-expect-error nothing is written
      () => PersistenceState.writeFailed(clean),
      // @ts-expect-error nothing is written
      () => PersistenceState.superseded(clean)
    ]
    expect(illegal).toHaveLength(4)
  })
})
