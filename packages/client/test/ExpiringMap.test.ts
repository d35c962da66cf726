import { ExpiringMap } from "@countersign/client/ExpiringMap"
import { describe, expect, it } from "@effect/vitest"

describe("ExpiringMap", () => {
  it("returns no value from the expiry on, and forgets the entry with the next one", () => {
    const map = new ExpiringMap<string>(10)
    map.set("a", "x", 100, 0)
    expect([map.get("a", 99), map.get("a", 100), map.size]).toEqual(["x", undefined, 1])
    map.set("b", "y", 200, 100)
    expect([map.get("a", 99), map.get("b", 100), map.size]).toEqual([undefined, "y", 1])
  })

  it("removes the oldest entry beyond its capacity, and sets an entry again as the newest", () => {
    const map = new ExpiringMap<string>(2)
    for (const key of ["a", "b", "a", "c"]) map.set(key, key, 100, 0)
    expect([map.get("a", 0), map.get("b", 0), map.get("c", 0), map.size]).toEqual(["a", undefined, "c", 2])
  })

  it("trims to a size", () => {
    const map = new ExpiringMap<string>(9)
    for (const key of ["a", "b", "c"]) map.set(key, key, 100, 0)
    map.trim(0, 1)
    expect([map.get("b", 0), map.get("c", 0)]).toEqual([undefined, "c"])
    map.delete("c")
    expect(map.size).toBe(0)
  })
})
