/** Which entries expire, when, and which timers remain. */
import { afterEach, beforeEach, describe, expect, it, vi } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Deadlines, Entry } from "../../../src/internal/call/deadlineQueue.js"

const ms = 100

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
afterEach(() => void vi.useRealTimers())

/** An entry that records the times at which it expired. */
class RecordingEntry extends Entry {
  readonly expiredAt: Array<number> = []
  readonly #then: () => void
  constructor(then: () => void = () => undefined) {
    super()
    this.#then = then
  }
  override strike(): void {
    this.expiredAt.push(performance.now())
    this.#then()
  }
}

const now = () => performance.now()

describe("Deadlines", () => {
  it("expires each entry in time, with one timer each", () => {
    const from = now()
    const deadlines = new Deadlines(ms)
    const entries = [0, 30, 60].map((after, index) => {
      vi.advanceTimersByTime(from + after - performance.now())
      const entry = new RecordingEntry()
      deadlines.add(entry)
      expect(vi.getTimerCount()).toBe(index + 1)
      return entry
    })
    vi.advanceTimersByTime(1000)
    expect(entries.map(({ expiredAt }) => expiredAt)).toEqual([[from + 100], [from + 130], [from + 160]])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("never expires a removed entry and clears its timer", () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0]
    ]) {
      const deadlines = new Deadlines(ms)
      const entries = [new RecordingEntry(), new RecordingEntry(), new RecordingEntry()]
      entries.forEach((entry) => deadlines.add(entry))
      order.forEach((n, removed) => {
        const entry = entries[n]
        if (entry === undefined) throw new Error("no such entry")
        expect(vi.getTimerCount()).toBe(3 - removed)
        deadlines.remove(entry)
        expect(entry.timer).toBeUndefined()
      })
      expect(vi.getTimerCount()).toBe(0)
      vi.advanceTimersByTime(1000)
      expect(entries.flatMap(({ expiredAt }) => expiredAt)).toEqual([])
    }
  })

  it("ignores repeated removals and removals of unknown entries", () => {
    const deadlines = new Deadlines(ms)
    const [first, second, unknown] = [new RecordingEntry(), new RecordingEntry(), new RecordingEntry()]
    deadlines.add(first)
    deadlines.add(second)
    deadlines.remove(unknown)
    deadlines.remove(first)
    deadlines.remove(first)
    vi.advanceTimersByTime(1000)
    expect([first, second, unknown].map(({ expiredAt }) => expiredAt.length)).toEqual([0, 1, 0])
  })

  it("does not expire an entry that another expiring entry removes", () => {
    const deadlines = new Deadlines(ms)
    const second = new RecordingEntry()
    deadlines.add(new RecordingEntry(() => deadlines.remove(second)))
    deadlines.add(second)
    vi.advanceTimersByTime(1000)
    expect(second.expiredAt).toEqual([])
  })

  it("gives an entry that is added during an expiry its full time", () => {
    const from = now()
    const deadlines = new Deadlines(ms)
    const next = new RecordingEntry()
    deadlines.add(new RecordingEntry(() => deadlines.add(next)))
    vi.advanceTimersByTime(1000)
    expect(next.expiredAt).toEqual([from + 2 * ms])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("does not expire an entry when its timer fires early", () => {
    const clock = vi.spyOn(performance, "now")
    const deadlines = new Deadlines(ms)
    const entry = new RecordingEntry()
    clock.mockReturnValue(0)
    deadlines.add(entry)
    clock.mockReturnValue(ms - 0.4)
    vi.advanceTimersByTime(ms)
    expect(entry.expiredAt).toEqual([])
    clock.mockReturnValue(ms + 0.6)
    vi.advanceTimersByTime(1)
    expect(entry.expiredAt).toEqual([ms + 0.6])
    clock.mockRestore()
  })

  it("expires remaining entries once and in time, and removed ones never, in any order", () => {
    const step = FastCheck.record({ after: FastCheck.nat(60), removedAfter: FastCheck.option(FastCheck.nat(250)) })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(step, { maxLength: 12 }), (steps) => {
        const deadlines = new Deadlines(ms)
        const seen = steps.map(({ after, removedAfter }) => {
          vi.advanceTimersByTime(after)
          const entry = new RecordingEntry()
          const added = now()
          deadlines.add(entry)
          if (removedAfter !== null) setTimeout(() => deadlines.remove(entry), removedAfter)
          return { entry, added, removedAfter }
        })
        vi.advanceTimersByTime(1000)
        for (const { added, entry, removedAfter } of seen) {
          // Of two timers for the same instant, the first one fires first: both results are right.
          if (removedAfter !== ms)
            expect(entry.expiredAt).toEqual(removedAfter !== null && removedAfter < ms ? [] : [added + ms])
        }
        expect(vi.getTimerCount()).toBe(0)
      }),
      { numRuns: 200 }
    )
  })
})
