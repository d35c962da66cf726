/** Types of clients with Promises. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type * as Errors from "@countersign/client/Errors"
import * as PromiseClient from "@countersign/client/PromiseClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expectTypeOf, it } from "vitest"

class Api extends ApiClient.Tag("test/Api")<Api>() {}
class Sealed extends ApiClient.Tag("test/Sealed")<Sealed, "own">() {}
class Key extends Context.Tag("test/Key")<Key, string>() {}

const User = Schema.Struct({ id: Schema.Number })
const Keyed = Schema.transformOrFail(Schema.String, Schema.Number, {
  decode: () => Effect.as(Key, 1),
  encode: () => Key
})

type Client = PromiseClient.PromiseClient

describe("PromiseClient types", () => {
  it("contain the body, the Response, or both", () => {
    const _calls = (api: Client, isPair: boolean) => ({
      response: api.get("/user"),
      body: api.get("/user", { schema: User }),
      both: api.get("/users/{id}", { path: { id: 1 }, schema: User, withResponse: true }),
      either: api.post("/user", { json: { id: 1 }, jsonSchema: User, schema: User, withResponse: isPair }),
      found: api.request("PROPFIND", "/user", { schema: User, signal: AbortSignal.timeout(5) })
    })
    type Calls = ReturnType<typeof _calls>
    type User = typeof User.Type
    expectTypeOf<Calls["response"]>().toEqualTypeOf<Promise<Response>>()
    expectTypeOf<Calls["body"]>().toEqualTypeOf<Promise<User>>()
    expectTypeOf<Calls["both"]>().toEqualTypeOf<Promise<readonly [body: User, response: Response]>>()
    expectTypeOf<Calls["either"]>().toEqualTypeOf<Promise<User | readonly [body: User, response: Response]>>()
    expectTypeOf<Calls["found"]>().toEqualTypeOf<Promise<User>>()
  })

  it("give run and iterate the client of the tag, and return their elements", () => {
    const _uses = (api: PromiseClient.PromiseClient<Errors.ApiError | "own">) => ({
      run: api.run((client) => {
        expectTypeOf(client).toEqualTypeOf<ApiClient.ApiClient<Errors.ApiError | "own">>()
        return client.get("/user", { schema: User })
      }),
      iterate: api.iterate((client) => Stream.fromEffect(client.get("/user", { schema: User })))
    })
    type Uses = ReturnType<typeof _uses>
    expectTypeOf<Uses["run"]>().toEqualTypeOf<Promise<{ readonly id: number }>>()
    expectTypeOf<Uses["iterate"]>().toEqualTypeOf<AsyncIterable<{ readonly id: number }>>()
    const _made = PromiseClient.make(
      Sealed,
      Sealed.layer({ baseUrl: "https://a.test", auth: Auth.none }).pipe(Layer.provide(FetchHttpClient.layer))
    )
    expectTypeOf(_made).toEqualTypeOf<PromiseClient.PromiseClient<Errors.ApiError | "own">>()
  })

  it("can be used with await using", () => {
    const _program = async (api: Client) => {
      await using client = api
      return client.get("/user")
    }
    expectTypeOf(_program).returns.resolves.toEqualTypeOf<Response>()
  })

  it("reject unknown names, schemas that require services, and Layers that require services", () => {
    const wrong = (api: Client) => [
      // @ts-expect-error -- the path parameter is missing
      api.get("/users/{id}"),
      // @ts-expect-error -- `id`
      api.get("/users/{id}", { path: { ID: 7 } }),
      // @ts-expect-error -- `signal`
      api.get("/users", { signals: AbortSignal.abort() }),
      // @ts-expect-error -- `headers`
      api.get("/users", { schema: User, header: {} }),
      // @ts-expect-error -- a GET has no body
      api.get("/users", { json: {} }),
      // @ts-expect-error -- `retry`
      api.post("/users", { retries: 3 }),
      // @ts-expect-error -- the schema encodes numbers
      api.post("/users", { json: { id: "1" }, jsonSchema: User }),
      // @ts-expect-error -- the schema requires a service
      api.get("/users", { schema: Keyed }),
      // @ts-expect-error -- the schema requires a service
      api.post("/users", { json: 1, jsonSchema: Keyed }),
      // @ts-expect-error -- the schema requires a service
      api.get("/users", { errorSchema: Keyed }),
      // @ts-expect-error -- the effect requires a service
      api.run(() => Key),
      // @ts-expect-error -- the stream requires a service
      api.iterate(() => Stream.fromEffect(Key)),
      // @ts-expect-error -- the body is a stream
      api.open("/users", { schema: Schema.String }),
      // @ts-expect-error -- unknown
      api.open("/users", { signals: AbortSignal.timeout(1) }),
      // @ts-expect-error -- the Layer requires a transport
      PromiseClient.make(Api, Api.layer({ baseUrl: "https://a.test", auth: Auth.none })),
      // @ts-expect-error -- the Layer of another API
      PromiseClient.make(Api, Sealed.layer({ baseUrl: "https://a.test", auth: Auth.none }) as Layer.Layer<Sealed>)
    ]
    expectTypeOf(wrong).toBeFunction()
  })
})
