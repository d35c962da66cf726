import { BoundedMap } from "@countersign/client/BoundedMap"
import { describe, expect, it } from "@effect/vitest"

const keysOf = (map: BoundedMap<number>, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, at) => at).filter((at) => map.get(String(at)) !== undefined)

describe("BoundedMap", () => {
  it("removes the entry that was set least recently when it is full", () => {
    const map = new BoundedMap<number>(3)
    for (const key of [0, 1, 2, 0, 3]) map.set(String(key), key)
    expect(keysOf(map, 4)).toEqual([0, 2, 3])
    expect(map.size).toBe(3)
  })

  it("removes a sixteenth of its capacity when it is full, entries of low priority first", () => {
    const map = new BoundedMap<number>(32, (value) => value % 2)
    for (let key = 0; key <= 32; key++) map.set(String(key), key)
    expect(map.size).toBe(31)
    expect([map.get("0"), map.get("2"), map.get("1"), map.get("4")]).toEqual([undefined, undefined, 1, 4])
  })

  it("trims unneeded entries up to the first that is needed", () => {
    const map = new BoundedMap<number>(10, (expiresAt, now) => (now < expiresAt ? 1 : 0))
    for (const [key, expiresAt] of [1, 2, 9, 3].entries()) map.set(String(key), expiresAt, 0)
    map.trim(4)
    expect(keysOf(map, 4)).toEqual([2, 3])
  })
})
