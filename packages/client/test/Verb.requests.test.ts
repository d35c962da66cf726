/** Requests that a verb builds from its URL and options: queries stay unchanged, and nothing throws. */
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as ApiClient from "@countersign/client/ApiClient"
import type { ApiError } from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { api, base, failure, hostileText, runPromise, run, urls } from "./support/mockApi.js"

const ok = () => MockClient.respond(200)
const verbs = ["get", "head", "post", "put", "patch", "del", "options"] as const

/** Query characters of RFC 3986 §3.4, and others that a URL parser keeps. */
const query = FastCheck.string({ unit: FastCheck.constantFrom(..."abcXYZ019-._~!$&'()*+,;=:@/?%[]{}|^`\\") })
const params = FastCheck.dictionary(
  FastCheck.string({ unit: FastCheck.constantFrom(..."ab ü&=+'%"), minLength: 1, maxLength: 3 }),
  FastCheck.oneof(FastCheck.string({ unit: "grapheme", maxLength: 4 }), FastCheck.integer(), FastCheck.boolean()),
  { maxKeys: 3 }
)

describe("Verb query", () => {
  /** Ways to pass a query. */
  const urlForms = {
    path: (path: string) => path,
    "absolute URL": (path: string) => base + path,
    "URL object": (path: string) => new URL(base + path)
  }

  it("sends a query byte for byte in each form and appends parameters", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.constantFrom(...verbs),
        FastCheck.constantFrom(...(Object.keys(urlForms) as ReadonlyArray<keyof typeof urlForms>)),
        query,
        FastCheck.option(params, { nil: undefined }),
        FastCheck.constantFrom("", "#top", "#it's?x"),
        (verb, form, text, urlParams, hash) =>
          runPromise(
            Effect.gen(function* () {
              const { api: client, mock } = yield* api(ok)
              yield* run(
                untyped(client, verb)(
                  urlForms[form](`/x?${text}${hash}`),
                  urlParams === undefined ? {} : { query: urlParams }
                )
              )
              const [sent] = yield* mock.sent
              // `URL` itself encodes the apostrophe, before the client receives the text.
              const start = `${base}/x?${form === "URL object" ? text.replaceAll("'", "%27") : text}`
              expect(sent?.url.slice(0, start.length)).toBe(start)
              const added = new URLSearchParams(sent?.url.slice(start.length))
              expect(Object.fromEntries(added)).toEqual(
                Object.fromEntries(Object.entries(urlParams ?? {}).map(([name, value]) => [name, String(value)]))
              )
            })
          )
      ),
      { numRuns: 60 }
    ))

  it.effect("sends a query byte for byte with execute and httpClient", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      const path = "/x?flag&name=a%20b&f[n]=1&sig=~x&q='a'"
      yield* run(client.execute(HttpClientRequest.get(path, { urlParams: { page: 2 } })))
      yield* run(client.httpClient.get(path, { urlParams: { page: 2 } }))
      yield* run(client.httpClient.get(new URL(`${base}/x?f[n]=~`), { urlParams: { page: 2 } }))
      yield* run(client.execute(HttpClientRequest.get(path, { urlParams: { page: 2 }, hash: "top" })))
      yield* run(client.get(`${path}#top`, { query: { page: 2 } }))
      const sent = `GET ${base}${path}&page=2`
      expect(yield* urls(mock)).toEqual([sent, sent, `GET ${base}/x?f[n]=~&page=2`, sent, sent])
    })
  )

  it.effect("sends the query of a redirect byte for byte", () =>
    Effect.gen(function* () {
      const target = "/v1/y?flag&name=a%20b&f[n]=1&sig=~x&q='a'"
      const { api: client, mock } = yield* api([MockClient.respond(302, "", { location: `${target}#top` }), ok()])
      yield* run(client.get("/x?a='b'", { query: { page: 2 } }))
      expect(yield* urls(mock)).toEqual([`GET ${base}/x?a='b'&page=2`, `GET https://api.test${target}`])
    })
  )
})

