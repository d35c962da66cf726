/** Types of `JsonLines.stream`: its options, values, errors and requirements. */
import type { ApiClient } from "@countersign/client/ApiClient"
import type * as Errors from "@countersign/client/Errors"
import * as JsonLines from "@countersign/client/JsonLines"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { describe, expectTypeOf, it } from "vitest"

const Item = Schema.Struct({ id: Schema.NumberFromString })

class Key extends Context.Tag("test/Key")<Key, string>() {}
const Sealed = Schema.transformOrFail(Schema.String, Schema.Number, {
  decode: () => Effect.as(Key, 1),
  encode: () => Key
})

describe("JsonLines.stream", () => {
  it("has the values of the schema, its services, and the errors of the client", () => {
    const _streams = (api: ApiClient, own: ApiClient<Errors.ApiError | "own">) => ({
      plain: JsonLines.stream(api, "/x", { schema: Item }),
      own: JsonLines.stream(own, "/x/{id}", { schema: Sealed, path: { id: 1 }, method: "POST", json: 1, idle: false })
    })
    type Streams = ReturnType<typeof _streams>
    type Failure = Errors.ApiError | Errors.InvalidResponse
    expectTypeOf<Streams["plain"]>().toEqualTypeOf<Stream.Stream<{ readonly id: number }, Failure>>()
    expectTypeOf<Streams["own"]>().toEqualTypeOf<Stream.Stream<number, Failure | "own", Key>>()
  })

  it("rejects unknown options, a missing schema and a missing path", () => {
    const _wrong = (api: ApiClient) => [
      // @ts-expect-error -- unknown
      JsonLines.stream(api, "/x", { schema: Item, maxLine: 1 }),
      // @ts-expect-error -- no schema
      JsonLines.stream(api, "/x", {}),
      // @ts-expect-error -- not an option of a stream
      JsonLines.stream(api, "/x", { schema: Item, withResponse: true }),
      // @ts-expect-error -- the path is missing
      JsonLines.stream(api, "/x/{id}", { schema: Item })
    ]
    expectTypeOf(_wrong).toBeFunction()
  })
})
