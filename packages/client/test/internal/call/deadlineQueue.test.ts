/** Deadlines: which entries are struck, when, and which timers are left. */
import { afterEach, beforeEach, describe, expect, it, vi } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Deadlines, Entry } from "../../../src/internal/call/deadlineQueue.js"

const ms = 100

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
afterEach(() => void vi.useRealTimers())

/** Somebody who notes when he was struck. */
class Noted extends Entry {
  readonly struck: Array<number> = []
  readonly #then: () => void
  constructor(then: () => void = () => undefined) {
    super()
    this.#then = then
  }
  override strike(): void {
    this.struck.push(performance.now())
    this.#then()
  }
}

const begun = () => performance.now()

describe("the deadlines of one duration", () => {
  it("strikes each entry in its time, by a timer of its own", () => {
    const from = begun()
    const deadlines = new Deadlines(ms)
    const entries = [0, 30, 60].map((after, index) => {
      vi.advanceTimersByTime(from + after - performance.now())
      const entry = new Noted()
      deadlines.add(entry)
      expect(vi.getTimerCount()).toBe(index + 1)
      return entry
    })
    vi.advanceTimersByTime(1000)
    expect(entries.map(({ struck }) => struck)).toEqual([[from + 100], [from + 130], [from + 160]])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("strikes no removed entry, and keeps no timer of it", () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0]
    ]) {
      const deadlines = new Deadlines(ms)
      const entries = [new Noted(), new Noted(), new Noted()]
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
      expect(entries.flatMap(({ struck }) => struck)).toEqual([])
    }
  })

  it("taking somebody out twice, or who was never in, leaves the others where they are", () => {
    const deadlines = new Deadlines(ms)
    const [first, second, stranger] = [new Noted(), new Noted(), new Noted()]
    deadlines.add(first)
    deadlines.add(second)
    deadlines.remove(stranger)
    deadlines.remove(first)
    deadlines.remove(first)
    vi.advanceTimersByTime(1000)
    expect([first, second, stranger].map(({ struck }) => struck.length)).toEqual([0, 1, 0])
  })

  it("whoever is taken out by the strike of another one is not struck, though his time is over too", () => {
    const deadlines = new Deadlines(ms)
    const second = new Noted()
    deadlines.add(new Noted(() => deadlines.remove(second)))
    deadlines.add(second)
    vi.advanceTimersByTime(1000)
    expect(second.struck).toEqual([])
  })

  it("whoever comes while others are struck has all of his time", () => {
    const from = begun()
    const deadlines = new Deadlines(ms)
    const next = new Noted()
    deadlines.add(new Noted(() => deadlines.add(next)))
    vi.advanceTimersByTime(1000)
    expect(next.struck).toEqual([from + 2 * ms])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("a timer that comes early strikes nobody before his time", () => {
    const clock = vi.spyOn(performance, "now")
    const deadlines = new Deadlines(ms)
    const entry = new Noted()
    clock.mockReturnValue(0)
    deadlines.add(entry)
    clock.mockReturnValue(ms - 0.4)
    vi.advanceTimersByTime(ms)
    expect(entry.struck).toEqual([])
    clock.mockReturnValue(ms + 0.6)
    vi.advanceTimersByTime(1)
    expect(entry.struck).toEqual([ms + 0.6])
    clock.mockRestore()
  })

  it("any who come and go in any order: those who stay are struck once and in time, those who go never", () => {
    const step = FastCheck.record({ after: FastCheck.nat(60), stays: FastCheck.option(FastCheck.nat(250)) })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(step, { maxLength: 12 }), (steps) => {
        const deadlines = new Deadlines(ms)
        const seen = steps.map(({ after, stays }) => {
          vi.advanceTimersByTime(after)
          const entry = new Noted()
          const added = begun()
          deadlines.add(entry)
          if (stays !== null) setTimeout(() => deadlines.remove(entry), stays)
          return { entry, added, stays }
        })
        vi.advanceTimersByTime(1000)
        for (const { added, entry, stays } of seen) {
          // Of two timers for the same instant, the one that was armed first comes first: both outcomes are right.
          if (stays !== ms) expect(entry.struck).toEqual(stays !== null && stays < ms ? [] : [added + ms])
        }
        expect(vi.getTimerCount()).toBe(0)
      }),
      { numRuns: 200 }
    )
  })
})
