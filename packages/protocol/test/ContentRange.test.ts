import * as ContentRange from "@countersign/protocol/ContentRange"
import { describe, expect, it } from "vitest"

describe("ContentRange.parse", () => {
  it.each([
    ["bytes 500-999/1234", { first: 500, last: 999, length: 1234 }],
    ["bytes 0-0/1", { first: 0, last: 0, length: 1 }],
    ["BYTES 500-1233/*", { first: 500, last: 1233, length: undefined }],
    [" bytes 1-2/3\t", { first: 1, last: 2, length: 3 }],
    ["bytes 0-999999999999998/999999999999999", { first: 0, last: 999999999999998, length: 999999999999999 }]
  ])("parses %j", (field, expected) => {
    expect(ContentRange.parse(field)).toEqual(expected)
  })

  it.each([
    "",
    "bytes",
    "bytes */1234",
    "bytes 9-1/1234",
    "bytes 0-1234/1234",
    "bytes 0-1/0",
    "bytes 0-1",
    "bytes 0-1/",
    "bytes -1-2/3",
    "bytes 0x1-2/3",
    "bytes 0-1/2, bytes 2-3/4",
    "bytes=0-1/2",
    "bytes  0-1/2",
    "items 0-1/2",
    "bytes 0-9999999999999999/*",
    "bytes 1.0-2/3"
  ])("rejects %j", (field) => {
    expect(ContentRange.parse(field)).toBeUndefined()
  })
})
