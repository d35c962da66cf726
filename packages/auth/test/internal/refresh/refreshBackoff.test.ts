import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import * as Intent from "../../../src/internal/refresh/intent.js"
import { nextRetry, withBackoff } from "../../../src/internal/refresh/refreshBackoff.js"
import * as RefreshState from "../../../src/internal/refresh/refreshState.js"
import { initial, setToken } from "../../../src/internal/refresh/source.js"
import { refreshSource, scriptedAcquire, withoutJitter } from "../../support/refreshSource.js"
import { logging, scriptedError, token } from "../../support/tokenSource.js"

const outage = scriptedError("Unavailable")
const inProgress = RefreshState.start(RefreshState.idle, Intent.none)

/** The delays of outages in a row, in milliseconds. */
const delays = (count: number): ReadonlyArray<number> => {
  const all: Array<number> = []
  let state: RefreshState.RefreshState = RefreshState.idle
  for (let n = 0; n < count; n++) {
    const retry = nextRetry(state, n)
    all.push(retry.at - n)
    state = RefreshState.failed(state, { error: outage, now: n, retryAt: n, retry, expiresAt: 0 })
  }
  return all
}

describe("nextRetry", () => {
  it("doubles the delay from one second to 30, and stays there", () => {
    expect(delays(7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    // 2 ** 2000 is no finite number.
    expect(new Set(delays(2_000).slice(5))).toEqual(new Set([30_000]))
  })
})

describe("withBackoff", () => {
  it.effect("returns to Idle after a token", () =>
    Effect.gen(function* () {
      const { source, types } = yield* refreshSource()
      source.refresh.current = inProgress
      yield* withBackoff(source)(scriptedAcquire().acquire)(initial)
      expect([source.refresh.current, types]).toEqual([RefreshState.idle, []])
    })
  )

  it.effect("backs off after an outage, until the server allows a request", () =>
    Effect.gen(function* () {
      const { source, types } = yield* refreshSource()
      source.refresh.current = inProgress
      yield* TestClock.adjust("10 seconds")
      const busy = new TokenError({ reason: "Unavailable", detail: "429", retryAt: 90_000 })
      for (const [error, at] of [
        [outage, 11_000],
        [busy, 90_000]
      ] as const) {
        expect(yield* Effect.flip(withBackoff(source)(() => Effect.fail(error))(initial))).toBe(error)
        expect(RefreshState.errorAt(source.refresh.current, at - 1)).toBe(error)
        expect(RefreshState.errorAt(source.refresh.current, at)).toBeUndefined()
      }
      expect(types).toEqual(["RefreshFailed", "RefreshFailed"])
    })
  )

  it.effect.each([
    ["an error of the store", Effect.fail(new TokenStoreError({ reason: "ReadFailed", detail: "scripted" }))],
    ["a defect", Effect.die("a bug")]
  ] as const)("does not reject callers after %s", ([, outcome]) =>
    Effect.gen(function* () {
      const { source, types } = yield* refreshSource()
      const exit = yield* Effect.exit(withBackoff(source)(() => outcome)(initial))
      expect([Exit.isFailure(exit), source.refresh.current._tag, types]).toEqual([
        true,
        "BackingOff",
        ["RefreshFailed"]
      ])
      expect(RefreshState.errorAt(source.refresh.current, 0)).toBeUndefined()
    })
  )

  it.effect("logs a failure while a token is cached, and an invalid refresh token once", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { source } = yield* refreshSource()
      const failing = (error: TokenError | TokenStoreError) =>
        Effect.flip(withBackoff(source)(() => Effect.fail(error))(initial))
      yield* failing(outage)
      expect(lines).toHaveLength(0)
      yield* setToken(source, yield* token("old", 600_000))
      yield* failing(outage)
      yield* failing(outage)
      expect(lines).toHaveLength(2)
      const invalid = scriptedError("ReauthorizationRequired")
      source.refresh.current = RefreshState.rejected(inProgress, invalid, 1)
      yield* failing(invalid)
      yield* failing(invalid)
      expect(lines).toHaveLength(3)
      yield* failing(new TokenStoreError({ reason: "ReadFailed", detail: "scripted" }))
      expect(lines).toHaveLength(4)
    }).pipe(logging(lines), withoutJitter)
  })
})
