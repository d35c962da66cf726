/**
 * Connections that end at each point in each way, over each transport: the reason, `sent`, the code, the number of requests
 * for a POST, and that an ended connection does not wait for a timeout.
 */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { TransportReason } from "@countersign/client/Errors"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Undici from "undici"
import { certificates } from "./support/certificates.js"
import type { Ending, FaultyServer } from "./support/faults.js"
import { endings, plain, secured } from "./support/faults.js"
import { serve, serveRaw } from "./support/server.js"

type Expected = TransportReason | "Timeout" | 200
type Server = Effect.Effect<FaultyServer, never, Scope.Scope>

const ok = "HTTP/1.1 200 OK\r\n"

/** How much of the response was sent. */
const points = {
  "before the response": "",
  "in the status line": "HTTP/1.1 20",
  "in the header": `${ok}content-le`,
  "in a body of known length": `${ok}content-length: 100\r\n\r\nhalf`,
  "in a chunked body": `${ok}transfer-encoding: chunked\r\n\r\na\r\nhalf`,
  "in the last chunked body of a connection": `${ok}connection: close\r\ntransfer-encoding: chunked\r\n\r\na\r\nhalf`,
  "in a body that the connection delimits": `${ok}connection: close\r\n\r\nhalf`,
  "in a coded body": `${ok}content-encoding: gzip\r\ncontent-length: 100\r\n\r\n\x1f\x8b\x08`
} as const

type Point = keyof typeof points

/** Timeout of a call that its connection does not end. */
const maxDuration = "20 seconds"

const transport = NodeTransport.layerWith(certificates === undefined ? {} : { tls: { ca: certificates.ca } })

/** One POST with the default retries. */
const post = (
  server: Server,
  layer: Layer.Layer<HttpClient.HttpClient>,
  exchange: Duration.DurationInput = maxDuration
) =>
  Effect.gen(function* () {
    const { requests, url } = yield* server
    const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none, timeout: { exchange } })
    const [took, either] = yield* Effect.timed(Effect.either(api.post("/", { json: 1 })))
    const result = either._tag === "Right" ? { status: either.right.status } : either.left
    return { result, requests: requests(), took: Duration.toMillis(took) }
  }).pipe(Effect.provide(layer), Effect.scoped)

const expected = (reason: Expected, code: RegExp): object => {
  if (reason === 200) return { status: 200 }
  if (reason === "Timeout") return { _tag: "Timeout", scope: "exchange" }
  return { _tag: "TransportError", reason, sent: "maybe", code: expect.stringMatching(code) as string }
}

const check = (server: Server, layer: Layer.Layer<HttpClient.HttpClient>, reason: Expected, code: RegExp) =>
  Effect.gen(function* () {
    const isSilent = reason === "Timeout"
    const seen = yield* post(server, layer, isSilent ? "1 second" : maxDuration)
    expect(seen.result).toMatchObject(expected(reason, code))
    expect(seen.requests).toBe(1)
    if (!isSilent) expect(seen.took).toBeLessThan(Duration.toMillis(maxDuration))
  })

type Row = Record<"FIN" | "RST" | "garbage" | "silence", Expected>
const cut: Row = { FIN: "Truncated", RST: "Truncated", garbage: "InvalidHttpResponse", silence: "Timeout" }
const head: Row = { ...cut, FIN: "ConnectionReset", RST: "ConnectionReset" }

/** Results of NodeTransport over plain HTTP. */
const rows: Record<Point, Row> = {
  "before the response": head,
  "in the status line": head,
  "in the header": head,
  // Only the length shows that the bytes are garbage.
  "in a body of known length": { ...cut, garbage: "Timeout" },
  "in a chunked body": cut,
  "in the last chunked body of a connection": cut,
  "in a body that the connection delimits": { ...cut, FIN: 200, garbage: "Timeout" },
  "in a coded body": { ...cut, garbage: "InvalidContentEncoding" }
}

/** Deviations of the other transports. */
const differences: Record<string, Partial<Record<Point, Partial<Row>>>> = {
  NodeTransport: {},
  "platform's undici": {
    "in a body that the connection delimits": { RST: 200 },
    // It does not decode.
    "in a coded body": { garbage: "Timeout" }
  },
  "platform's node:http": {
    "in a chunked body": { garbage: "Truncated" },
    "in the last chunked body of a connection": { garbage: "Truncated" },
    "in a body that the connection delimits": { RST: 200 },
    "in a coded body": { garbage: "Timeout" }
  },
  "platform's fetch": { "in a body that the connection delimits": { RST: 200 } }
}

/**
 * `fetch` over the dispatcher of the package `undici`. Without one, Node's `fetch` takes the dispatcher of whichever undici
 * was used first in the process, and Node 20's own returns a cut chunked body of a last response as whole.
 */
const fetchOfPackage = FetchHttpClient.layer.pipe(
  Layer.provide(
    Layer.scoped(
      FetchHttpClient.RequestInit,
      Effect.acquireRelease(
        Effect.sync(() => new Undici.Agent()),
        (agent) => Effect.promise(() => agent.destroy())
        // Node's types of `RequestInit` name the dispatcher of Node's own undici, which has the same methods.
      ).pipe(Effect.map((dispatcher) => ({ dispatcher }) as unknown as RequestInit))
    )
  )
)

