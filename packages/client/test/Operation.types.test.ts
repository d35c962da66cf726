/** Types of operations: options, results, errors and requirements. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { ApiClient } from "@countersign/client/ApiClient"
import type * as Auth from "@countersign/client/Auth"
import type * as Errors from "@countersign/client/Errors"
import * as Operation from "@countersign/client/Operation"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expectTypeOf, it } from "vitest"

const Report = Schema.Struct({ made: Schema.Date })
type Report = typeof Report.Type

class Key extends Context.Tag("test/Key")<Key, string>() {}
const Sealed = Schema.transformOrFail(Schema.String, Schema.Number, {
  decode: () => Effect.as(Key, 1),
  encode: () => Key
})

declare class Denied {
  readonly _tag: "Denied"
}

type Failure = Errors.ApiError | Errors.InvalidResponse | Operation.OperationError

declare const position: Operation.Position

describe("Operation types", () => {
  it("infer result, errors and services", () => {
    const _operations = (api: ApiClient, auth: Auth.Service<Denied>) => ({
      body: Operation.run(api, "/x", { json: {}, schema: Report }),
      response: Operation.run(api, "/x", { method: "DELETE" }),
      scheme: Operation.run(api, "/x/{id}", { path: { id: 1 }, schema: Report, auth }),
      sealed: Operation.run(api, "/x", { json: 1, jsonSchema: Sealed }),
      later: Operation.wait(api, position, { schema: Report })
    })
    type Operations = ReturnType<typeof _operations>
    expectTypeOf<Operations["body"]>().toEqualTypeOf<Effect.Effect<Report, Failure>>()
    expectTypeOf<Operations["response"]>().toEqualTypeOf<Effect.Effect<HttpClientResponse, Failure>>()
    expectTypeOf<Operations["scheme"]>().toEqualTypeOf<Effect.Effect<Report, Failure | Denied>>()
    expectTypeOf<Operations["sealed"]>().toEqualTypeOf<Effect.Effect<HttpClientResponse, Failure, Key>>()
    expectTypeOf<Operations["later"]>().toEqualTypeOf<Effect.Effect<Report, Failure>>()
  })

  it("reject misspelt and wrong options", () => {
    const _wrong = (api: ApiClient) => [
      // @ts-expect-error A misspelt option.
      Operation.run(api, "/x", { schema: Report, maxwait: "1 minute" }),
      // @ts-expect-error A GET starts nothing.
      Operation.run(api, "/x", { schema: Report, method: "GET" }),
      // @ts-expect-error The path needs its parameter.
      Operation.run(api, "/x/{id}", { schema: Report }),
      // @ts-expect-error Only the first request has a query.
      Operation.wait(api, position, { schema: Report, query: { a: 1 } }),
      // @ts-expect-error The position is no URL.
      Operation.wait(api, "https://api.test/jobs/1", { schema: Report })
    ]
    expectTypeOf(_wrong).toBeFunction()
  })
})
