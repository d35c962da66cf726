import * as Content from "@countersign/protocol/Content"
import { describe, expect, it } from "@effect/vitest"

const statuses = Array.from({ length: 500 }, (_, at) => at + 100)
const without = (method: string) => statuses.filter((status) => !Content.isPossible(method, status))
const interim = statuses.filter((status) => status < 200)

describe("Content.isPossible", () => {
  it("is false for 1xx, 204, 205 and 304 and true for every other status, for each method", () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      expect(without(method), method).toEqual([...interim, 204, 205, 304])
    }
  })

  it("is false for every response to HEAD", () => {
    expect(without("HEAD")).toEqual(statuses)
  })

  it("is false for a 2xx to CONNECT, and as usual for the rest", () => {
    expect(without("CONNECT")).toEqual(statuses.filter((status) => status < 300 || status === 304))
  })
})
