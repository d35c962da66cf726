import * as Token from "@countersign/auth/Token"
import { TokenError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import type { Intent } from "../../../src/internal/refresh/intent.js"
import * as Intents from "../../../src/internal/refresh/intent.js"

const marked = (refreshStartedAt: number | undefined): Token.Token => ({
  ...Token.bearer(Redacted.make("t"), 0),
  refreshToken: Redacted.make("r"),
  refreshStartedAt
})
const intents: Readonly<Record<Intent["_tag"], Intent>> = {
  None: Intents.none,
  Ours: { _tag: "Ours", startedAt: 5 },
  Foreign: { _tag: "Foreign", startedAt: 5 },
  OursFailed: { _tag: "OursFailed", startedAt: 5 },
  TakenOver: { _tag: "TakenOver", startedAt: 5 }
}
const errors = {
  "a lost response": new TokenError({ reason: "Unavailable", sent: "maybe", detail: "scripted" }),
  "an unsent request": new TokenError({ reason: "Unavailable", sent: "no", detail: "scripted" }),
  "a rejected refresh token": new TokenError({ reason: "ReauthorizationRequired", detail: "scripted" })
}

describe("intent", () => {
  it.each([
    ["no mark", undefined, "Ours", "None"],
    ["the mark of this process", 5, "Ours", "Ours"],
    ["the mark of this process, whose refresh failed", 5, "OursFailed", "OursFailed"],
    ["the mark of this process, which has taken a refresh over", 5, "TakenOver", "TakenOver"],
    ["another mark, after one that was taken over", 6, "TakenOver", "Foreign"],
    ["another mark", 6, "Ours", "Foreign"],
    ["a mark, if this process has written none", 5, "None", "Foreign"],
    ["a known mark of another process", 5, "Foreign", "Foreign"]
  ] as const)("reads from a record with %s: %s, %s → %s", (_, startedAt, known, expected) => {
    expect(Intents.of(marked(startedAt), intents[known])).toMatchObject({ _tag: expected })
  })

  it("finds none without a refresh token", () => {
    expect(Intents.of({ ...marked(5), refreshToken: undefined }, intents.None)).toEqual(Intents.none)
    expect(Intents.of(undefined, intents.Ours)).toEqual(Intents.none)
  })

  it.each([
    ["None", "a lost response", "None"],
    ["None", "an unsent request", "None"],
    ["None", "a rejected refresh token", "None"],
    ["Ours", "a lost response", "Ours"],
    ["Ours", "an unsent request", "OursFailed"],
    ["Ours", "a rejected refresh token", "Ours"],
    ["OursFailed", "a lost response", "Ours"],
    ["OursFailed", "an unsent request", "OursFailed"],
    ["OursFailed", "a rejected refresh token", "OursFailed"],
    ["TakenOver", "a lost response", "TakenOver"],
    ["TakenOver", "an unsent request", "TakenOver"],
    ["TakenOver", "a rejected refresh token", "TakenOver"],
    ["Foreign", "a lost response", "Foreign"],
    ["Foreign", "an unsent request", "Foreign"],
    ["Foreign", "a rejected refresh token", "Foreign"]
  ] as const)("goes from %s after %s to %s", (from, error, to) => {
    expect(Intents.afterFailure(intents[from], errors[error])).toEqual(intents[to])
  })

  it("awaits the outcome of another process for four seconds, and no time in the future", () => {
    const at = (now: number) => Intents.awaitedUntil({ _tag: "Foreign", startedAt: 1_000 }, now)
    expect([999, 1_000, 4_999, 5_000].map(at)).toEqual([undefined, 5_000, 5_000, undefined])
    expect(Intents.awaitedUntil({ _tag: "Ours", startedAt: 1_000 }, 1_000)).toBeUndefined()
  })

  it("counts as ambiguous if the server may have processed a request", () => {
    const ambiguous = Object.values(intents).filter(Intents.isAmbiguous)
    expect(ambiguous).toEqual([intents.Ours, intents.Foreign, intents.TakenOver])
  })

  it.each([
    ["None", { _tag: "Ours", startedAt: 9 }],
    ["Foreign", { _tag: "TakenOver", startedAt: 9 }],
    ["Ours", { _tag: "Ours", startedAt: 5 }],
    ["OursFailed", { _tag: "OursFailed", startedAt: 5 }],
    ["TakenOver", { _tag: "TakenOver", startedAt: 5 }]
  ] as const)("writes a new mark, or keeps its own one, where it has found %s", (tag, expected) => {
    expect(Intents.begun(intents[tag], 9)).toEqual(expected)
  })
})
