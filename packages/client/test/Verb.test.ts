import * as HttpBody from "@effect/platform/HttpBody"
import * as Auth from "@countersign/client/Auth"
import * as JsonCodec from "@countersign/client/JsonCodec"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { api, base, failure, run, urls } from "./support/mockApi.js"

const { respond } = MockClient
const User = Schema.Struct({ id: Schema.Number, born: Schema.Date })
const ada = { id: 1, born: "1815-12-10T00:00:00.000Z" }

describe("Verb", () => {
  it.effect("sends the method of its name", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200))
      for (const verb of ["get", "head", "post", "put", "patch", "del", "options"] as const)
        yield* run(client[verb]("/x"))
      expect(yield* urls(mock)).toEqual(
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map((method) => `${method} ${base}/x`)
      )
    })
  )

  it.effect("sends query, header fields and body of the options", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200))
      yield* run(
        client.get("/x?a=1", { query: { b: "ü&", c: ["1", "2"] }, headers: { "x-a": "1", accept: "text/plain" } })
      )
      yield* run(client.post("/x", { body: HttpBody.text("text") }))
      yield* run(client.del("/x", { json: { why: "asked" } }))
      const [first, second, third] = yield* mock.sent
      expect(first).toMatchObject({
        url: `${base}/x?a=1&b=%C3%BC%26&c=1&c=2`,
        headers: { "x-a": "1", accept: "text/plain" }
      })
      expect(second).toMatchObject({ body: "text", headers: { "content-type": "text/plain" } })
      expect(third).toMatchObject({ method: "DELETE", body: '{"why":"asked"}' })
    })
  )

  it.effect("sends the client's accept and JSON content type with schemas and JSON", () =>
    Effect.gen(function* () {
      const type = "application/vnd.api+json"
      const { api: client, mock } = yield* api(() => respond(200, {}), {
        headers: { Accept: type, "content-type": type }
      })
      const Any = Schema.Unknown
      yield* run(client.get("/x", { schema: Any }))
      yield* run(client.post("/x", { json: {}, schema: Any }))
      yield* run(client.post("/x", { form: { a: "1" } }))
      yield* run(client.post("/x", { json: {}, headers: { "content-type": "application/json", accept: "text/csv" } }))
      yield* run(client.with({ headers: { accept: "text/plain" } }).get("/x", { schema: Any }))
      expect((yield* mock.sent).map(({ headers }) => [headers["accept"], headers["content-type"]])).toEqual([
        [type, undefined],
        [type, type],
        [type, "application/x-www-form-urlencoded"],
        ["text/csv", "application/json"],
        ["text/plain", undefined]
      ])
    })
  )

  it.effect("sends no body for a GET, and uses the body that is defined", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200))
      const withBody = { json: { a: 1 } }
      const error = yield* failure(client.get("/x", withBody as object))
      expect(error.message).toContain("a GET call has no option `json`")
      yield* run(client.request("GET", "/x", withBody))
      yield* run(client.post("/x", { json: undefined, text: "a" }))
      yield* run(client.get("/x", { trace: undefined } as object))
      expect((yield* mock.sent).map(({ body }) => body)).toEqual(['{"a":1}', "a", undefined])
    })
  )

  it.effect.each<readonly [string, unknown, string]>([
    ["an unknown name", { timout: 5 }, "`api.with` has no option `timout`. Did you mean `timeout`?"],
    ["an option of one call", { schema: Schema.Null }, "`api.with` has no option `schema`."],
    ["a value of another kind", { redirects: "none" }, "`redirects` is a text of another form."],
    ["a Layer as credentials", { auth: Auth.layer(Auth.none) }, "`auth` is a Layer."],
    ["a negative timeout", { timeout: -1 }, "`timeout` is -1."],
    ["no object", null, "`api.with` needs an object of options."]
  ])("rejects %s in the options of `with`", ([_, options, message]) =>
    Effect.gen(function* () {
      const { api: client } = yield* api([])
      expect(() => client.with(options as object)).toThrow(message)
    })
  )

  it.effect("uses the auth option for retries too", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respond(503), respond(200)])
      const auth = Auth.makeStaticEffect((request) =>
        Effect.succeed({ ...request, headers: { ...request.headers, "x-k": "k" } })
      )
      yield* run(client.get("/x", { auth }))
      expect((yield* mock.sent).map(({ headers }) => headers["x-k"])).toEqual(["k", "k"])
    })
  )
})

