import * as SchemaIssue from "@countersign/client/SchemaIssue"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"

const canary = "c4n4ry"

const mismatches = <A, I>(
  schema: Schema.Schema<A, I>,
  value: unknown,
  options: { onExcessProperty?: "error"; errors?: "all" } = {}
) => Schema.decodeUnknownEither(schema, options)(value).pipe(Either.flip, Either.getOrThrow, SchemaIssue.fromParseError)

describe("SchemaIssue.fromParseError", () => {
  it("reports the path and the expected type", () => {
    const schema = Schema.Struct({
      a: Schema.Struct({ list: Schema.Array(Schema.Struct({ n: Schema.Number })) }),
      s: Schema.optional(Schema.NonEmptyString)
    })
    expect(mismatches(schema, { a: { list: [{ n: 1 }, { n: canary }] } })).toEqual([
      { path: "$.a.list[1].n", expected: "number" }
    ])
    expect(mismatches(schema, { a: {} })).toEqual([{ path: "$.a.list", expected: "a value, which is missing" }])
    expect(mismatches(schema, canary)[0]).toMatchObject({ path: "$" })
    expect(mismatches(schema, { a: { list: [] }, s: "" })[0]).toMatchObject({ path: "$.s", expected: "NonEmptyString" })
    expect(mismatches(schema, { a: { list: [] }, more: canary }, { onExcessProperty: "error" })).toEqual([
      { path: "$.more", expected: "nothing" }
    ])
  })

  it("reports issues of transformations, unions, tuples and refinements", () => {
    expect(mismatches(Schema.NumberFromString, "x")[0]).toMatchObject({ path: "$" })
    expect(mismatches(Schema.Redacted(Schema.Number), canary)).toEqual([{ path: "$", expected: "number" }])
    expect(mismatches(Schema.Union(Schema.Number, Schema.Boolean), canary).map(({ expected }) => expected)).toEqual([
      "number",
      "boolean"
    ])
    expect(mismatches(Schema.Tuple(Schema.Number), [canary])).toEqual([{ path: "$[0]", expected: "number" }])
    expect(mismatches(Schema.Number.pipe(Schema.between(1, 2)), 3)).toHaveLength(1)
  })

  it("returns at most ten issues of bounded length", () => {
    const wide = Schema.Struct(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, Schema.Number])))
    expect(mismatches(wide, {}, { errors: "all" })).toHaveLength(10)
    const long = Schema.Literal("x".repeat(500), "y".repeat(500))
    for (const { expected } of mismatches(long, canary)) expect(expected.length).toBeLessThanOrEqual(120)
  })

  it("escapes control characters in keys and truncates them", () => {
    const record = Schema.Record({ key: Schema.String, value: Schema.Number })
    const [first] = mismatches(record, { [`\u001b[31m\r\n${"k".repeat(500)}`]: "x" })
    expect(first?.path).toMatch(/^\$\.\\u\{1b\}\[31m\\u\{d\}\\u\{a\}k+…$/)
    expect(first?.path.length).toBeLessThanOrEqual(62)
  })

  it("never contains a value of the input", () => {
    const schema = Schema.Struct({
      a: Schema.Array(Schema.NumberFromString),
      b: Schema.Date,
      c: Schema.Literal("x"),
      d: Schema.Null
    })
    FastCheck.assert(
      FastCheck.property(
        FastCheck.record(
          {
            a: FastCheck.oneof(FastCheck.constant(canary), FastCheck.array(FastCheck.constant(canary))),
            b: FastCheck.constant(canary),
            c: FastCheck.constant(canary),
            d: FastCheck.constant(canary)
          },
          { requiredKeys: [] }
        ),
        (value) => {
          expect(SchemaIssue.format(mismatches(schema, { ...value, c: canary }, { errors: "all" }))).not.toContain(
            canary
          )
        }
      )
    )
  })
})

describe("SchemaIssue.format", () => {
  it("joins all issues on one line", () => {
    expect(
      SchemaIssue.format([
        { path: "$.a", expected: "number" },
        { path: "$", expected: "a value, which is missing" }
      ])
    ).toBe("at $.a, expected number; at $, expected a value, which is missing")
    expect(SchemaIssue.format([])).toBe("")
  })
})
