/** Types of `ServerEvents`: options, events, errors and requirements. */
import type { ApiClient } from "@countersign/client/ApiClient"
import type * as Errors from "@countersign/client/Errors"
import type { OpenResponse } from "@countersign/client/OpenResponse"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { describe, expectTypeOf, it } from "vitest"

const Delta = Schema.Struct({ text: Schema.String })
const Usage = Schema.Struct({ tokens: Schema.Number })
const Failure = Schema.Struct({ why: Schema.String })

class Key extends Context.Tag("test/Key")<Key, string>() {}
const Sealed = Schema.transformOrFail(Schema.String, Schema.Number, {
  decode: () => Effect.as(Key, 1),
  encode: () => Key
})

type Event<Name extends string, A> = ServerEvents.ServerEvent<Name, A>

describe("ServerEvents.stream", () => {
  it("has the events, their services, and the errors of the client and of failOn", () => {
    const _streams = (api: ApiClient, own: ApiClient<Errors.ApiError | "own">) => ({
      text: ServerEvents.stream(api, "/x", {}),
      all: ServerEvents.stream(own, "/x/{id}", { path: { id: 1 }, schema: Sealed, idle: false }),
      named: ServerEvents.stream(api, "/x", {
        method: "POST",
        json: {},
        events: { delta: Delta, usage: Usage },
        failOn: { error: Failure },
        until: ({ event }) => event === "end"
      })
    })
    type Streams = ReturnType<typeof _streams>
    type Failed = Errors.ApiError | Errors.InvalidResponse
    expectTypeOf<Streams["text"]>().toEqualTypeOf<Stream.Stream<Event<string, string>, Failed>>()
    expectTypeOf<Streams["all"]>().toEqualTypeOf<Stream.Stream<Event<string, number>, Failed | "own", Key>>()
    expectTypeOf<Streams["named"]>().toEqualTypeOf<
      Stream.Stream<
        Event<"delta", { readonly text: string }> | Event<"usage", { readonly tokens: number }>,
        Failed | ServerEvents.EventError<{ readonly why: string }>
      >
    >()
  })

  it("rejects unknown options, other values and a missing path", () => {
    const _wrong = (api: ApiClient) => [
      // @ts-expect-error -- unknown
      ServerEvents.stream(api, "/x", { untill: "[DONE]" }),
      // @ts-expect-error -- no schema
      ServerEvents.stream(api, "/x", { events: { delta: "Delta" } }),
      // @ts-expect-error -- another word
      ServerEvents.stream(api, "/x", { reconnect: "sometimes" }),
      // @ts-expect-error -- the path is missing
      ServerEvents.stream(api, "/x/{id}", {})
    ]
    expectTypeOf(_wrong).toBeFunction()
  })
})

describe("ServerEvents.fromResponse", () => {
  it("has the events, their services, and the errors of a stream in the middle", () => {
    const _streams = (opened: OpenResponse) => ({
      text: ServerEvents.fromResponse(opened),
      all: ServerEvents.fromResponse(opened, { schema: Sealed, failOn: { error: Failure } }),
      // @ts-expect-error -- the response is open already.
      other: ServerEvents.fromResponse(opened, { reconnect: "never" })
    })
    type Streams = ReturnType<typeof _streams>
    expectTypeOf<Streams["text"]>().toEqualTypeOf<
      Stream.Stream<Event<string, string>, ServerEvents.StreamError<undefined>>
    >()
    expectTypeOf<Streams["all"]>().toEqualTypeOf<
      Stream.Stream<Event<string, number>, ServerEvents.StreamError<{ readonly error: typeof Failure }>, Key>
    >()
  })
})
