/** Types of calls: options, results, errors and requirements. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { ApiClient } from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type * as Errors from "@countersign/client/Errors"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expectTypeOf, it } from "vitest"

const User = Schema.Struct({ id: Schema.Number, login: Schema.String })
type User = typeof User.Type
const Failure = Schema.Struct({ message: Schema.String })

class Key extends Context.Tag("test/Key")<Key, string>() {}
const Sealed = Schema.transformOrFail(Schema.String, Schema.Number, {
  decode: () => Effect.as(Key, 1),
  encode: () => Key
})

type Response = Effect.Effect<HttpClientResponse, Errors.ApiError>

describe("Verb results", () => {
  it("contain the response, the body, or both", () => {
    const _calls = (api: ApiClient, isPair: boolean) => ({
      response: api.get("/user"),
      body: api.get("/user", { schema: User }),
      both: api.get("/user", { schema: User, withResponse: true }),
      either: api.get("/user", { schema: User, withResponse: isPair }),
      list: api.get("/users", { schema: Schema.Array(User), query: { page: 2, tags: ["a", "b"], none: undefined } }),
      removed: api.delete("/user"),
      found: api.request("PROPFIND", "/user", { schema: User })
    })
    type Calls = ReturnType<typeof _calls>
    type Both = readonly [body: User, response: HttpClientResponse]
    type Decoding<A> = Effect.Effect<A, Errors.ApiError | Errors.InvalidResponse>
    expectTypeOf<Calls["response"]>().toEqualTypeOf<Response>()
    expectTypeOf<Calls["body"]>().toEqualTypeOf<Decoding<User>>()
    expectTypeOf<Calls["both"]>().toEqualTypeOf<Decoding<Both>>()
    expectTypeOf<Calls["either"]>().toEqualTypeOf<Decoding<User | Both>>()
    expectTypeOf<Calls["list"]>().toEqualTypeOf<Decoding<ReadonlyArray<User>>>()
    expectTypeOf<Calls["removed"]>().toEqualTypeOf<Response>()
    expectTypeOf<Calls["found"]>().toEqualTypeOf<Decoding<User>>()
  })

  it("require the services of all schemas", () => {
    const _calls = (api: ApiClient) => ({
      decoding: api.get("/x", { schema: Sealed }),
      encoding: api.post("/x", { json: 1, jsonSchema: Sealed }),
      error: api.get("/x", { errorSchema: Sealed }),
      plain: api.post("/x", { json: "1", jsonSchema: Schema.String })
    })
    type Calls = ReturnType<typeof _calls>
    expectTypeOf<Effect.Effect.Context<Calls["decoding"]>>().toEqualTypeOf<Key>()
    expectTypeOf<Effect.Effect.Context<Calls["encoding"]>>().toEqualTypeOf<Key>()
    expectTypeOf<Effect.Effect.Context<Calls["error"]>>().toEqualTypeOf<Key>()
    expectTypeOf<Effect.Effect.Context<Calls["plain"]>>().toEqualTypeOf<never>()
  })
})

describe("Verb errors", () => {
  it("have a typed body with an errorSchema", () => {
    const _call = (api: ApiClient) => api.get("/user", { schema: User, errorSchema: Failure })
    type Error = Effect.Effect.Error<ReturnType<typeof _call>>
    type Body<Tag> = Extract<Error, { readonly _tag: Tag }> extends { readonly body: infer B } ? B : "no body"
    type Message = { readonly message: string } | undefined
    expectTypeOf<Body<"ClientError">>().toEqualTypeOf<Message>()
    expectTypeOf<Body<"Unauthorized">>().toEqualTypeOf<Message>()
    expectTypeOf<Body<"Forbidden">>().toEqualTypeOf<Message>()
    expectTypeOf<Body<"RateLimited">>().toEqualTypeOf<Message>()
    expectTypeOf<Body<"Unavailable">>().toEqualTypeOf<Message>()
    expectTypeOf<Extract<Error, { readonly _tag: "TransportError" }>>().toEqualTypeOf<Errors.TransportError>()
    const _caught = (api: ApiClient) =>
      Effect.catchTag(_call(api), "ClientError", (error) => Effect.succeed(error.body?.message))
    expectTypeOf<Effect.Effect.Success<ReturnType<typeof _caught>>>().toEqualTypeOf<User | string | undefined>()
  })

  it("contain those of the scheme of one call", () => {
    const scheme = Auth.makeStaticEffect(() => Effect.fail<"own">("own"))
    const _call = (api: ApiClient) => api.get("/x", { auth: scheme })
    expectTypeOf<Effect.Effect.Error<ReturnType<typeof _call>>>().toEqualTypeOf<Errors.ApiError | "own">()
  })
})

describe("Verb options", () => {
  it("accept path parameters of a literal URL, of a URL of type string, and none", () => {
    const _calls = (api: ApiClient, url: string, either: string | URL) => [
      api.get("/users/{id}", { path: { id: 7 } }),
      api.get("/repos/{owner}/{repo}/contents/{+path}", { path: { owner: "a", repo: "b", path: "c/d" } }),
      api.get(url),
      api.get(url, { path: { id: 7 } }),
      api.get(url, { query: { a: 1 } }),
      api.get(new URL("https://a.test"), { query: { a: 1 } }),
      api.get(either),
      api.get(either, { query: { a: 1 } }),
      api.get(`/users/${url}`, { query: { a: 1 } })
    ]
    expectTypeOf(_calls).toBeFunction()
  })

  it("accept each body, and the overrides of one call", () => {
    const _calls = (api: ApiClient) => [
      api.post("/users", { json: { a: 1 } }),
      api.post("/users", { json: { id: 1, login: "x" }, jsonSchema: User, schema: User }),
      api.post("/login", { form: { user: "ada" }, timeout: "5 seconds", retry: false, maxBodySize: 10 }),
      api.post("/files/{id}", { path: { id: 1n }, multipart: { note: "x", file: new Blob(["x"]) } }),
      api.put("/text", { text: "x", timeout: { call: "3 minutes", exchange: false }, retry: { statuses: [503] } }),
      api.patch("/bytes", { body: new Uint8Array(1), redirects: false })
    ]
    expectTypeOf(_calls).toBeFunction()
  })

  it("reject an unknown name, and values of another type", () => {
    const wrong = (api: ApiClient) => [
      // @ts-expect-error -- the path parameter is missing
      api.get("/users/{id}"),
      // @ts-expect-error -- the path parameter is missing
      api.get("/users/{id}", { schema: User }),
      // @ts-expect-error -- `id`
      api.get("/users/{id}", { path: { ID: 7 } }),
      // @ts-expect-error -- one name too many
      api.get("/users/{id}", { path: { id: 7, extra: 1 } }),
      // @ts-expect-error -- the URL has no parameter
      api.get("/users", { path: { id: 7 } }),
      // @ts-expect-error -- a record is no value of a path
      api.get("/users/{id}", { path: { id: { nested: 1 } } }),
      // @ts-expect-error -- a GET has no body
      api.get("/users", { json: {} }),
      // @ts-expect-error -- `json`
      api.post("/users", { data: {} }),
      // @ts-expect-error -- the schema encodes numbers
      api.post("/users", { json: { id: "1", login: "x" }, jsonSchema: User }),
      // @ts-expect-error -- `headers`
      api.get("/users", { schema: User, header: {} }),
      // @ts-expect-error -- `json`
      api.post("/users", { body: { title: "x" } }),
      // @ts-expect-error -- `query`
      api.get("/users", { params: { a: 1 } }),
      // @ts-expect-error -- `query`
      api.get("/users", { urlParams: { a: 1 } }),
      // @ts-expect-error -- `retry`
      api.get("/users", { retries: 3 }),
      // @ts-expect-error -- `call`
      api.get("/users", { timeout: { cal: "1 second" } }),
      // @ts-expect-error -- a Schema
      api.get("/users", { schema: { id: "number" } }),
      // @ts-expect-error -- `budget`
      api.get("/users", { retry: { budgett: false }, schema: User }),
      // @ts-expect-error -- a boolean
      api.get("/users", { withResponse: "yes", schema: User }),
      // @ts-expect-error -- `timeout`
      api.with({ timeouts: "1 second" })
    ]
    expectTypeOf(wrong).toBeFunction()
  })
})
