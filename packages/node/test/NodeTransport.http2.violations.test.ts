/** What a server must not send over HTTP/2, and which calls each violation ends. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { TransportError } from "@countersign/client/Errors"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { certificates } from "./support/certificates.js"
import type { FrameConnection } from "./support/frameServer.js"
import { data, field, frame, frameServer, headers, numbers, reset, setting, type } from "./support/frameServer.js"
import { until } from "./support/server.js"

const code = {
  protocol: 1,
  flowControl: 3,
  frameSize: 6,
  cancel: 8,
  compression: 9,
  calm: 11
} as const

const endHeaders = 4
const padded = 8
const repeated = (times: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: times }, () => bytes))

/** `[name, code that the client sends, bytes]`, for the open stream `id`. */
type Violation = readonly [name: string, code: number, bytes: (id: number) => Buffer]

/** After these the connection cannot be used. */
const ofConnection: ReadonlyArray<Violation> = [
  ["DATA on stream 0", code.protocol, () => data(0, "x")],
  ["DATA on a stream that was not opened", code.protocol, () => data(99, "x")],
  ["DATA on a stream of the server", code.protocol, () => data(2, "x")],
  ["DATA whose padding is longer than it", code.protocol, (id) => frame(type.data, padded, id, Buffer.from([9, 1]))],
  ["DATA without the length of its padding", code.frameSize, (id) => frame(type.data, padded, id)],
  ["HEADERS on stream 0", code.protocol, () => headers(0, 200)],
  ["HEADERS on a stream that was not opened", code.protocol, () => headers(99, 200)],
  ["HEADERS that are not continued", code.protocol, (id) => Buffer.concat([frame(type.headers, 0, id), data(id, "x")])],
  [
    "CONTINUATION of another stream",
    code.protocol,
    (id) => Buffer.concat([frame(type.headers, 0, id), frame(type.continuation, endHeaders, id + 2)])
  ],
  ["CONTINUATION without HEADERS", code.protocol, (id) => frame(type.continuation, endHeaders, id)],
  ["an invalid header block", code.compression, (id) => frame(type.headers, endHeaders, id, Buffer.from([0x80]))],
  [
    "a header block without an end",
    code.calm,
    (id) => Buffer.concat([frame(type.headers, 0, id), repeated(200, frame(type.continuation, 0, id, Buffer.alloc(9)))])
  ],
  ["RST_STREAM on stream 0", code.protocol, () => reset(0, 8)],
  ["RST_STREAM on a stream that was not opened", code.protocol, () => reset(99, 8)],
  ["RST_STREAM that is too short", code.frameSize, (id) => frame(type.reset, 0, id, Buffer.alloc(3))],
  ["SETTINGS on a stream", code.protocol, (id) => frame(type.settings, 0, id)],
  ["SETTINGS of 5 bytes", code.frameSize, () => frame(type.settings, 0, 0, Buffer.alloc(5))],
  [
    "an acknowledgement of SETTINGS that has parameters",
    code.frameSize,
    () => frame(type.settings, 1, 0, setting(3, 1))
  ],
  ["SETTINGS with server push", code.protocol, () => frame(type.settings, 0, 0, setting(2, 1))],
  ["SETTINGS with a window of 2^31", code.flowControl, () => frame(type.settings, 0, 0, setting(4, 2 ** 31))],
  ["SETTINGS with frames of 100 bytes", code.protocol, () => frame(type.settings, 0, 0, setting(5, 100))],
  ["SETTINGS with frames of 2^24 bytes", code.protocol, () => frame(type.settings, 0, 0, setting(5, 2 ** 24))],
  [
    "PUSH_PROMISE",
    code.protocol,
    (id) => frame(type.push, endHeaders, id, Buffer.concat([numbers(2), field("a", "b")]))
  ],
  ["PING on a stream", code.protocol, (id) => frame(type.ping, 0, id, Buffer.alloc(8))],
  ["PING of 7 bytes", code.frameSize, () => frame(type.ping, 0, 0, Buffer.alloc(7))],
  ["GOAWAY on a stream", code.protocol, (id) => frame(type.goaway, 0, id, numbers(0, 0))],
  ["GOAWAY that is too short", code.frameSize, () => frame(type.goaway, 0, 0, numbers(0))],
  ["WINDOW_UPDATE of 0 for the connection", code.protocol, () => frame(type.windowUpdate, 0, 0, numbers(0))],
  [
    "WINDOW_UPDATE beyond 2^31 for the connection",
    code.flowControl,
    () => frame(type.windowUpdate, 0, 0, numbers(2 ** 31 - 1))
  ],
  ["WINDOW_UPDATE of 3 bytes", code.frameSize, () => frame(type.windowUpdate, 0, 0, Buffer.alloc(3))],
  ["a frame that is too large", code.frameSize, (id) => data(id, Buffer.alloc(16_385))],
  ["a response of HTTP/1.1", code.frameSize, () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["a thousand SETTINGS", code.calm, () => repeated(1100, frame(type.settings, 0, 0))],
  ["a thousand PINGs", code.calm, () => repeated(1100, frame(type.ping, 0, 0, Buffer.alloc(8)))],
  ["a thousand WINDOW_UPDATE", code.calm, () => repeated(1100, frame(type.windowUpdate, 0, 0, numbers(1)))],
  ["a thousand empty DATA", code.calm, (id) => Buffer.concat([headers(id, 200), repeated(1100, data(id, ""))])],
  ["a thousand interim responses", code.calm, (id) => repeated(1100, headers(id, 103))],
  ["a thousand frames of an unknown type", code.calm, () => repeated(1100, frame(77, 0, 0))]
]

/** A response with a further header field. */
const withField = (name: string, value: string) => (id: number) => headers(id, 200, [field(name, value)], true)

/** After these the other streams continue. */
const ofStream: ReadonlyArray<Violation> = [
  ["DATA before HEADERS", code.protocol, (id) => data(id, "x", true)],
  ["a response without a status", code.protocol, (id) => frame(type.headers, 5, id, field("a", "b"))],
  ["a status of two digits", code.protocol, (id) => frame(type.headers, 5, id, field(":status", "20"))],
  ["a status that is not a number", code.protocol, (id) => frame(type.headers, 5, id, field(":status", "2e2"))],
  ["two statuses", code.protocol, (id) => headers(id, 200, [field(":status", "200")], true)],
  [
    "a status after other fields",
    code.protocol,
    (id) => frame(type.headers, 5, id, Buffer.concat([field("a", "b"), field(":status", "200")]))
  ],
  ["a pseudo-header field of requests", code.protocol, withField(":path", "/")],
  ["101 Switching Protocols", code.protocol, (id) => headers(id, 101)],
  ["an interim response that ends the stream", code.protocol, (id) => headers(id, 103, [], true)],
  ["a second header section", code.protocol, (id) => Buffer.concat([headers(id, 200), headers(id, 200)])],
  ["trailers with a status", code.protocol, (id) => Buffer.concat([headers(id, 200), headers(id, 200, [], true)])],
  ["a name with a capital letter", code.protocol, withField("X-a", "b")],
  ["a name with a blank", code.protocol, withField("x a", "b")],
  ["an empty name", code.protocol, withField("", "b")],
  ["a value with CR and LF", code.protocol, withField("x", "a\r\nset-cookie: b=1")],
  ["a value with NUL", code.protocol, withField("x", "a\0b")],
  ["a connection field", code.protocol, withField("connection", "close")],
  ["a transfer-encoding field", code.protocol, withField("transfer-encoding", "chunked")],
  ["a content-length that is not a number", code.protocol, withField("content-length", "x")],
  ["a negative content-length", code.protocol, withField("content-length", "-1")],
  ["two content-lengths", code.protocol, withField("content-length", "1, 2")],
  [
    "a body longer than its content-length",
    code.protocol,
    (id) => Buffer.concat([headers(id, 200, [field("content-length", "3")]), data(id, "12345", true)])
  ],
  ["WINDOW_UPDATE of 0", code.protocol, (id) => frame(type.windowUpdate, 0, id, numbers(0))],
  ["WINDOW_UPDATE beyond 2^31", code.flowControl, (id) => frame(type.windowUpdate, 0, id, numbers(2 ** 31 - 1))]
]

const over = NodeTransport.layerWith({ allowH2: true, tls: { ca: certificates?.ca ?? "" } })

/** Two calls over one connection. The bytes are sent after both requests. The second is answered later. */
const calls = (bytes: (id: number) => Buffer) =>
  Effect.gen(function* () {
    const server = yield* frameServer({
      onRequest: ({ connection, id, requestNumber }) => {
        if (requestNumber !== 2) return
        connection.write(bytes(1))
        setTimeout(() => connection.write(headers(id, 200), data(id, "ok", true)), 20)
      }
    })
    const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry: false })
    const text = (path: string) =>
      Effect.match(
        Effect.flatMap(api.get(path), (response) => response.text),
        { onSuccess: (body) => body, onFailure: (error) => error }
      )
    const [first, second] = yield* Effect.all([text("/1"), text("/2")], { concurrency: 2 })
    const connection = server.opened[0]
    yield* until(() => codesOf(connection).length > 0)
    return { first, second, codes: codesOf(connection), connections: server.opened.length }
  }).pipe(Effect.provide(over), Effect.scoped)

