/** `api.open` over real connections: how a streamed body ends, for each transport and protocol. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import { TransportError } from "@countersign/client/Errors"
import type { OpenResponse } from "@countersign/client/OpenResponse"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Socket } from "node:net"
import { gzipSync } from "node:zlib"
import { certificates } from "./support/certificates.js"
import { data, field, frameServer, goaway, headers, reset, type } from "./support/frameServer.js"
import { afterReading, serveRaw, until } from "./support/server.js"

const ca = certificates?.ca ?? ""

/** Shorter than each silence that a test allows. */
const shortBodyTimeout = { bodyTimeout: "100 millis" } as const

const wrapped = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(HttpClientRequest.setHeader("x-wrapped", "1")))
)

const http1: Readonly<Record<string, Layer.Layer<HttpClient.HttpClient>>> = {
  NodeTransport: NodeTransport.layerWith(shortBodyTimeout),
  "NodeTransport within another client": Layer.provide(wrapped, NodeTransport.layerWith(shortBodyTimeout)),
  "platform's fetch": FetchHttpClient.layer,
  "platform's undici": NodeHttpClient.layerUndici,
  "platform's node:http": NodeHttpClient.layer
}

const http2 = NodeTransport.layerWith({ allowH2: true, tls: { ca }, ...shortBodyTimeout })

const client = (baseUrl: string) => ApiClient.make({ baseUrl, auth: Auth.none, retry: false })

interface Outcome {
  readonly text: string
  /** The reason of the error, or `complete`. */
  readonly end: string
}

type OnPiece = (piece: Uint8Array) => Effect.Effect<unknown>

/** Both ways to read a body. */
const readers = {
  stream: ({ stream }: OpenResponse, onPiece: OnPiece) => Stream.runForEach(stream, onPiece),
  forEach: ({ forEach }: OpenResponse, onPiece: OnPiece) => forEach(onPiece)
}

/** Reads a body to its end. Each error is one of the client. */
const outcomeOf = (url: string, read: (typeof readers)["stream"], idle: "5 seconds" | "300 millis") =>
  Effect.gen(function* () {
    const api = yield* client(url)
    const opened = yield* api.open("/", { idle })
    let text = ""
    const reading = read(opened, (piece) => Effect.sync(() => void (text += Buffer.from(piece).toString())))
    const end = yield* Effect.match(reading, {
      onFailure: (error) => (error instanceof TransportError ? error.reason : "not an error of the client"),
      onSuccess: () => "complete"
    })
    return { text, end }
  })

/** The outcome, which is the same for both ways to read. */
const outcome = (url: string, idle: "5 seconds" | "300 millis" = "5 seconds") =>
  Effect.gen(function* () {
    const seen = yield* outcomeOf(url, readers.stream, idle)
    expect(yield* outcomeOf(url, readers.forEach, idle)).toEqual(seen)
    return seen
  })

const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
const packed = gzipSync("hello hello hello")
const gzip = (bytes: Buffer) =>
  Buffer.concat([
    Buffer.from("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"),
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from("\r\n0\r\n\r\n")
  ])

/** What a server does with a request, and the outcome. */
const endings: Readonly<
  Record<
    string,
    { readonly answer: (socket: Socket) => void; readonly expected: Outcome; readonly idle?: "300 millis" }
  >