describe("Verb query option", () => {
  it.effect("omits null and undefined values, nested too", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      const list: ReadonlyArray<readonly ["a", string | null | undefined]> = [
        ["a", null],
        ["a", "1"],
        ["a", undefined]
      ]
      yield* run(client.get("/x", { query: { a: null, b: undefined, c: 1 } }))
      yield* run(client.get("/x", { query: { a: [null, "1", undefined, true] } }))
      yield* run(client.get("/x", { query: { a: { b: null, c: { d: null, e: 2n } } } }))
      yield* run(client.get("/x", { query: list }))
      yield* run(client.get("/x", { query: new URLSearchParams("a=1&a=2") }))
      yield* run(client.get("/x", { query: { a: null } }))
      expect((yield* mock.sent).map(({ url }) => url.slice(base.length))).toEqual([
        "/x?c=1",
        "/x?a=1&a=true",
        "/x?a%5Bc%5D%5Be%5D=2",
        "/x?a=1",
        "/x?a=1&a=2",
        "/x"
      ])
    })
  )

  it("encodes like the platform for everything that the platform accepts", () => {
    const value = FastCheck.oneof(
      FastCheck.string({ maxLength: 3 }),
      FastCheck.integer(),
      FastCheck.boolean(),
      FastCheck.constant(undefined)
    )
    const { record } = FastCheck.letrec((tie) => ({
      record: FastCheck.dictionary(
        FastCheck.string({ maxLength: 2 }),
        FastCheck.oneof({ depthSize: "small" }, value, FastCheck.array(value, { maxLength: 3 }), tie("record")),
        { maxKeys: 3 }
      )
    }))
    return FastCheck.assert(
      FastCheck.asyncProperty(record, (input) =>
        runPromise(
          Effect.gen(function* () {
            // The arbitrary creates nested records of values. Its type does not say so.
            const urlParams = input as Record<string, string>
            const { api: client, mock } = yield* api(ok)
            yield* run(client.get("/x", { query: urlParams }))
            yield* run(client.execute(HttpClientRequest.get("/x", { urlParams })))
            const [ours, platforms] = yield* urls(mock)
            expect(ours).toBe(platforms)
          })
        )
      ),
      { numRuns: 40 }
    )
  })
})

/** Options that no type allows, and some that a type allows. */
const circular: Record<string, unknown> = { name: "circle" }
circular["self"] = circular
const throwing = {
  get query(): never {
    throw new Error("a getter that throws")
  }
}
const invalidOptions: ReadonlyArray<
  readonly [what: string, options: unknown, reason: "Url" | "Header" | "Body" | "Options"]
> = [
  ["half a surrogate pair in a parameter", { query: { a: "x\ud800" } }, "Url"],
  ["half a surrogate pair in a parameter's name", { query: [["\udc00x", "1"]] }, "Url"],
  ["a symbol as a parameter", { query: { a: Symbol("s") } }, "Url"],
  ["a symbol in a list", { query: { a: [Symbol("s")] } }, "Url"],
  ["a record in a list", { query: { a: [{ b: 1 }] } }, "Url"],
  ["a function as a parameter", { query: { a: () => 1 } }, "Url"],
  ["a date as a parameter", { query: { since: new Date(0) } }, "Url"],
  ["a URL as a parameter", { query: { to: new URL("https://a.test") } }, "Url"],
  ["a secret as a parameter", { query: { key: Redacted.make("c4n4ry") } }, "Url"],
  ["parameters in a circle", { query: circular }, "Url"],
  ["parameters as text", { query: "a=1" }, "Url"],
  ["a list without pairs", { query: [1, 2] }, "Url"],
  ["a header that is a symbol", { headers: { "x-a": Symbol("s") } }, "Header"],
  ["a header that is an object", { headers: { "x-a": { length: 0, toString: () => "x\r\ny" } } }, "Header"],
  ["headers that are a number", { headers: 5 }, "Header"],
  ["a getter that throws", throwing, "Options"],
  ["a body that is text", { body: "text" }, "Body"],
  ["two bodies", { json: 1, text: "x" }, "Body"],
  ["a form that is text", { form: "a=1" }, "Body"],
  ["a date in a form", { form: { since: new Date(0) } }, "Body"],
  ["a number in a multipart form", { multipart: { a: 1 } }, "Body"],
  ["an unknown option", { params: { a: 1 } }, "Options"],
  ["an unknown option of another option", { timeout: { cal: 1 } }, "Options"],
  ["a body that is a form", { body: new FormData() }, "Body"],
  ["a JSON value in a circle", { json: circular }, "Body"],
  ["a JSON value with a BigInt", { json: { id: 1n } }, "Body"],
  ["a JSON value that is a symbol", { json: Symbol("s") }, "Body"],
  ["a JSON value that is a function", { json: () => 1 }, "Body"],
  [
    "a JSON value whose toJSON throws",
    {
      json: {
        toJSON: () => {
          throw new Error("c4n4ry")
        }
      }
    },
    "Body"
  ]
]

