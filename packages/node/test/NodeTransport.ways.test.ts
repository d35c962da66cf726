/** The same request over each way to an origin: directly, forwarded by a proxy, through a tunnel, past the proxy. */
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { certificates } from "./support/certificates.js"
import { proxy } from "./support/proxy.js"
import type { RecordedRequest } from "./support/recorder.js"
import { recorder } from "./support/recorder.js"
import { hasSquid, squid } from "./support/squid.js"

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

/** A way to an origin: what the transport is given, and the URL of the origin. */
interface Way {
  readonly secure: boolean
  readonly env: Effect.Effect<Record<string, string>, never, Scope.Scope>
}

const none = Effect.succeed({})
const through = (name: string, url: Effect.Effect<string, never, Scope.Scope>) =>
  Effect.map(url, (value): Record<string, string> => ({ [name]: value }))
const own = Effect.map(proxy(), ({ url }) => url)
const user = { name: "user", password: "p:ss w@rd" }
const withUser = (url: string) => {
  const full = new URL(url)
  full.username = user.name
  full.password = encodeURIComponent(user.password)
  return full.href
}

const ways: Record<string, Way> = {
  "forwarded by a proxy": { secure: false, env: through("HTTP_PROXY", own) },
  "past a proxy, because of NO_PROXY": {
    secure: false,
    env: Effect.succeed({ HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: "127.0.0.0/8" })
  },
  ...(certificates === undefined
    ? {}
    : {
        "directly, with TLS": { secure: true, env: none },
        "through a tunnel of a proxy": { secure: true, env: through("HTTPS_PROXY", own) },
        "through a tunnel of a proxy with TLS": {
          secure: true,
          env: through(
            "HTTPS_PROXY",
            Effect.map(proxy({ secure: true }), ({ url }) => url)
          )
        },
        "forwarded by a proxy with TLS": {
          secure: false,
          env: through(
            "HTTP_PROXY",
            Effect.map(proxy({ secure: true }), ({ url }) => url)
          )
        }
      })
}

const squidWays: Record<string, Way> = {
  "forwarded by squid": { secure: false, env: through("HTTP_PROXY", squid()) },
  "forwarded by squid with credentials": {
    secure: false,
    env: through("HTTP_PROXY", Effect.map(squid(user), withUser))
  },
  "through a tunnel of squid": { secure: true, env: through("HTTPS_PROXY", squid()) },
  "through a tunnel of squid with credentials": {
    secure: true,
    env: through("HTTPS_PROXY", Effect.map(squid(user), withUser))
  }
}

/** What the origin received of all requests, over one way. */
const received = ({ env, secure }: Way) =>
  Effect.gen(function* () {
    const origin = yield* recorder((_, response) => response.end("ok"), { secure })
    const config = ConfigProvider.fromMap(new Map(Object.entries(yield* env)))
    const transport = NodeTransport.layerProxyEnvWith({ tls: { ca: certificates?.ca } }).pipe(
      Layer.provide(Layer.setConfigProvider(config))
    )
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

const direct = Effect.runSync(Effect.cached(received({ secure: false, env: none })))

/** squid may give a chunked body its length. */
const withoutFraming = (requests: ReadonlyArray<RecordedRequest>) =>
  requests.map(({ fields, ...rest }) => ({
    ...rest,
    fields: fields.filter((field) => !/^(transfer-encoding|content-length):/.test(field))
  }))

describe("NodeTransport over each way to an origin", () => {
  it.live("sends every header field and body directly", () =>
    Effect.gen(function* () {
      const requests = yield* direct
      expect(requests).toHaveLength(2 * Object.keys(headers).length + Object.keys(bodies).length)
      expect(requests[2]?.fields).toContain("authorization: Bearer secret")
      expect(requests[8]?.fields).toContain("x-empty: ")
      expect(requests.at(-2)?.fields).toContain("transfer-encoding: chunked")
      expect(requests.at(-1)?.body).toHaveLength(268)
    })
  )

  for (const [name, way] of Object.entries(ways)) {
    it.live(
      `sends the same header fields and bodies ${name}`,
      () =>
        Effect.gen(function* () {
          expect(yield* received(way)).toEqual(yield* direct)
        }),
      30_000
    )
  }

  for (const [name, way] of Object.entries(squidWays)) {
    it.live.skipIf(!hasSquid || certificates === undefined)(
      `sends the same header fields and bodies ${name}`,
      () =>
        Effect.gen(function* () {
          expect(withoutFraming(yield* received(way))).toEqual(withoutFraming(yield* direct))
        }),
      60_000
    )
  }
})