> = {
  "a complete body": {
    answer: (socket) => void socket.write(`${chunked}2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`),
    expected: { text: "abc", end: "complete" }
  },
  "a body that ends with the connection": {
    answer: (socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\nabc"),
    expected: { text: "abc", end: "complete" }
  },
  "a quiet body": {
    answer: (socket) => {
      socket.write(`${chunked}2\r\nab\r\n`)
      setTimeout(() => socket.write("1\r\nc\r\n0\r\n\r\n"), 1500)
    },
    expected: { text: "abc", end: "complete" }
  },
  "a silence": {
    answer: (socket) => void socket.write(`${chunked}2\r\nab\r\n`),
    expected: { text: "ab", end: "BodyTimeout" },
    idle: "300 millis"
  },
  "an end within a chunk": {
    answer: (socket) => void socket.end(`${chunked}9\r\nab`),
    expected: { text: "ab", end: "Truncated" }
  },
  "an end between two chunks": {
    answer: (socket) => void socket.end(`${chunked}2\r\nab\r\n`),
    expected: { text: "ab", end: "Truncated" }
  },
  "a reset": {
    answer: (socket) => {
      socket.write(`${chunked}2\r\nab\r\n`)
      afterReading(() => socket.resetAndDestroy())
    },
    expected: { text: "ab", end: "Truncated" }
  },
  "a length that is too long": {
    answer: (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"),
    expected: { text: "ab", end: "Truncated" }
  },
  "an invalid chunk": {
    answer: (socket) => void socket.write(`${chunked}2\r\nab\r\nxyz\r\n`),
    expected: { text: "ab", end: "InvalidHttpResponse" }
  }
}

/** How the platform's transports differ. */
const deviations: Readonly<Record<string, Readonly<Record<string, Partial<Outcome>>>>> = {
  "platform's node:http": { "an invalid chunk": { end: "Truncated" } }
}

describe("open over HTTP/1.1", () => {
  for (const [transport, layer] of Object.entries(http1)) {
    for (const [name, { answer, expected, idle }] of Object.entries(endings)) {
      it.live(`reports ${name} over ${transport}`, () =>
        Effect.gen(function* () {
          const server = yield* serveRaw(answer)
          const seen = yield* Effect.scoped(outcome(server.url, idle))
          expect(seen).toEqual({ ...expected, ...deviations[transport]?.[name] })
          if (expected.end !== "complete") yield* until(() => server.sockets.size === 0)
        }).pipe(Effect.provide(layer), Effect.scoped)
      )
    }
  }

  it.live("reports a compressed body that is whole, cut and invalid", () =>
    Effect.gen(function* () {
      const bodies = [packed, packed.subarray(0, packed.length - 6), Buffer.from("no gzip")]
      const endsOver = (layer: Layer.Layer<HttpClient.HttpClient>) =>
        Effect.forEach(bodies, (bytes) =>
          Effect.flatMap(
            serveRaw((socket) => void socket.write(gzip(bytes))),
            ({ url }) => outcome(url)
          )
        ).pipe(
          Effect.map((outcomes) => outcomes.map(({ end }) => end)),
          Effect.provide(layer),
          Effect.scoped
        )
      expect(yield* endsOver(NodeTransport.layer)).toEqual(["complete", "Truncated", "InvalidContentEncoding"])
      // Node's fetch accepts a compressed body without its end.
      expect(yield* endsOver(FetchHttpClient.layer)).toEqual(["complete", "complete", "InvalidContentEncoding"])
    })
  )
})

/** Ways to stop the reading of a body that continues. */
const stops = ["unread", "take", "interrupted", "forEach interrupted", "forEach failed"] as const

const stop = (url: string, way: (typeof stops)[number]) =>
  Effect.scoped(
    Effect.gen(function* () {
      const api = yield* client(url)
      const opened = yield* api.open("/")
      if (way === "take") yield* Stream.runDrain(Stream.take(opened.stream, 1))
      if (way === "forEach failed") yield* Effect.flip(opened.forEach(() => Effect.fail("enough")))
      if (way === "interrupted" || way === "forEach interrupted") {
        const started = yield* Deferred.make<void>()
        const read = way === "interrupted" ? readers.stream : readers.forEach
        const fiber = yield* Effect.fork(read(opened, () => Deferred.succeed(started, undefined)))
        yield* Deferred.await(started)
        yield* Fiber.interrupt(fiber)
      }
    })
  )

describe("a body that is not read to its end", () => {
  for (const way of stops) {
    for (const [transport, layer] of Object.entries(http1)) {
      it.live(`closes its connection over ${transport} (${way})`, () =>
        Effect.gen(function* () {
          const server = yield* serveRaw((socket) => {
            socket.write(`${chunked}2\r\nab\r\n`)
          })
          yield* stop(server.url, way)
          expect(server.connections).toBe(1)
          yield* until(() => server.sockets.size === 0)
        }).pipe(Effect.provide(layer), Effect.scoped)
      )
    }

    it.live.skipIf(certificates === undefined)(
      `cancels its stream over HTTP/2, and keeps the connection (${way})`,
      () =>
        Effect.gen(function* () {
          const server = yield* frameServer({
            onRequest: ({ connection, id, requestNumber }) =>
              connection.write(headers(id, 200), data(id, "ab", requestNumber === 2))
          })
          yield* stop(server.url, way)
          const frames = () => server.opened.flatMap((connection) => connection.frames)
          yield* until(() => frames().some((frame) => frame.type === type.reset && frame.payload.readUInt32BE() === 8))
          expect((yield* Effect.scoped(outcomeOf(server.url, readers.forEach, "5 seconds"))).end).toBe("complete")
          expect(server.opened).toHaveLength(1)
        }).pipe(Effect.provide(http2), Effect.scoped)
    )
  }
})

describe.skipIf(certificates === undefined)("open over HTTP/2", () => {
  type Answer = NonNullable<Parameters<typeof frameServer>[0]>["onRequest"]
  for (const [name, answer, expected, idle] of [
    [
      "a complete body",
      ({ connection, id }) => connection.write(headers(id, 200), data(id, "ab"), data(id, "c", true)),
      { text: "abc", end: "complete" }
    ],
    [
      "a quiet body",
      ({ connection, id }) => {
        connection.write(headers(id, 200), data(id, "ab"))
        setTimeout(() => connection.write(data(id, "c", true)), 1500)
      },
      { text: "abc", end: "complete" }
    ],
    [
      "a silence",
      ({ connection, id }) => connection.write(headers(id, 200), data(id, "ab")),
      { text: "ab", end: "BodyTimeout" },
      "300 millis"
    ],
    [
      "a reset of the stream",
      ({ connection, id }) => connection.write(headers(id, 200), data(id, "ab"), reset(id, 2)),
      { text: "ab", end: "Truncated" }
    ],
    [
      "a GOAWAY and an end",
      ({ connection, id }) => {
        connection.write(headers(id, 200), data(id, "ab"), goaway(id))
        afterReading(() => connection.socket.end())
      },
      { text: "ab", end: "Truncated" }
    ],
    [
      "a reset of the connection",
      ({ connection, id }) => {
        connection.write(headers(id, 200), data(id, "ab"))
        afterReading(() => connection.lose())
      },
      { text: "ab", end: "Truncated" }
    ],
    [
      "a length that is too long",
      ({ connection, id }) => connection.write(headers(id, 200, [field("content-length", "9")]), data(id, "ab", true)),
      { text: "ab", end: "Truncated" }
    ],
    [
      "a length that is too short",
      ({ connection, id }) => connection.write(headers(id, 200, [field("content-length", "1")]), data(id, "ab", true)),
      { text: "", end: "InvalidHttpResponse" }
    ],
    [
      "a compressed body that is cut",
      ({ connection, id }) =>
        connection.write(
          headers(id, 200, [field("content-encoding", "gzip")]),
          data(id, packed.subarray(0, packed.length - 6), true)
        ),
      { text: "hello hello hello", end: "Truncated" }
    ]
  ] as ReadonlyArray<readonly [string, NonNullable<Answer>, Outcome, "300 millis"?]>) {
    it.live(`reports ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* frameServer({ onRequest: answer })
        expect(yield* Effect.scoped(outcome(server.url, idle))).toEqual(expected)
      }).pipe(Effect.provide(http2), Effect.scoped)
    )
  }
})
