import * as Token from "@countersign/auth/Token"
import { describe, expect, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as TokenCache from "../../../src/internal/refresh/tokenCache.js"

const lifetime = { refreshAt: 80, expiringAt: 90, expiresAt: 100 }
const tokenOf = (text: string) => Token.bearer(Redacted.make(text), 0, 100)
const loaded = TokenCache.set(TokenCache.empty, tokenOf("t1"), lifetime, 0)

/** Each state, and a time at which a token is in it. */
const states = {
  Empty: TokenCache.empty,
  Fresh: loaded,
  Refreshable: TokenCache.at(loaded, 80),
  Expiring: TokenCache.at(loaded, 90),
  Expired: TokenCache.at(loaded, 100)
} as const
const tags = ["Empty", "Fresh", "Refreshable", "Expiring", "Expired"] as const
type Tag = (typeof tags)[number]

const events = {
  "time 79": (cache: TokenCache.TokenCache) => TokenCache.at(cache, 79),
  "time 80": (cache: TokenCache.TokenCache) => TokenCache.at(cache, 80),
  "time 90": (cache: TokenCache.TokenCache) => TokenCache.at(cache, 90),
  "time 100": (cache: TokenCache.TokenCache) => TokenCache.at(cache, 100),
  set: (cache: TokenCache.TokenCache) => TokenCache.set(cache, tokenOf("t2"), lifetime, 10),
  "set of an expired token": (cache: TokenCache.TokenCache) => TokenCache.set(cache, tokenOf("t2"), lifetime, 100),
  replayRejected: (cache: TokenCache.TokenCache) =>
    cache._tag === "Empty" ? cache : TokenCache.replayRejected(cache, 85)
}

/** The next state for the states of `tags`, in their order. */
const table: Record<keyof typeof events, ReadonlyArray<Tag>> = {
  "time 79": ["Empty", "Fresh", "Fresh", "Fresh", "Fresh"],
  "time 80": ["Empty", "Refreshable", "Refreshable", "Refreshable", "Refreshable"],
  "time 90": ["Empty", "Expiring", "Expiring", "Expiring", "Expiring"],
  "time 100": ["Empty", "Expired", "Expired", "Expired", "Expired"],
  set: ["Fresh", "Fresh", "Fresh", "Fresh", "Fresh"],
  "set of an expired token": ["Expired", "Expired", "Expired", "Expired", "Expired"],
  replayRejected: ["Empty", "Fresh", "Refreshable", "Expiring", "Expired"]
}

const rows = Object.entries(table).flatMap(([event, next]) =>
  tags.map((tag, index) => [tag, event as keyof typeof events, next[index]] as const)
)

describe("TokenCache", () => {
  it("has each state", () => {
    expect(tags.map((tag) => states[tag]._tag)).toEqual(tags)
  })

  it.each(rows)("goes from %s by %s to %s", (tag, event, next) => {
    expect(events[event](states[tag])._tag).toBe(next)
  })

  it.each([
    ["Empty", undefined, false],
    ["Fresh", "t1", true],
    ["Refreshable", "t1", true],
    ["Expiring", "t1", false],
    ["Expired", undefined, false]
  ] as const)("returns in state %s the token %s, fresh: %s", (tag, text, isFresh) => {
    const token = TokenCache.usableOf(states[tag])?.token
    expect(token && Redacted.value(token.accessToken)).toBe(text)
    expect(TokenCache.isFresh(states[tag])).toBe(isFresh)
  })

  it("returns the same object while the state stays, so that a request allocates nothing", () => {
    expect(TokenCache.at(loaded, 79)).toBe(loaded)
  })

  it("increases the generation and forgets the rejected replay with each token", () => {
    const rejected = TokenCache.replayRejected(loaded, 10)
    expect(TokenCache.isReplayRejected(rejected, 30_009)).toBe(true)
    expect(TokenCache.isReplayRejected(rejected, 30_010)).toBe(false)
    const next = TokenCache.set(rejected, tokenOf("t2"), lifetime, 20)
    expect(next.cached.generation).toBe(2)
    expect(TokenCache.isReplayRejected(next, 20)).toBe(false)
  })

  it("recognizes its access token", () => {
    expect(TokenCache.has(loaded, tokenOf("t1"))).toBe(true)
    expect(TokenCache.has(loaded, tokenOf("t2"))).toBe(false)
    expect(TokenCache.has(TokenCache.empty, tokenOf("t1"))).toBe(false)
  })

  it("lets a caller wait half the rest of the lifetime, and at most five seconds", () => {
    expect(TokenCache.waitOf(loaded, 90)).toBe(5)
    const long = TokenCache.set(TokenCache.empty, tokenOf("t1"), { ...lifetime, expiresAt: 60_000 }, 0)
    expect(TokenCache.waitOf(long, 0)).toBe(5_000)
  })

  it("cannot express a rejection or a generation without a token", () => {
    // @ts-expect-error an empty cache has no token that an API could reject
    const illegal = () => TokenCache.replayRejected(TokenCache.empty, 0)
    // @ts-expect-error an empty cache has no generation
    const generation = () => TokenCache.empty.cached.generation
    expect([illegal, generation]).toHaveLength(2)
  })
})
