/** Requests as they reach a transport: validated, and the same for every transport. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { api, failure, get, run, transport } from "./support/mockApi.js"

const ok = () => MockClient.respond(200)
const bytes = new TextEncoder().encode("abc")

const form = () => {
  const data = new FormData()
  data.set("a", "1")
  return data
}

const bodies = {
  form: () => HttpBody.formData(form()),
  "raw form": () => HttpBody.raw(form()),
  parameters: () => HttpBody.urlParams([["a", "1"]]),
  "raw parameters": () => HttpBody.raw(new URLSearchParams({ a: "1" })),
  json: () => HttpBody.unsafeJson({ a: 1 }),
  text: () => HttpBody.text("a", "text/csv"),
  stream: () => HttpBody.stream(Stream.make(bytes), "image/png"),
  file: () => HttpBody.fileWeb(new File([bytes], "a.txt", { type: "image/gif" })),
  "raw text": () => HttpBody.raw("a"),
  none: () => HttpBody.empty
} as const

/** Content-Type of each body. The transport sets the type of a form, with its boundary. */
const types: Record<keyof typeof bodies, string | undefined> = {
  form: undefined,
  "raw form": undefined,
  parameters: "application/x-www-form-urlencoded",
  "raw parameters": "application/x-www-form-urlencoded;charset=UTF-8",
  json: "application/json",
  text: "text/csv",
  stream: "image/png",
  file: "image/gif",
  "raw text": "application/xml",
  none: undefined
}

const kinds = Object.keys(bodies) as ReadonlyArray<keyof typeof bodies>

describe("RequestDefaults content-type", () => {
  it.effect.each(kinds)("keeps the type of a body that has one: %s", (kind) =>
    Effect.gen(function* () {
      const headers = { "Content-Type": "application/xml", "content-language": "eo", "x-own": "o" }
      const { api: client, mock } = yield* api(ok, { headers })
      yield* run(client.post("/x", { body: bodies[kind]() }))
      const [sent] = yield* mock.sent
      expect(sent?.headers["content-type"]).toBe(types[kind])
      expect(sent?.headers["x-own"]).toBe("o")
      const isAdded = kind === "raw text" || !(kind.startsWith("raw") || kind === "form" || kind === "none")
      expect(sent?.headers["content-language"]).toBe(isAdded ? "eo" : undefined)
    })
  )
})

describe("Transport.fromHttpClient content-type", () => {
  it.effect("sends the boundary of a form, whatever content-type the request sets", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      const headers = { "content-type": "multipart/form-data", "content-length": "5" }
      for (const kind of ["form", "raw form"] as const) {
        yield* run(client.post("/x", { body: bodies[kind](), headers }))
        const late = HttpClientRequest.post("/x").pipe(
          HttpClientRequest.setBody(bodies[kind]()),
          HttpClientRequest.setHeaders(headers)
        )
        yield* run(client.execute(late))
      }
      for (const { body, headers: sent } of yield* mock.sent) {
        expect(body).toContain("form-data; name=")
        expect(sent).toEqual({})
      }
    })
  )

  it.effect("keeps the type that a call sets for raw parameters", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      const type = "application/x-www-form-urlencoded"
      yield* run(client.post("/x", { body: bodies["raw parameters"](), headers: { "content-type": type } }))
      expect((yield* mock.sent)[0]).toMatchObject({ body: "a=1", headers: { "content-type": type } })
    })
  )
})

describe("Transport.fromHttpClient content-length", () => {
  const post = (length: string, body: HttpBody.HttpBody) =>
    HttpClientRequest.post("https://api.test/x").pipe(
      HttpClientRequest.setBody(body),
      HttpClientRequest.setHeader("content-length", length)
    )
  const text = HttpBody.text("abc")
  const stream = HttpBody.stream(Stream.make(bytes))

  it.effect.each([
    ["0, 5", HttpBody.empty],
    ["0, 5", text],
    ["5", HttpBody.empty],
    ["5", text],
    ["-3", text],
    ["+3", text],
    ["3.0", text],
    ["0x3", text],
    ["", text],
    ["x", stream],
    ["4", HttpBody.stream(Stream.make(bytes), "text/plain", 3)]
  ] as const)("rejects %j with InvalidRequest when it differs from the length of the body", ([length, body]) =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(ok)
      const error = yield* failure(client.execute(post(length, body)))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
      expect(error.message).toContain('"content-length"')
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect.each([
    ["3", text],
    ["0", HttpBody.empty],
    ["3", stream],
    ["3", HttpBody.raw("abc")]
  ] as const)("accepts %j when it can be the length of the body", ([length, body]) =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(ok)
      yield* run(client.execute(post(length, body)))
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})

describe("Transport.fromHttpClient range requests", () => {
  it.effect("adds accept-encoding: identity unless the request has one, on each hop", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([
        MockClient.respond(302, "", { location: "https://other.test/y" }),
        MockClient.respond(206, "ab"),
        MockClient.respond(206, "ab")
      ])
      yield* run(client.get("/x", { headers: { range: "bytes=0-1" } }))
      yield* run(client.get("/x", { headers: { range: "bytes=0-1", "accept-encoding": "gzip" } }))
      expect((yield* mock.sent).map(({ headers }) => headers["accept-encoding"])).toEqual([
        "identity",
        "identity",
        "gzip"
      ])
    })
  )
})

describe("Transport.fromHttpClient URL", () => {
  it.effect("removes the fragment before the transport, which would send it", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(ok)
      yield* run(client.execute(get("/x?a=1#top")))
      yield* run(client.execute(HttpClientRequest.setHash(get("/x?'"), "top")))
      yield* run(
        client.execute(get("/x").pipe(HttpClientRequest.setHash("top"), HttpClientRequest.setUrlParam("a", "1")))
      )
      expect((yield* mock.sent).map(({ url }) => url.slice("https://api.test/v1".length))).toEqual([
        "/x?a=1",
        "/x?'",
        "/x?a=1"
      ])
    })
  )
})

describe("Transport.fromHttpClient parameters", () => {
  it.effect("rejects parameters with lone surrogates as InvalidRequest", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(ok)
      for (const value of ["\ud800", "a\udc00b"]) {
        const request = HttpClientRequest.setUrlParam(get(), "a", value)
        expect(yield* failure(client.execute(request))).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
      }
      yield* run(client.execute(HttpClientRequest.setUrlParam(get(), "a", "🔑\ufffd")))
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})