describe("The message of InvalidResponse", () => {
  it.effect.each<readonly [string, MockClient.Step, string]>([
    [
      "a page",
      respond(200, "<html>", { "content-type": "text/html; charset=utf-8" }),
      "is not JSON but text/html. Check the base URL and the path."
    ],
    ["broken JSON", respond(200, "{", { "content-type": "application/json" }), "is not JSON"],
    [
      "broken JSON of a vendor's type",
      respond(200, "{", { "content-type": "application/vnd.api+json" }),
      "is not JSON"
    ],
    ["an invalid type", respond(200, "{", { "content-type": "\u001b[31m" }), "is not JSON"],
    ["no body", respond(204), "is empty, and the schema does not accept null"],
    ["null", respond(200, null), "does not match the schema: at $, expected"]
  ])("says what a body is: %s", ([_, response, problem]) =>
    Effect.gen(function* () {
      const { api: client } = yield* api([response])
      const { message } = yield* failure(client.get("/x", { schema: User }))
      expect(message).toContain(`: the body ${problem}`)
    })
  )

  it.effect.each<readonly [string, JsonCodec.JsonCodec | undefined]>([
    ["JSON", undefined],
    ["a codec", JsonCodec.bigInt]
  ])("accepts an empty body with a schema of null and %s", ([_, json]) =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(204)], { json })
      expect(yield* run(client.delete("/x", { schema: Schema.Null }))).toBe(null)
    })
  )
})

describe("Verb with a recursive schema", () => {
  interface Tree {
    readonly child?: Tree | undefined
  }
  const Tree: Schema.Schema<Tree> = Schema.Struct({
    child: Schema.optional(Schema.suspend((): Schema.Schema<Tree> => Tree))
  })
  const nested = (depth: number) => '{"child":'.repeat(depth) + "{}" + "}".repeat(depth)

  it.effect("decodes a tree and fails for one deeper than the stack", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(200, nested(20)), respond(200, nested(100_000))])
      expect(yield* run(client.get("/x", { schema: Tree }))).toHaveProperty(Array.from({ length: 20 }, () => "child"))
      expect(yield* failure(client.get("/x", { schema: Tree }))).toMatchObject({
        _tag: "InvalidResponse",
        reason: "Schema",
        mismatches: [{ path: "$", expected: "a value that is less deeply nested" }]
      })
    })
  )

  it.effect("encodes a tree and rejects one deeper than the stack or circular", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respond(200)])
      const tree = (depth: number): Tree => {
        let root: Tree = {}
        for (let level = 0; level < depth; level++) root = { child: root }
        return root
      }
      const circular: { child?: Tree } = {}
      circular.child = circular
      yield* run(client.post("/x", { json: tree(20), jsonSchema: Tree }))
      for (const json of [tree(100_000), circular]) {
        expect(yield* failure(client.post("/x", { json, jsonSchema: Tree }))).toMatchObject({
          _tag: "InvalidRequest",
          reason: "Body",
          detail: "`json` cannot be encoded: at $, expected a value that is less deeply nested"
        })
      }
      expect(yield* failure(client.post("/x", { json: tree(100_000) }))).toMatchObject({
        _tag: "InvalidRequest",
        reason: "Body"
      })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})

