import { describe, expect, it } from "@effect/vitest"
import * as Raw from "../../../src/internal/dispatcher/rawHeaders.js"

const raw = (...texts: ReadonlyArray<string>): Raw.RawHeaders => texts.map((text) => Buffer.from(text, "latin1"))

describe("parse", () => {
  it.each([
    "age",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "retry-after",
    "server"
  ])("merges equal values of %s, in any case of the name", (name) => {
    const upper = name.toUpperCase()
    expect({ ...Raw.parse(raw(upper, "a, b", name, "a, b", name, "a, b")) }).toEqual({ [name]: "a, b" })
    expect({ ...Raw.parse(raw(name, "a", upper, "b")) }).toEqual({ [name]: "a, b" })
  })

  it("joins the values of list fields, including equal ones", () => {
    expect({ ...Raw.parse(raw("vary", "a", "Vary", "a", "x-own", "1", "x-own", "1")) }).toEqual({
      vary: "a, a",
      "x-own": "1, 1"
    })
  })

  it("reads names of Object's prototype as header fields", () => {
    expect({ ...Raw.parse(raw("constructor", "a", "__proto__", "b", "constructor", "c")) }).toEqual({
      constructor: "a, c"
    })
  })
})
