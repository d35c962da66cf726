/** Content codings of bodies: decoded, damaged, too large, or left to the caller. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import * as Zlib from "node:zlib"
import { respondWith, collected, flood, memoryGrowth, mebi } from "./support/bodies.js"
import { codeOf, serve, until } from "./support/server.js"

const codings = {
  gzip: Zlib.gzipSync,
  "x-gzip": Zlib.gzipSync,
  deflate: Zlib.deflateSync,
  br: Zlib.brotliCompressSync
} as const

const large = Buffer.from(Array.from({ length: 40_000 }, (_, n) => `line ${n * 7919}\n`).join(""))

describe("NodeTransport", () => {
  for (const [coding, code] of Object.entries(codings)) {
    it.live(`decodes a body in ${coding}, whole and as a stream, and removes content-encoding and content-length`, () =>
      Effect.gen(function* () {
        for (const plain of [Buffer.from("grüße"), large]) {
          const server = yield* respondWith({ "content-encoding": coding, "x-kept": "1" }, code(plain))
          const response = yield* HttpClient.get(server.url)
          expect(yield* response.text).toBe(plain.toString())
          expect(response.headers).not.toHaveProperty("content-encoding")
          expect(response.headers).not.toHaveProperty("content-length")
          expect(response.headers["x-kept"]).toBe("1")
          expect(yield* collected((yield* HttpClient.get(server.url)).stream)).toBe(plain.toString())
        }
      }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
    )
  }

  it.live("decodes deflate without the zlib wrapper", () =>
    Effect.gen(function* () {
      const server = yield* respondWith({ "content-encoding": "deflate" }, Zlib.deflateRawSync(large))
      expect(yield* (yield* HttpClient.get(server.url)).text).toBe(large.toString())
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("decodes two codings, in one field or two", () =>
    Effect.gen(function* () {
      const twice = Zlib.gzipSync(Zlib.brotliCompressSync(large))
      for (const fields of ["br, gzip", ["Br", "GZIP"]]) {
        const server = yield* respondWith({ "content-encoding": fields }, twice)
        expect(yield* (yield* HttpClient.get(server.url)).text).toBe(large.toString())
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("keeps a body with three codings or an unknown one, and its header", () =>
    Effect.gen(function* () {
      for (const fields of ["gzip, gzip, gzip", "zstd", "gzip, zstd", "identity"]) {
        const server = yield* respondWith({ "content-encoding": fields }, "as it is")
        const response = yield* HttpClient.get(server.url)
        expect([yield* response.text, response.headers["content-encoding"]]).toEqual(["as it is", fields])
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("leaves decoding to a caller that sets accept-encoding", () =>
    Effect.gen(function* () {
      const server = yield* respondWith({ "content-encoding": "gzip" }, Zlib.gzipSync(large))
      const request = HttpClientRequest.get(server.url).pipe(HttpClientRequest.setHeader("accept-encoding", "gzip"))
      const response = yield* HttpClient.execute(request)
      expect(response.headers["content-encoding"]).toBe("gzip")
      expect(Zlib.gunzipSync(new Uint8Array(yield* response.arrayBuffer))).toEqual(large)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("reads an empty body for HEAD, a 304 and a response of no bytes", () =>
    Effect.gen(function* () {
      const server = yield* serve(({ method, url }, response) => {
        response.writeHead(url === "/304" ? 304 : 200, { "content-encoding": "gzip" })
        if (method === "HEAD" || url === "/304") return void response.end()
        response.flushHeaders()
        response.end()
      })
      for (const request of [
        HttpClient.head(server.url),
        HttpClient.get(`${server.url}/304`),
        HttpClient.get(server.url)
      ]) {
        expect(yield* (yield* request).text).toBe("")
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("fails with a ResponseError and zlib's code for a damaged or truncated body", () =>
    Effect.gen(function* () {
      for (const [coding, code] of Object.entries(codings)) {
        const whole = code(large)
        const broken = Buffer.from(whole)
        broken.fill(255, 20, 60)
        for (const body of [whole.subarray(0, whole.length - 20), broken]) {
          const server = yield* respondWith({ "content-encoding": coding }, body)
          const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), ({ text }) => text))
          expect([error._tag, error.reason]).toEqual(["ResponseError", "Decode"])
          expect(codeOf(error)).toMatch(/^(Z_|ERR_|ERR__ERROR)/)
        }
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("emits the first decoded bytes before the body ends", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        response.writeHead(200, { "content-encoding": "gzip" })
        const gzip = Zlib.createGzip()
        gzip.pipe(response)
        gzip.write("first")
        gzip.flush()
        request.socket.once("close", () => gzip.end())
      })
      const { stream } = yield* HttpClient.get(server.url)
      expect(yield* collected(Stream.take(stream, 1))).toBe("first")
      yield* until(() => server.sockets.size === 0)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("ignores bytes after the coded data, and can be interrupted while they arrive", () =>
    Effect.gen(function* () {
      const server = yield* serve(({ url }, response) => {
        response.writeHead(200, { "content-encoding": "gzip" })
        response.write(Buffer.concat([Zlib.gzipSync("plain"), Buffer.alloc(100)]))
        if (url === "/endless") flood(response, Number.POSITIVE_INFINITY)
        else response.end(Buffer.alloc(100_000))
      })
      expect(yield* (yield* HttpClient.get(server.url)).text).toBe("plain")
      const { text } = yield* HttpClient.get(`${server.url}/endless`)
      expect((yield* Effect.option(Effect.timeout(text, "100 millis")))._tag).toBe("None")
      yield* until(() => server.sockets.size <= 1)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("decodes a body no faster than it is read", () =>
    Effect.gen(function* () {
      const server = yield* respondWith({ "content-encoding": "gzip" }, Zlib.gzipSync(Buffer.alloc(200 * mebi)))
      const { stream } = yield* HttpClient.get(server.url)
      const slow = Stream.tap(Stream.take(stream, 2), () => Effect.sleep("400 millis"))
      const { bytes } = yield* memoryGrowth(Stream.runDrain(slow))
      expect(bytes).toBeLessThan(64 * mebi)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("makes the server pause when the reader of an incompressible coded body pauses", () =>
    Effect.gen(function* () {
      let written = () => 0
      const member = Zlib.gzipSync(randomBytes(mebi))
      const server = yield* serve((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip" })
        written = flood(response, 256 * mebi, member)
      })
      const { stream } = yield* HttpClient.get(server.url)
      const slow = Stream.tap(Stream.take(stream, 1), () => Effect.sleep("400 millis"))
      yield* Stream.runDrain(slow)
      expect(written()).toBeLessThan(32 * mebi)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  for (const [what, fields, bomb] of [
    ["gzip", "gzip", () => Zlib.gzipSync(Buffer.alloc(200 * mebi))],
    ["gzip twice", "gzip, gzip", () => Zlib.gzipSync(Zlib.gzipSync(Buffer.alloc(200 * mebi)))],
    [
      "br",
      "br",
      () => Zlib.brotliCompressSync(Buffer.alloc(200 * mebi), { params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: 3 } })
    ]
  ] as const) {
    it.live(`rejects a body that decodes to 200 MiB as BodyTooLarge and buffers little memory: ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* respondWith({ "content-encoding": fields }, bomb())
        const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, maxBodySize: mebi })
        const { bytes, value } = yield* memoryGrowth(Effect.flip(api.get("/")))
        expect(value).toMatchObject({ _tag: "BodyTooLarge", limit: mebi })
        expect(bytes).toBeLessThan(64 * mebi)
      }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
    )
  }
})
