/** The cases of the HTTP cache tests. The data is that of another project: see `data/cache-tests`. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"

/** A field and its value. A number is a date, in seconds from now. `false` means that the value is not compared. */
const Field = Schema.Array(Schema.Union(Schema.String, Schema.Number, Schema.Boolean))
const Expectation = Schema.Union(Schema.String, Field)

const flag = Schema.optional(Schema.Boolean)
const text = Schema.optional(Schema.String)
const fields = Schema.optional(Schema.Array(Field))
const expectations = Schema.optional(Schema.Array(Expectation))

/** One request of a case, its response, and what is expected. */
const Step = Schema.Struct({
  setup: flag,
  setup_tests: Schema.optional(Schema.Array(Schema.String)),
  pause_after: flag,
  request_method: text,
  request_headers: fields,
  request_body: text,
  filename: text,
  query_arg: text,
  cache: text,
  disconnect: flag,
  magic_locations: flag,
  response_pause: Schema.optional(Schema.Number),
  response_status: Schema.optional(Schema.Tuple(Schema.Number, Schema.String)),
  response_headers: fields,
  response_body: Schema.optional(Schema.NullOr(Schema.String)),
  check_body: flag,
  expected_type: Schema.optional(Schema.Literal("cached", "not_cached", "etag_validated", "lm_validated")),
  expected_method: text,
  expected_status: Schema.optional(Schema.NullOr(Schema.Number)),
  expected_response_text: Schema.optional(Schema.NullOr(Schema.String)),
  expected_response_headers: expectations,
  expected_response_headers_missing: expectations,
  expected_request_headers: expectations
})

const Test = Schema.Struct({
  suite: Schema.String,
  id: Schema.String,
  name: Schema.String,
  /** `required` by the specification if omitted. `optimal` is allowed, and better. `check` only describes a cache. */
  kind: Schema.optionalWith(Schema.Literal("required", "optimal", "check"), { default: () => "required" }),
  depends_on: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
  requests: Schema.Array(Step)
})

export type Field = typeof Field.Type
export type Expectation = typeof Expectation.Type
export type Step = typeof Step.Type
export type Test = typeof Test.Type

const decode = Schema.decodeUnknown(Schema.parseJson(Test))

/** Reads the cases. Invalid data is a defect. */
export const load: Effect.Effect<ReadonlyArray<Test>> = Effect.suspend(() => {
  const lines = readFileSync(new URL("../../data/cache-tests/tests.jsonl", import.meta.url), "utf8")
  return Effect.orDie(Effect.forEach(lines.trimEnd().split("\n"), (line) => decode(line)))
})
