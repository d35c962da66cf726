/** Bodies over HTTP/2: windows in both directions, responses without content, and limits of headers. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { gzipSync } from "node:zlib"
import { certificates } from "./support/certificates.js"
import type { FrameConnection, FrameRequest } from "./support/frameServer.js"
import { data, field, frame, frameServer, headers, numbers, reset, setting, type } from "./support/frameServer.js"
import { until } from "./support/server.js"

const over = (options: NodeTransport.Options = {}) =>
  NodeTransport.layerWith({ allowH2: true, tls: { ca: certificates?.ca ?? "" }, ...options })

const client = (baseUrl: string) => ApiClient.make({ baseUrl, auth: Auth.none, retry: false })
const ok = ({ connection, id }: FrameRequest) => connection.write(headers(id, 200), data(id, "ok", true))
const piece = Buffer.alloc(16_384, "x")

/** The bytes of DATA that the server has received. */
const received = ({ frames }: FrameConnection): number =>
  frames.filter(({ type: kind }) => kind === type.data).reduce((total, { payload }) => total + payload.length, 0)

const isHead = ({ type: kind }: { readonly type: number }) => kind === type.headers

describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  const size = 200_000
  const body = Buffer.alloc(size, "0123456789")

  for (const [first, second] of [
    [0, 1],
    [1, 0]
  ] as const) {
    const name = (id: number) => (id === 0 ? "connection" : "stream")
    it.live(`sends a body only after the window of the ${name(second)} opened after that of the ${name(first)}`, () =>
      Effect.gen(function* () {
        const server = yield* frameServer({ onRequest: ok })
        const api = yield* client(server.url)
        const call = yield* Effect.fork(api.post("/", { body: HttpBody.uint8Array(body) }))
        yield* until(() => server.opened.some((connection) => received(connection) === 65_535))
        const [connection] = server.opened
        if (connection === undefined) return yield* Effect.dieMessage("no connection")
        connection.write(frame(type.windowUpdate, 0, first, numbers(size)))
        yield* Effect.sleep("100 millis")
        expect(received(connection)).toBe(65_535)
        connection.write(frame(type.windowUpdate, 0, second, numbers(size)))
        expect((yield* Fiber.join(call)).status).toBe(200)
        expect(server.requests[0]?.body).toBe(body.toString("latin1"))
      }).pipe(Effect.provide(over()), Effect.scoped)
    )
  }

  it.live("sends a large body to a server that opens its windows for each frame", () =>
    Effect.gen(function* () {
      const length = 1500 * 16_384
      const server = yield* frameServer({
        onRequest: ok,
        onFrame: (connection, { id, payload, type: kind }) => {
          if (kind !== type.data || payload.length === 0) return
          const step = numbers(payload.length)
          connection.write(frame(type.windowUpdate, 0, 0, step), frame(type.windowUpdate, 0, id, step))
        }
      })
      const api = yield* client(server.url)
      expect((yield* api.post("/", { body: HttpBody.uint8Array(Buffer.alloc(length)) })).status).toBe(200)
      expect(server.opened.map(received)).toEqual([length])
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("follows SETTINGS that make the window of a body negative and then larger", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({ settings: [setting(4, 1000)], onRequest: ok })
      const api = yield* client(server.url)
      expect((yield* api.get("/")).status).toBe(200)
      const call = yield* Effect.fork(api.post("/", { body: HttpBody.uint8Array(body) }))
      const [connection] = server.opened
      if (connection === undefined) return yield* Effect.dieMessage("no connection")
      yield* until(() => received(connection) === 1000)
      connection.write(frame(type.settings, 0, 0, setting(4, 500)))
      connection.write(frame(type.windowUpdate, 0, 3, numbers(499)))
      yield* Effect.sleep("50 millis")
      expect(received(connection)).toBe(1000)
      connection.write(frame(type.windowUpdate, 0, 3, numbers(2)))
      yield* until(() => received(connection) === 1001)
      connection.write(frame(type.settings, 0, 0, setting(4, size)), frame(type.windowUpdate, 0, 0, numbers(size)))
      connection.write(frame(type.windowUpdate, 0, 3, numbers(size)))
      expect((yield* Fiber.join(call)).status).toBe(200)
      expect(server.requests[1]?.body).toBe(body.toString("latin1"))
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("reads a stream body no faster than the server accepts it", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({ onRequest: ok })
      const api = yield* client(server.url)
      let produced = 0
      const endless = Stream.repeatEffect(Effect.sync(() => ((produced += piece.length), piece)))
      const call = yield* Effect.fork(api.post("/", { body: HttpBody.stream(endless) }))
      yield* until(() => server.opened.some((connection) => received(connection) === 65_535))
      yield* Effect.sleep("100 millis")
      expect(produced).toBeLessThan(1024 * 1024)
      yield* Fiber.interrupt(call)
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  for (const [name, make] of [
    ["is interrupted", () => Effect.interrupt],
    [
      "has an early response",
      (server: { readonly opened: ReadonlyArray<FrameConnection> }) =>
        Effect.sync(() => server.opened[0]?.write(headers(1, 413, [], true)))
    ],
    [
      "is reset",
      (server: { readonly opened: ReadonlyArray<FrameConnection> }) =>
        Effect.sync(() => server.opened[0]?.write(reset(1, 7)))
    ],
    [
      "loses its connection",
      (server: { readonly opened: ReadonlyArray<FrameConnection> }) => Effect.sync(() => server.opened[0]?.lose())
    ]
  ] as const) {
    it.live(`closes the stream of a body when the request ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* frameServer({})
        const api = yield* client(server.url)
        let isReleased = false
        const endless = Stream.ensuring(
          Stream.repeatEffect(Effect.succeed(piece)),
          Effect.sync(() => {
            isReleased = true
          })
        )
        const call = yield* Effect.fork(Effect.exit(api.post("/", { body: HttpBody.stream(endless) })))
        yield* until(() => server.opened.some((connection) => received(connection) > 0))
        if (name === "is interrupted") yield* Fiber.interrupt(call)
        else yield* make(server)
        yield* Fiber.await(call)
        yield* until(() => isReleased)
      }).pipe(Effect.provide(over()), Effect.scoped)
    )
  }

  it.live("stops sending a body after a complete response and keeps the connection", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onFrame: (connection, received) => {
          if (isHead(received) && received.id === 1) connection.write(headers(1, 413), data(1, "too large", true))
        },
        onRequest: ok
      })
      const api = yield* client(server.url)
      const error = yield* Effect.flip(api.post("/", { body: HttpBody.uint8Array(Buffer.alloc(8_000_000)) }))
      expect(error).toMatchObject({ _tag: "ClientError", status: 413 })
      expect((yield* api.get("/")).status).toBe(200)
      expect(server.opened).toHaveLength(1)
      yield* until(
        () => server.opened[0]?.frames.some(({ id, type: kind }) => kind === type.reset && id === 1) === true
      )
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("fails with RequestBodyFailed and resets the stream if a body fails or has the wrong length", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({ onRequest: ok })
      const http = yield* HttpClient.HttpClient
      const api = yield* client(server.url)
      const failing = Stream.concat(Stream.make(piece), Stream.fail(new Error("the disk is gone")))
      const raw = () =>
        new Readable({
          read() {
            this.destroy(new Error("the disk is gone"))
          }
        })
      const short = HttpBody.stream(Stream.make(piece), "text/plain", 20_000)
      const long = HttpBody.stream(Stream.make(piece), "text/plain", 10)
      for (const body of [HttpBody.stream(failing), HttpBody.raw(raw()), short, long]) {
        const error = yield* Effect.flip(api.post("/", { body }))
        expect(error).toMatchObject({ _tag: "TransportError", reason: "RequestBodyFailed", sent: "maybe" })
      }
      expect(server.requests).toHaveLength(0)
      const wrong = HttpClientRequest.post(server.url).pipe(HttpClientRequest.setBody(HttpBody.raw(12)))
      expect((yield* Effect.flip(http.execute(wrong)))._tag).toBe("RequestError")
      expect((yield* api.get("/")).status).toBe(200)
      expect(server.opened).toHaveLength(1)
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("sends a body after a header section of several frames", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({ onRequest: ok })
      const api = yield* client(server.url)
      yield* api.post("/", { json: 1, headers: { "x-large": "y".repeat(40_000) } })
      const kinds = server.opened[0]?.frames.filter(({ id }) => id === 1).map(({ type: kind }) => kind)
      expect(kinds).toEqual([type.headers, type.continuation, type.continuation, type.data])
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live(
    "fails with HeadersTimeout when the server accepts no more of a body, but not while the body produces nothing",
    () =>
      Effect.gen(function* () {
        const server = yield* frameServer({ onRequest: ok })
        const api = yield* client(server.url)
        const slow = Stream.concat(
          Stream.make(piece),
          Stream.fromEffect(Effect.delay(Effect.succeed(piece), "3 seconds"))
        )
        expect((yield* api.post("/", { body: HttpBody.stream(slow) })).status).toBe(200)
        const error = yield* Effect.flip(api.post("/", { body: HttpBody.uint8Array(body) }))
        expect(error).toMatchObject({ _tag: "TransportError", reason: "HeadersTimeout", sent: "maybe" })
      }).pipe(Effect.provide(over({ headersTimeout: "2 seconds" })), Effect.scoped)
  )
})

describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  it.live("grants no window while a body is not read, and other responses continue", () =>
    Effect.gen(function* () {
      /** Sends more than the reader takes, within the windows that the client granted. */
      const server = yield* frameServer({
        onRequest: (request) => {
          if (request.requestNumber !== 1) return ok(request)
          const { connection, id } = request
          connection.write(headers(id, 200))
          for (let sent = 0; sent < 256 * 1024; sent += piece.length) connection.write(data(id, piece))
        }
      })
      const api = yield* client(server.url)
      const { stream } = yield* api.execute(HttpClientRequest.get("/"))
      yield* Effect.sleep("100 millis")
      const grants = () =>
        (server.opened[0]?.frames ?? []).filter(({ id, type: kind }) => kind === type.windowUpdate && id === 1).length
      expect(grants()).toBe(0)
      expect((yield* api.get("/")).status).toBe(200)
      expect(server.opened).toHaveLength(1)
      const read = yield* Stream.runFold(Stream.take(stream, 16), 0, (total, bytes) => total + bytes.length)
      expect(read).toBeGreaterThan(0)
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("receives a body of many windows completely", () =>
    Effect.gen(function* () {
      const total = 4 * 1024 * 1024
      let left = total
      let windows = { 0: 65_535, 1: 65_535 }
      const send = (connection: FrameConnection) => {
        for (;;) {
          const size = Math.min(left, windows[0], windows[1], piece.length)
          if (size === 0) return
          left -= size
          windows = { 0: windows[0] - size, 1: windows[1] - size }
          connection.write(data(1, piece.subarray(0, size), left === 0))
        }
      }
      const server = yield* frameServer({
        onFrame: (connection, { id, payload, type: kind }) => {
          if (kind === type.settings && payload.length > 0) windows = { ...windows, 1: 256 * 1024 }
          if (kind !== type.windowUpdate || (id !== 0 && id !== 1)) return
          windows = { ...windows, [id]: windows[id] + payload.readUInt32BE(0) }
          if (server.requests.length > 0) send(connection)
        },
        onRequest: ({ connection, id }) => {
          connection.write(headers(id, 200, [field("content-length", String(total))]))
          send(connection)
        }
      })
      const api = yield* client(server.url)
      expect((yield* (yield* api.get("/")).arrayBuffer).byteLength).toBe(total)
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("fails with a body timeout when a body stops, but not while its reader pauses", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: ({ connection, id }) => {
          connection.write(headers(id, 200))
          for (let sent = 0; sent < 8; sent++) connection.write(data(id, piece))
        }
      })
      const api = yield* client(server.url)
      const { stream } = yield* api.execute(HttpClientRequest.get("/"))
      yield* Effect.sleep("700 millis")
      const error = yield* Effect.flip(Stream.runDrain(stream))
      expect(String(error)).toContain("UND_ERR_BODY_TIMEOUT")
    }).pipe(Effect.provide(over({ bodyTimeout: "300 millis" })), Effect.scoped)
  )

  it.live("fails with Truncated for a body shorter than its content-length", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: ({ connection, id, requestNumber }) => {
          const length = field("content-length", "5")
          if (requestNumber === 1) connection.write(headers(id, 200, [length]), data(id, "1234", true))
          else connection.write(headers(id, 200, [length], true))
        }
      })
      const api = yield* client(server.url)
      const truncated = { _tag: "TransportError", reason: "Truncated", sent: "maybe" }
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ ...truncated, detail: "4 of 5 bytes" })
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ ...truncated, detail: "0 of 5 bytes" })
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("decodes a gzip body and fails with Truncated if it ends early", () =>
    Effect.gen(function* () {
      const coded = gzipSync("plain text")
      const server = yield* frameServer({
        onRequest: ({ connection, id, requestNumber }) =>
          connection.write(
            headers(id, 200, [field("content-encoding", "gzip")]),
            data(id, requestNumber === 1 ? coded : coded.subarray(0, 12), true)
          )
      })
      const api = yield* client(server.url)
      expect(yield* (yield* api.get("/")).text).toBe("plain text")
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "TransportError", reason: "Truncated" })
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("accepts trailers after a body", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: ({ connection, id }) =>
          connection.write(headers(id, 200), data(id, "ok"), frame(type.headers, 5, id, field("x-checksum", "1")))
      })
      const api = yield* client(server.url)
      expect(yield* (yield* api.get("/")).text).toBe("ok")
    }).pipe(Effect.provide(over()), Effect.scoped)
  )
})

describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  for (const [method, status] of [
    ["get", 204],
    ["get", 205],
    ["get", 304],
    ["post", 204],
    ["post", 205],
    ["del", 204],
    ["head", 200],
    ["head", 204]
  ] as const) {
    for (const hasData of [false, true]) {
      it.live(`accepts a ${status} to ${method.toUpperCase()} with content-length${hasData ? " and DATA" : ""}`, () =>
        Effect.gen(function* () {
          const server = yield* frameServer({
            onRequest: ({ connection, id }) => {
              const length = [field("content-length", "5")]
              if (hasData) connection.write(headers(id, status, length), data(id, "12345", true))
              else connection.write(headers(id, status, length, true))
            }
          })
          const http = yield* HttpClient.HttpClient
          const response = yield* http.execute(
            HttpClientRequest.make(
              method === "del" ? "DELETE" : method === "head" ? "HEAD" : method === "get" ? "GET" : "POST"
            )(server.url)
          )
          expect([response.status, yield* response.text]).toEqual([status, ""])
          if (status === 304) return
          const api = yield* client(server.url)
          expect((yield* api[method]("/")).status).toBe(status)
        }).pipe(Effect.provide(over()), Effect.scoped)
      )
    }
  }

  it.live("ignores interim responses", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: (request) => {
          const { connection, id } = request
          connection.write(headers(id, 100), headers(id, 103, [field("link", "</a>")]), headers(id, 102))
          setTimeout(() => ok(request), 20)
        }
      })
      const api = yield* client(server.url)
      const response = yield* api.post("/", { json: 1 })
      expect([response.status, response.headers["link"], yield* response.text]).toEqual([200, undefined, "ok"])
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("fails with HeadersTimeout when only interim responses arrive", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: ({ connection, id }) => {
          const timer = setInterval(() => connection.write(headers(id, 103)), 20)
          connection.socket.on("close", () => clearInterval(timer))
        }
      })
      const api = yield* client(server.url)
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "TransportError", reason: "HeadersTimeout" })
    }).pipe(Effect.provide(over({ headersTimeout: "300 millis" })), Effect.scoped)
  )

  /** A header of `bytes` bytes, in as many frames as necessary. */
  const large = (id: number, bytes: number): Buffer => {
    const fields = Array.from({ length: Math.ceil(bytes / 132) }, (_, at) =>
      field(`x-${String(at).padStart(6, "0")}`, "y".repeat(92))
    )
    const block = Buffer.concat([field(":status", "200"), ...fields])
    const parts: Array<Buffer> = []
    for (let at = 0; at < block.length; at += 16_384) {
      const isLast = at + 16_384 >= block.length
      const kind = at === 0 ? type.headers : type.continuation
      parts.push(frame(kind, isLast ? 4 : 0, id, block.subarray(at, at + 16_384)))
    }
    return Buffer.concat([...parts, data(id, "ok", true)])
  }

  for (const [maxHeaderSize, bytes, isAllowed] of [
    [undefined, 15_000, true],
    [undefined, 18_000, false],
    [undefined, 40 * 1024, false],
    [64 * 1024, 40 * 1024, true],
    [64 * 1024, 100 * 1024, false]
  ] as const) {
    it.live(
      `${isAllowed ? "accepts" : "rejects"} a header of ${bytes} bytes with a maxHeaderSize of ${maxHeaderSize ?? "16 KiB"}`,
      () =>
        Effect.gen(function* () {
          const server = yield* frameServer({
            onRequest: (request) => {
              if (request.requestNumber === 1) request.connection.write(large(request.id, bytes))
              else ok(request)
            }
          })
          const api = yield* client(server.url)
          const first = yield* Effect.either(api.get("/"))
          if (isAllowed) expect(first._tag).toBe("Right")
          else
            expect(first).toMatchObject({ left: { _tag: "TransportError", reason: "HeaderTooLarge", sent: "maybe" } })
          // The connection stays usable.
          expect(yield* (yield* api.get("/")).text).toBe("ok")
          expect(server.opened).toHaveLength(1)
        }).pipe(Effect.provide(over({ maxHeaderSize })), Effect.scoped)
    )
  }
})