/** The codes of GOAWAY and RST_STREAM that the client has sent. */
const codesOf = (connection: FrameConnection | undefined): ReadonlyArray<number> =>
  (connection?.frames ?? []).flatMap(({ payload, type: kind }) => {
    if (kind === type.goaway) return [payload.readUInt32BE(4)]
    return kind === type.reset ? [payload.readUInt32BE(0)] : []
  })

const invalid = { _tag: "TransportError", reason: "InvalidHttpResponse", sent: "maybe" }

describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  for (const [name, expected, bytes] of ofConnection) {
    it.live(`ends all calls of the connection at once after ${name}`, () =>
      Effect.gen(function* () {
        const { codes, first, second } = yield* calls(bytes)
        expect(second).toMatchObject(invalid)
        expect((second as TransportError).code).toBe("ERR_HTTP2_ERROR")
        // A header that is too large has its own reason.
        expect(first).toMatchObject({
          ...invalid,
          reason: expect.stringMatching(/^(InvalidHttpResponse|HeaderTooLarge)$/)
        })
        expect(codes).toContain(expected)
      })
    )
  }

  for (const [name, expected, bytes] of ofStream) {
    it.live(`ends only the call of the stream at once after ${name}`, () =>
      Effect.gen(function* () {
        const { codes, connections, first, second } = yield* calls(bytes)
        expect(first).toMatchObject(invalid)
        expect([second, connections]).toEqual(["ok", 1])
        expect(codes).toEqual([expected])
      })
    )
  }

  it.live("ends all calls at once if the first frame is not SETTINGS", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        settings: null,
        onRequest: ({ connection, id }) => connection.write(headers(id, 200, [], true))
      })
      const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry: false })
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ ...invalid, code: "ERR_HTTP2_ERROR" })
    }).pipe(Effect.provide(over), Effect.scoped)
  )

  it.live("ends all calls after connectTimeout if the server sends nothing after the handshake", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({ settings: null })
      const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry: false })
      const postError = Effect.flip(api.post("/"))
      const [first, second] = yield* Effect.all([postError, postError], { concurrency: 2 })
      // One request was sent. The other waited for SETTINGS.
      expect(first).toMatchObject({ _tag: "TransportError", reason: "ConnectTimeout", sent: "maybe" })
      expect(second).toMatchObject({ _tag: "TransportError", reason: "ConnectTimeout", sent: "no" })
    }).pipe(
      Effect.provide(
        NodeTransport.layerWith({ allowH2: true, connectTimeout: "3 seconds", tls: { ca: certificates?.ca ?? "" } })
      ),
      Effect.scoped
    )
  )

  it.live("accepts frames after the end of a stream, unknown frames, priorities and padding", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: ({ connection, id }) => {
          const priority = numbers(0x80000000).subarray(0, 4)
          const head = Buffer.concat([
            Buffer.from([2]),
            priority,
            Buffer.from([16]),
            field(":status", "200"),
            Buffer.alloc(2)
          ])
          connection.write(
            frame(type.priority, 0, id, Buffer.alloc(5)),
            frame(200, 255, id, Buffer.from("unknown")),
            frame(type.headers, endHeaders | padded | 0x20, id, head),
            frame(type.data, padded, id, Buffer.from([3, 111, 107, 0, 0, 0])),
            data(id, "", true),
            reset(id, 0),
            frame(type.windowUpdate, 0, id, numbers(5)),
            data(id, "late"),
            frame(type.settings, 0, 0, Buffer.concat([setting(77, 1), setting(1, 0)]))
          )
        }
      })
      const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry: false })
      for (const _ of [1, 2]) expect(yield* (yield* api.get("/")).text).toBe("ok")
      expect(server.opened).toHaveLength(1)
    }).pipe(Effect.provide(over), Effect.scoped)
  )
})
