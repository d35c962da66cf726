import * as Progress from "@countersign/node/Progress"
import { afterEach, beforeEach, describe, expect, it, vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { barText, formatBytes, formatTime } from "../src/internal/progress/barText.js"

const terminal = (columns = 80) => {
  const writes: Array<string> = []
  return { writes, isTTY: true, columns, write: (text: string) => writes.push(text) }
}

// A machine may run the tests with another terminal, or with none.
beforeEach(() => {
  vi.stubEnv("TERM", "xterm")
})
afterEach(() => {
  vi.unstubAllEnvs()
})

describe("Progress.bar", () => {
  it.effect("draws at most every 100 ms, with rate and time left, and ends the line with the last state", () =>
    Effect.gen(function* () {
      const output = terminal()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const update = yield* Progress.bar({ label: "file", output })
          const total = 100_000_000
          yield* update({ bytes: 0, total })
          for (let step = 1; step <= 50; step++) {
            yield* TestClock.adjust("20 millis")
            yield* update({ bytes: step * 1_000_000, total })
          }
          expect(output.writes).toHaveLength(11)
          expect(output.writes[0]).toBe(`\r${"file  [--------------------]   0 %  0 B of 100 MB"}\u001b[K`)
          expect(output.writes.at(-1)).toBe(
            "\rfile  [##########----------]  50 %  50.0 MB of 100 MB  50.0 MB/s  0:01 left\u001b[K"
          )
          yield* update({ bytes: total, total })
        })
      )
      expect(output.writes.slice(-2)).toEqual([
        expect.stringContaining("[####################] 100 %  100 MB of 100 MB"),
        "\n"
      ])
    })
  )

  it.effect("writes nothing to an output that is no terminal, nor without an update", () =>
    Effect.gen(function* () {
      const file = { ...terminal(), isTTY: false }
      const silent = terminal()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const update = yield* Progress.bar({ output: file })
          yield* update({ bytes: 1, total: 2 })
          yield* Progress.bar({ output: silent })
        })
      )
      expect(file.writes).toEqual([])
      expect(silent.writes).toEqual([])
    })
  )

  it.effect("ends the line when the program fails or is interrupted", () =>
    Effect.gen(function* () {
      for (const end of [Effect.fail("no"), Effect.interrupt]) {
        const output = terminal()
        const use = Effect.flatMap(Progress.bar({ output }), (update) => Effect.zipRight(update({ bytes: 1 }), end))
        yield* Effect.exit(Effect.scoped(use))
        expect(output.writes.at(-1)).toBe("\n")
      }
    })
  )

  it.effect("counts items, and begins anew with another send", () =>
    Effect.gen(function* () {
      const output = terminal()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const pages = yield* Progress.bar({ label: "issues", unit: "pages", output })
          yield* pages({ count: 3 })
          expect(output.writes.at(-1)).toContain("issues  3 pages  0:00")
          const upload = yield* Progress.bar({ output })
          yield* upload({ bytes: 500, total: 1000, send: 1 })
          yield* TestClock.adjust("1 second")
          yield* upload({ bytes: 100, total: 1000, send: 2 })
          expect(output.writes.at(-1)).toContain("100 B of 1.00 kB  send 2")
        })
      )
    })
  )

  it.effect("rejects an unknown option", () =>
    Effect.gen(function* () {
      const options = { lable: "x" }
      const exit = yield* Effect.exit(Effect.scoped(Progress.bar(options as Progress.Options))) // As JavaScript may call it.
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("has no option `lable`")
    })
  )
})

describe("the text of a bar", () => {
  const state = { label: "", done: 0, total: undefined, unit: undefined, rate: undefined, send: 1, elapsedMs: 0 }

  it("fits the width, and removes control characters from the label", () => {
    const text = barText({ ...state, label: "a\u001b[31m\nb\u202e", total: 10, done: 5 }, 30)
    expect(text.length).toBeLessThanOrEqual(30)
    expect(text).toMatch(/^a \[31m b /)
    expect(barText(state, 0)).toBe("")
  })

  it("shows an empty total, more than the total, and an unknown total", () => {
    expect(barText({ ...state, total: 0 }, 80)).toBe("0 B of 0 B  0:00")
    expect(barText({ ...state, done: 20, total: 10 }, 80)).toContain("100 %")
    expect(barText({ ...state, done: 1500, rate: 1e6, elapsedMs: 61_000 }, 80)).toBe("1.50 kB  1.00 MB/s  1:01")
    expect(barText({ ...state, total: 10, rate: 0 }, 80)).not.toContain("left")
  })

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [999_499, "999 kB"],
    [999_500, "1.00 MB"],
    [12_345_678, "12.3 MB"],
    [1e18, "1000 PB"],
    [-1, "0 B"]
  ])("shows %d bytes as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it.each([
    [0, "0:00"],
    [59_499, "0:59"],
    [59_500, "1:00"],
    [3_600_000, "1:00:00"],
    [-5, "0:00"]
  ])("shows %d ms as %s", (ms, text) => {
    expect(formatTime(ms)).toBe(text)
  })
})
