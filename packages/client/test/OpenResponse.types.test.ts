/** Types of `api.open`: its options, errors and requirements. */
import type { ApiClient } from "@countersign/client/ApiClient"
import type * as Errors from "@countersign/client/Errors"
import type { OpenResponse } from "@countersign/client/OpenResponse"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expectTypeOf, it } from "vitest"

const Failure = Schema.Struct({ message: Schema.String })

describe("open", () => {
  it("requires a scope, and has the errors of the client", () => {
    const _calls = (api: ApiClient<Errors.ApiError | "own">) => ({
      plain: api.open("/x"),
      post: api.open("/x/{id}", { path: { id: 1 }, method: "POST", json: 1, idle: false, timeout: "5 seconds" }),
      typed: api.open("/x", { errorSchema: Failure })
    })
    type Calls = ReturnType<typeof _calls>
    type Opened = Effect.Effect<OpenResponse, Errors.ApiError | "own", Scope.Scope>
    expectTypeOf<Calls["plain"]>().toEqualTypeOf<Opened>()
    expectTypeOf<Calls["post"]>().toEqualTypeOf<Opened>()
    type ErrorOf = Effect.Effect.Error<Calls["typed"]>
    type Body = Extract<ErrorOf, { readonly _tag: "ClientError" }>["body"]
    expectTypeOf<Body>().toEqualTypeOf<typeof Failure.Type | undefined>()
  })

  it("has a body that fails with an error of the client", () => {
    expectTypeOf<OpenResponse["stream"]>().toEqualTypeOf<Stream.Stream<Uint8Array, Errors.TransportError>>()
    expectTypeOf<Errors.TransportError>().toExtend<Errors.ApiError>()
  })

  it("rejects unknown options, options of verbs, and a missing path", () => {
    const _calls = (api: ApiClient) => [
      // @ts-expect-error -- unknown
      api.open("/x", { idel: "1 second" }),
      // @ts-expect-error -- the body is a stream
      api.open("/x", { schema: Failure }),
      // @ts-expect-error -- the body has no limit
      api.open("/x", { maxBodySize: 1 }),
      // @ts-expect-error -- not a duration
      api.open("/x", { idle: "soon" }),
      // @ts-expect-error -- the path is missing
      api.open("/x/{id}")
    ]
    expectTypeOf(_calls).toBeFunction()
  })
})