/** A verb without its types. */
const untyped: (
  client: ApiClient.ApiClient,
  verb: (typeof verbs)[number]
) => (url: unknown, options?: unknown) => Effect.Effect<HttpClientResponse, ApiError> = (client, verb) => client[verb]

describe("Verb with invalid options", () => {
  it.effect.each(invalidOptions)(
    "rejects %s with InvalidRequest for every verb and sends nothing",
    ([, options, reason]) =>
      Effect.gen(function* () {
        const { api: client, mock } = yield* api(ok)
        for (const verb of verbs) {
          const call = untyped(client, verb)("/x", options)
          const error = yield* failure(call)
          // A verb without a body has none of its options.
          const isBodiless = reason === "Body" && ["get", "head", "options"].includes(verb)
          expect(error, verb).toMatchObject({ _tag: "InvalidRequest", reason: isBodiless ? "Options" : reason })
          expect(error.message).not.toContain("c4n4ry")
        }
        expect(yield* mock.sent).toEqual([])
      })
  )

  it.effect("fails with RequestError in httpClient", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(ok)
      const { httpClient } = client
      const error = yield* failure(httpClient.get("/x", { urlParams: { a: "\ud800" } }))
      expect(error).toMatchObject({ _tag: "RequestError", reason: "InvalidUrl" })
      // The platform's own verb would throw here.
      yield* run(httpClient.get("/x", { urlParams: { a: null, b: 1 } }))
      const built = yield* failure(httpClient.post("/x", { body: "text" as unknown as HttpBody.HttpBody }))
      expect(built).toMatchObject({ _tag: "RequestError", reason: "Encode" })
    })
  )

  it.effect("rejects a circular JSON value with a recursive schema as InvalidRequest", () =>
    Effect.gen(function* () {
      interface Link {
        self?: Link | undefined
      }
      const Link: Schema.Schema<Link> = Schema.Struct({
        self: Schema.optional(Schema.suspend((): Schema.Schema<Link> => Link))
      }).pipe(Schema.mutable)
      const link: Link = {}
      link.self = link
      const { api: client, mock } = yield* api(ok)
      const call = client.post("/x", { json: link, jsonSchema: Link })
      expect(yield* failure(call)).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("rejects URLs of a wrong type with reason Url, and accepts a URL of another realm", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      for (const url of [5, Symbol("u"), null, undefined, {}, () => "/x", { href: 5 }]) {
        for (const verb of verbs) {
          expect(yield* failure(untyped(client, verb)(url))).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
        }
      }
      yield* run(untyped(client, "get")({ href: `${base}/x?a=b` }))
      yield* run(untyped(client, "get")("/x", null))
      expect(yield* urls(mock)).toEqual([`GET ${base}/x?a=b`, `GET ${base}/x`])
    })
  )
})

describe("Verb with random arguments", () => {
  const anything = FastCheck.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withTypedArray: true
  })
  const anyValue = FastCheck.oneof(
    anything,
    hostileText(),
    FastCheck.constantFrom(circular, Symbol("s"), () => 1, throwing)
  )
  const options = FastCheck.oneof(
    FastCheck.record(
      {
        query: anyValue,
        path: anyValue,
        form: anyValue,
        multipart: anyValue,
        text: anyValue,
        timeout: anyValue,
        errorSchema: anyValue,
        headers: anyValue,
        json: anyValue,
        body: anyValue,
        unknown: anyValue,
        auth: anyValue,
        schema: anyValue,
        jsonSchema: anyValue
      },
      { requiredKeys: [] }
    ),
    anyValue
  )

  it("never throws", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.constantFrom(...verbs), anyValue, options, (verb, url, given) =>
        runPromise(
          Effect.gen(function* () {
            const { api: client } = yield* api(ok, { retry: false })
            const call = untyped(client, verb)
            // Only the creation of the effect must not throw. Its result does not matter here.
            const effect = call(url, given)
            expect(Effect.isEffect(effect)).toBe(true)
            expect(Effect.isEffect(call("/x", given))).toBe(true)
          })
        )
      ),
      { numRuns: 200 }
    ))
})

describe("Verb content-type", () => {
  it.effect("uses the type in the headers of the call", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      yield* run(client.patch("/x", { json: { a: 1 }, headers: { "Content-Type": "application/merge-patch+json" } }))
      yield* run(client.patch("/x", { json: { a: 1 } }))
      expect((yield* mock.sent).map(({ headers }) => headers["content-type"])).toEqual([
        "application/merge-patch+json",
        "application/json"
      ])
    })
  )
})