describe("Verb json option", () => {
  it.effect("sends application/json, also for null and false", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200))
      for (const json of [{ a: "ü" }, [], null, false, 0, ""]) yield* run(client.post("/x", { json }))
      const sent = yield* mock.sent
      expect(sent.map(({ body }) => body)).toEqual(['{"a":"ü"}', "[]", "null", "false", "0", '""'])
      for (const { headers } of sent) expect(headers["content-type"]).toBe("application/json")
    })
  )

  it.effect("encodes with jsonSchema first", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200))
      yield* run(client.put("/x", { json: { id: 1, born: new Date(ada.born) }, jsonSchema: User }))
      expect(JSON.parse((yield* mock.sent)[0]!.body!)).toEqual(ada)
    })
  )

  it.effect("rejects values that cannot be encoded and sends nothing", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([])
      const circular: Record<string, unknown> = {}
      circular["self"] = circular
      const throwing = {
        toJSON: () => {
          throw new Error("c4n4ry")
        }
      }
      const undefinedJson = { toJSON: () => undefined }
      for (const json of [circular, 1n, { n: 1n }, throwing, undefined, () => 1, Symbol("s"), undefinedJson]) {
        const error = yield* failure(client.post("/x", { json }))
        expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
        expect(error.message).not.toContain("c4n4ry")
      }
      const born = new Date(Number.NaN)
      const error = yield* failure(
        client.post("/x", {
          json: { id: 1, born },
          jsonSchema: Schema.Struct({ id: Schema.Number, born: Schema.ValidDateFromSelf })
        })
      )
      expect(error.message).toContain("at $.born, expected ValidDate")
      expect(yield* mock.sent).toEqual([])
    })
  )
})

describe("Verb schema option", () => {
  it.effect("decodes the body", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(200, ada)])
      expect(yield* run(client.get("/x", { schema: User }))).toEqual({ id: 1, born: new Date(ada.born) })
    })
  )

  it.effect("combines with jsonSchema", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respond(200, ada)])
      const value = { id: 1, born: new Date(ada.born) }
      expect(yield* run(client.post("/x", { json: value, jsonSchema: User, schema: User }))).toEqual(value)
      expect((yield* mock.sent)[0]?.body).toBe(JSON.stringify(ada))
    })
  )

  it.effect("uses services of the context", () =>
    Effect.gen(function* () {
      class Factor extends Context.Tag("test/Factor")<Factor, number>() {}
      const Scaled = Schema.transformOrFail(Schema.Number, Schema.Number, {
        decode: (n) => Effect.map(Factor, (factor) => n * factor),
        encode: (n) => Effect.map(Factor, (factor) => n / factor)
      })
      const { api: client, mock } = yield* api([respond(200, "3", { "content-type": "application/json" })])
      const result = yield* run(client.post("/x", { json: 4, jsonSchema: Scaled, schema: Scaled })).pipe(
        Effect.provideService(Factor, 2)
      )
      expect(result).toBe(6)
      expect((yield* mock.sent)[0]?.body).toBe("2")
    })
  )

  it.effect("fails with path and expected type, and gives access to the response", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(200, { id: "c4n4ry", born: 1 })])
      const error = yield* failure(client.get("/x", { schema: User }))
      expect(error).toMatchObject({
        _tag: "InvalidResponse",
        reason: "Schema",
        mismatches: [{ path: "$.id", expected: "number" }]
      })
      expect(error.message).toBe(
        `GET ${base}/x answered 200: the body does not match the schema: at $.id, expected number`
      )
      if (error._tag === "InvalidResponse") expect(yield* error.response!.json).toEqual({ id: "c4n4ry", born: 1 })
    })
  )

  it.effect("fails with reason Json for a body that is no JSON, without repeating it", () =>
    Effect.gen(function* () {
      for (const body of ["<html>c4n4ry</html>", "{", "c4n4ry", "NaN", new Uint8Array([0xff, 0xfe])]) {
        const { api: client, mock } = yield* api([respond(200, body)])
        const error = yield* failure(client.get("/x", { schema: User }))
        expect(error).toMatchObject({ _tag: "InvalidResponse", reason: "Json" })
        expect(error.message).toContain("the body is not JSON")
        expect(yield* mock.sent).toHaveLength(1)
      }
    })
  )

  it.effect("fails for an empty body, unless it accepts null", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(204))
      expect(yield* failure(client.get("/x", { schema: User }))).toMatchObject({
        _tag: "InvalidResponse",
        reason: "Schema"
      })
      expect(yield* run(client.get("/x", { schema: Schema.NullOr(User) }))).toBe(null)
    })
  )
})

describe("Verb without schema", () => {
  it.effect("returns the buffered response and releases the connection", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respond(200, "text")])
      const response = yield* run(client.get("/x"))
      expect(yield* mock.released).toHaveLength(1)
      expect([yield* response.text, yield* response.text]).toEqual(["text", "text"])
    })
  )
})