const layers: Record<string, Layer.Layer<HttpClient.HttpClient>> = {
  NodeTransport: transport,
  "platform's undici": NodeHttpClient.layerUndici,
  "platform's node:http": NodeHttpClient.layer,
  "platform's fetch": fetchOfPackage
}

const codes = /^(UND_ERR_SOCKET|ECONNRESET|HPE_[A-Z_]+|Z_DATA_ERROR)$/

for (const [name, layer] of Object.entries(layers)) {
  describe.concurrent(`${name} over plain HTTP`, () => {
    for (const [point, text] of Object.entries(points)) {
      // The keys of `points` and of a row are known.
      const row = { ...rows[point as Point], ...differences[name]?.[point as Point] }
      it.live(`reports a connection that ends ${point}`, () =>
        Effect.forEach(Object.entries(row), ([ending, reason]) =>
          check(plain(text, ending as Ending), layer, reason, codes)
        )
      )
    }
  })
}

describe.skipIf(certificates === undefined).concurrent("NodeTransport over TLS", () => {
  const tlsCodes = /^(UND_ERR_SOCKET|ECONNRESET|HPE_INVALID_EOF_STATE|ERR_SSL_[A-Z0-9_]+)$/
  for (const [point, text] of Object.entries(points)) {
    const row = rows[point as Point]
    const secure = { ...row, garbage: "Tls", record: "Tls", alert: "Tls" } as const
    it.live(`reports a connection that ends ${point}, and an invalid record at once`, () =>
      Effect.forEach(Object.entries(secure), ([ending, reason]) =>
        check(secured(text, ending as Ending), transport, reason, tlsCodes)
      )
    )
  }

  const noTls = "the server does not use TLS on this port. Use http://"
  const handshakes: Record<Ending, readonly [reason: TransportReason, code: RegExp, detail?: string]> = {
    FIN: ["ConnectionReset", /^ECONNRESET$/],
    RST: ["ConnectionReset", /^ECONNRESET$/],
    garbage: ["Tls", /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, noTls],
    silence: ["ConnectTimeout", /^UND_ERR_CONNECT_TIMEOUT$/],
    record: ["Tls", /^ERR_SSL_/, "the TLS handshake failed"],
    alert: [
      "Tls",
      /_ALERT_HANDSHAKE_FAILURE$/,
      "the server rejected the TLS handshake. It may require a client certificate (tls.cert)"
    ]
  }

  it.live("reports a handshake that ends early as unsent", () =>
    Effect.gen(function* () {
      const brief = NodeTransport.layerWith({ connectTimeout: "300 millis", tls: { ca: certificates?.ca ?? "" } })
      for (const ending of Object.keys(endings)) {
        // The keys of `endings`.
        const [reason, code, detail] = handshakes[ending as Ending]
        const seen = yield* post(secured("handshake", ending as Ending), ending === "silence" ? brief : transport)
        const tagged = { _tag: "TransportError", reason, sent: "no", ...(detail === undefined ? {} : { detail }) }
        expect(seen.result, ending).toMatchObject({ ...tagged, code: expect.stringMatching(code) as string })
        expect(seen.requests).toBe(0)
      }
    })
  )

  /** Alerts of RFC 8446 §6.2 by number, and words of what they mean. */
  const alerts: Record<number, RegExp> = {
    40: /may require a client certificate/,
    42: /rejected the client certificate/,
    45: /rejected the client certificate/,
    48: /rejected the client certificate/,
    70: /supports no TLS version/,
    71: /no cipher/,
    80: /rejected the TLS handshake/,
    112: /host name/,
    120: /no HTTP version/
  }

  it.live("explains each alert of a handshake, over HTTP/1.1 and HTTP/2", () =>
    Effect.gen(function* () {
      for (const [number, words] of Object.entries(alerts)) {
        const { url } = yield* serveRaw((socket) => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, Number(number)])))
        for (const allowH2 of [false, true]) {
          const baseUrl = url.replace("http:", "https:")
          const error = yield* Effect.flatMap(ApiClient.make({ baseUrl, auth: Auth.none }), (api) =>
            Effect.flip(api.post("/"))
          ).pipe(Effect.provide(NodeTransport.layerWith({ allowH2 })))
          expect(error, number).toMatchObject({
            reason: "Tls",
            sent: "no",
            detail: expect.stringMatching(words) as string
          })
        }
      }
    }).pipe(Effect.scoped)
  )

  it.live("recommends http:// for a server without TLS", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((_, response) => response.end("ok"))
      const api = yield* ApiClient.make({ baseUrl: url.replace("http:", "https:"), auth: Auth.none })
      const error = yield* Effect.flip(api.post("/"))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "Tls", sent: "no", detail: noTls })
      expect(error.message).not.toContain("certificate")
    }).pipe(Effect.provide(transport), Effect.scoped)
  )
})
