/** The same requests over each route to an origin: direct, forwarded by a proxy, through a tunnel, past the proxy. */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { certificates } from "./support/certificates.js"
import type { RecordedRequest } from "./support/recorder.js"
import { recorder } from "./support/recorder.js"
import { hasSquid } from "./support/squid.js"
import type { Route } from "./support/routes.js"
import { directRoute, squidRoutes, transportOf, routes } from "./support/routes.js"

type Change = (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest

const bytes = Uint8Array.from({ length: 256 }, (_, at) => at)
const form = () => {
  const made = new FormData()
  made.append("name", "value é")
  made.append("name", "second")
  made.append("file", new File([bytes], "a b.bin", { type: "application/octet-stream" }))
  return made
}
const chunks = () => Stream.make(bytes, new TextEncoder().encode("second chunk"))

/** Each kind of header field. */
const headers: Record<string, Record<string, string>> = {
  none: {},
  credentials: { authorization: "Bearer secret", "x-api-key": "secret" },
  custom: { "x-custom": "one", "x-UPPER": "Two", "x_under.score~": "three" },
  "several values": { accept: "text/html, application/json;q=0.9", "x-list": "a, b,, c", cookie: "a=1; b=2" },
  empty: { "x-empty": "", "x-before": "1" },
  "beyond ASCII": { "x-latin": "caf\u00e9 \u00ff", "x-tab": "a\tb", "x-quoted": '"a, b"; c="d\\""' },
  long: { "x-long": "x".repeat(6000) },
  many: Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`x-${at}`, String(at)])),
  "named like members of objects": { constructor: "1", tostring: "2", "0": "3" },
  conditional: { "if-none-match": 'W/"a"', "accept-encoding": "identity", "user-agent": "own/1" }
}

/** Each kind of body. */
const bodies: Record<string, readonly [HttpMethod, Change]> = {
  GET: ["GET", (request) => request],
  "GET with a query": ["GET", HttpClientRequest.setUrlParams({ a: ["1", "2 é"], empty: "" })],
  "GET of a range": ["GET", HttpClientRequest.setHeader("range", "bytes=0-1")],
  HEAD: ["HEAD", (request) => request],
  OPTIONS: ["OPTIONS", (request) => request],
  DELETE: ["DELETE", (request) => request],
  "POST without a body": ["POST", (request) => request],
  "POST of JSON": ["POST", HttpClientRequest.bodyUnsafeJson({ a: [1, "é"] })],
  "POST of a form": ["POST", HttpClientRequest.bodyUrlParams({ a: "1 2", b: "é&" })],
  "POST of FormData": ["POST", HttpClientRequest.bodyFormData(form())],
  "POST of text": ["POST", HttpClientRequest.bodyText("text é", "text/plain; charset=utf-8")],
  "POST of no bytes": ["POST", HttpClientRequest.bodyUint8Array(new Uint8Array(0))],
  "PUT of bytes": ["PUT", HttpClientRequest.bodyUint8Array(bytes, "application/octet-stream")],
  "PATCH of a stream": ["PATCH", HttpClientRequest.bodyStream(chunks(), { contentType: "application/x-chunks" })],
  "PUT of a stream of known length": ["PUT", HttpClientRequest.bodyStream(chunks(), { contentLength: 268 })]
}

/** What the origin received over a route, for all requests. */
const receivedOver = (route: Route) =>
  Effect.gen(function* () {
    const origin = yield* recorder((_, response) => response.end("ok"), route)
    const transport = yield* transportOf(route)
    const send = (method: HttpMethod, change: Change, fields: Record<string, string>) =>
      HttpClientRequest.make(method)(`${origin.url}/path%20/a?q=%7Ex`).pipe(
        change,
        HttpClientRequest.setHeaders(fields),
        HttpClient.execute,
        Effect.flatMap((response) => response.text),
        Effect.flatMap((text) => Effect.sync(() => expect(text).toBe(method === "HEAD" ? "" : "ok")))
      )
    yield* Effect.gen(function* () {
      for (const fields of Object.values(headers)) {
        yield* send("GET", (request) => request, fields)
        yield* send("POST", HttpClientRequest.bodyUnsafeJson({ a: 1 }), fields)
      }
      for (const [method, change] of Object.values(bodies)) {
        yield* send(method, change, { authorization: "Bearer secret", "x-custom": "one" })
      }
    }).pipe(Effect.provide(transport))
    return origin.requests
  }).pipe(Effect.scoped)

const direct = Effect.runSync(Effect.cached(receivedOver(directRoute)))

/** squid may send a chunked body with its length. */
const withoutFraming = (requests: ReadonlyArray<RecordedRequest>) =>
  requests.map(({ fields, ...rest }) => ({
    ...rest,
    fields: fields.filter((field) => !/^(transfer-encoding|content-length):/.test(field))
  }))

describe("NodeTransport", () => {
  it.live("sends every header field and body without a proxy", () =>
    Effect.gen(function* () {
      const requests = yield* direct
      expect(requests).toHaveLength(2 * Object.keys(headers).length + Object.keys(bodies).length)
      expect(requests[2]?.fields).toContain("authorization: Bearer secret")
      expect(requests[8]?.fields).toContain("x-empty: ")
      expect(requests.at(-2)?.fields).toContain("transfer-encoding: chunked")
      expect(requests.at(-1)?.body).toHaveLength(268)
    })
  )

  for (const [name, route] of Object.entries(routes)) {
    it.live(`sends the same header fields and bodies ${name}`, () =>
      Effect.gen(function* () {
        expect(yield* receivedOver(route)).toEqual(yield* direct)
      })
    )
  }

  for (const [name, route] of Object.entries(squidRoutes)) {
    it.live.skipIf(!hasSquid || certificates === undefined)(`sends the same header fields and bodies ${name}`, () =>
      Effect.gen(function* () {
        expect(withoutFraming(yield* receivedOver(route))).toEqual(withoutFraming(yield* direct))
      })
    )
  }
})
