import * as Content from "@countersign/protocol/Content"
import { describe, expect, it } from "@effect/vitest"

const statuses = Array.from({ length: 500 }, (_, at) => at + 100)
const without = (method: string) => statuses.filter((status) => !Content.isPossible(method, status))
const interim = statuses.filter((status) => status < 200)

describe("Content.isPossible", () => {
  it("returns false for 1xx, 204, 205 and 304, and true for other statuses, for each method", () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      expect(without(method), method).toEqual([...interim, 204, 205, 304])
    }
  })

  it("returns false for every response to HEAD", () => {
    expect(without("HEAD")).toEqual(statuses)
  })

  it("returns false for a 2xx response to CONNECT, and true for its error responses", () => {
    expect(without("CONNECT")).toEqual(statuses.filter((status) => status < 300 || status === 304))
  })
})
