/** Bodies as streams: written to files, without empty chunks, and headers that do not wait for the body. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import { createSecureServer } from "node:http2"
import { gunzipSync, gzipSync } from "node:zlib"
import { mebi } from "./support/bodies.js"
import { certificates } from "./support/certificates.js"
import { listen, serveRaw, serve } from "./support/server.js"

interface Case {
  readonly layer: Layer.Layer<HttpClient.HttpClient>
  readonly inflates: boolean
  readonly secure?: true
}

const cases: Record<string, Case> = {
  NodeTransport: { layer: NodeTransport.layer, inflates: true },
  ...(certificates === undefined
    ? {}
    : {
        "NodeTransport over HTTP/2": {
          layer: NodeTransport.layerWith({ allowH2: true, tls: { ca: certificates.ca } }),
          inflates: true,
          secure: true
        }
      }),
  "platform's undici": { layer: NodeHttpClient.layerUndici, inflates: false },
  "platform's node:http": { layer: NodeHttpClient.layer, inflates: false },
  "platform's fetch": { layer: FetchHttpClient.layer, inflates: true }
}

/** 20 MiB that compress little. */
const large = Buffer.alloc(20 * mebi)
for (let at = 0; at < large.length; at += 8) large.writeUInt32LE((at * 2654435761) % 2 ** 32, at)
const packed = gzipSync(large, { level: 1 })
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

interface ResponseWriter {
  writeHead: (status: number, headers: Record<string, string>) => unknown
  end: (body: Uint8Array) => unknown
}

const respond = (url: string | undefined, response: ResponseWriter) => {
  const coded = url === "/gzip"
  response.writeHead(200, coded ? { "content-encoding": "gzip" } : {})
  response.end(coded ? packed : large)
}

const serverOf = ({ secure }: Case) =>
  secure === undefined
    ? serve(({ url }, response) => respond(url, response))
    : listen(
        createSecureServer({ ...certificates?.server }, ({ url }, response) => respond(url, response)),
        "https"
      )

describe("HttpClient", () => {
  for (const [name, one] of Object.entries(cases)) {
    for (const path of ["/plain", "/gzip"]) {
      it.live(`writes a download of 20 MiB over ${name} to a file, without empty chunks (${path})`, () =>
        Effect.gen(function* () {
          const { url } = yield* serverOf(one)
          const files = yield* FileSystem.FileSystem
          const file = yield* files.makeTempFileScoped()
          const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none })
          const { stream } = yield* api.execute(HttpClientRequest.get(path))
          let empty = 0
          yield* stream.pipe(
            Stream.tap((piece) => Effect.sync(() => void (empty += piece.length === 0 ? 1 : 0))),
            Stream.run(files.sink(file))
          )
          const written = yield* files.readFile(file)
          const plain = path === "/gzip" && !one.inflates ? gunzipSync(written) : written
          expect([empty, hash(plain)]).toEqual([0, hash(large)])
        }).pipe(Effect.provide(one.layer), Effect.provide(NodeFileSystem.layer), Effect.scoped)
      )
    }
  }
})

describe("NodeTransport", () => {
  const head = (status: number) => `HTTP/1.1 ${status} X\r\nlocation: /ok\r\ncontent-length: 400\r\n\r\n`
  /** Sends one byte of a short body each 100 ms and calls `dripped`. The whole body takes forty seconds. */
  const dripping = (status: number, dripped = () => {}) =>
    serveRaw((socket, request) => {
      if (request.startsWith("GET /ok")) return void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
      socket.write(head(status))
      const drip = setInterval(() => {
        dripped()
        socket.write("x")
      }, 100)
      socket.on("close", () => clearInterval(drip))
    })

  it.live("returns a response before its short body has arrived, whatever the status", () =>
    Effect.gen(function* () {
      for (const status of [200, 206, 302, 401, 404, 503]) {
        let drops = 0
        const { url } = yield* dripping(status, () => drops++)
        const client = yield* NodeTransport.make()
        const response = yield* client.get(url)
        expect(response.status).toBe(status)
        expect(drops).toBeLessThan(25)
        yield* Stream.runDrain(Stream.take(response.stream, 1))
      }
    }).pipe(Effect.scoped)
  )

  it.live("follows a redirect and fails a 401 or a 503 before the short body has arrived", () =>
    Effect.gen(function* () {
      const expectations = { 302: { status: 200 }, 401: { _tag: "Unauthorized" }, 503: { _tag: "Unavailable" } }
      for (const [status, expected] of Object.entries(expectations)) {
        const { url } = yield* dripping(Number(status))
        const api = yield* ApiClient.make({
          baseUrl: url,
          auth: Auth.none,
          retry: false,
          timeout: { exchange: "30 seconds" }
        })
        const result = yield* Effect.either(api.get("/x"))
        expect(result._tag === "Right" ? { status: result.right.status } : result.left).toMatchObject(expected)
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("reads a short body that arrives in pieces", () =>
    Effect.gen(function* () {
      for (const pause of [0, 1, 3, 10, 50]) {
        const { url } = yield* serveRaw((socket) => {
          socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
          for (const [at, piece] of ["01", "234", "56789"].entries())
            setTimeout(() => socket.write(piece), pause * (at + 1))
        })
        const client = yield* NodeTransport.make()
        expect(yield* Effect.flatMap(client.get(url), ({ text }) => text)).toBe("0123456789")
      }
    }).pipe(Effect.scoped)
  )
})
