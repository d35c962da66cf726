import * as CacheControl from "@countersign/protocol/CacheControl"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const directives = (fieldValue: string) => Object.fromEntries(CacheControl.parse(fieldValue))

describe("CacheControl.parse", () => {
  it.each<[string, Record<string, string>]>([
    ["no-store", { "no-store": "" }],
    ["nO-StOrE, MAX-age=60", { "no-store": "", "max-age": "60" }],
    ['no-cache="set-cookie, age", private', { "no-cache": "set-cookie, age", private: "" }],
    ['extension="max-age=3600", max-age=1', { extension: "max-age=3600", "max-age": "1" }],
    ['max-age="60"', { "max-age": "60" }],
    ['max-age="60', { "max-age": "?" }],
    ["max-age=60, max-age=60", { "max-age": "60" }],
    ["max-age=1800, max-age=1", { "max-age": "?" }],
    [" , ,no-store,", { "no-store": "" }],
    ["=60, no-store", { "no-store": "" }],
    ["max-age = 60", { "max-age": "60" }],
    ["", {}]
  ])("parses %j", (fieldValue, expected) => {
    expect(directives(fieldValue)).toEqual(expected)
  })

  it("keeps __proto__ as a normal name", () => {
    expect(CacheControl.parse("__proto__=1, no-store").get("__proto__")).toBe("1")
    expect(CacheControl.parse("max-age=1").get("constructor")).toBeUndefined()
  })

  it("stores nothing of a value without end", () => {
    expect(directives(`max-age=60, ${"a=b, ".repeat(10_000)}`)).toEqual({ "no-store": "" })
  })

  it("parses every text in linear time, without an exception", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text("max-age=60, no-store", 'private="a, b"'), (text) => {
        expect(CacheControl.parse(text).size).toBeLessThanOrEqual(text.length)
      })
    )
  })
})

describe("CacheControl.seconds", () => {
  it.each<[string, number | undefined]>([
    ["max-age=60", 60],
    ["max-age=003600", 3600],
    ["max-age=0", 0],
    ["max-age=-1", 0],
    ["max-age=1.5", 0],
    ["max-age='60'", 0],
    ["max-age=100a", 0],
    ["max-age=1e3", 0],
    ["max-age", 0],
    ["max-age=1, max-age=1800", 0],
    ["max-age=99999999999", 2_147_483_648],
    [`max-age=${"9".repeat(400)}`, 2_147_483_648],
    ["private", undefined]
  ])("reads max-age of %j", (fieldValue, expected) => {
    expect(CacheControl.seconds(CacheControl.parse(fieldValue), "max-age")).toBe(expected)
  })
})

describe("CacheControl.age", () => {
  it.each<[string | undefined, number]>([
    [undefined, 0],
    ["7200", 7200],
    ["7200, 0", 7200],
    ["0, 7200", 0],
    ["-7200", 0],
    ["7200.0", 0],
    ["abc", 0],
    ["2147483649", 2_147_483_648],
    ["", 0]
  ])("reads %j", (fieldValue, expected) => {
    expect(CacheControl.age(fieldValue)).toBe(expected)
  })
})
