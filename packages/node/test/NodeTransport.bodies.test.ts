/** Bodies that are large, late, coded, broken, or read by nobody. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { ServerResponse } from "node:http"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Zlib from "node:zlib"
import { codeOf, serve, until } from "./support/server.js"

const mebi = 1024 * 1024

/** Sends `total` bytes as fast as they are taken; says how much of that it has written. */
const flood = (response: ServerResponse, total: number): (() => number) => {
  const block = Buffer.alloc(mebi, "x")
  let written = 0
  const write = () => {
    while (written < total && !response.destroyed) {
      written += block.length
      if (!response.write(block)) return void response.once("drain", write)
    }
    response.end()
  }
  write()
  return () => written
}

const collected = (stream: Stream.Stream<Uint8Array, unknown>) =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)).toString())

/** The most that the process takes while an effect runs, beyond what it took before. */
const growth = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = process.memoryUsage.rss()
    let most = before
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5)
    const value = yield* effect.pipe(Effect.ensuring(Effect.sync(() => clearInterval(watch))))
    return { value, bytes: most - before }
  })

const answerWith = (headers: Record<string, string | Array<string>>, body: Uint8Array | string) =>
  serve((_, response) => response.writeHead(200, headers).end(body))

describe("A large body", () => {
  it.live("whose reader pauses makes the server pause, and takes no memory", () =>
    Effect.gen(function* () {
      let written = () => 0
      const server = yield* serve((_, response) => (written = flood(response, 256 * mebi)))
      const { stream } = yield* HttpClient.get(server.url)
      let seen = 0
      const reading = stream.pipe(
        Stream.tap((chunk) => {
          const first = seen === 0
          seen += chunk.length
          return first ? Effect.sleep("200 millis") : Effect.void
        }),
        Stream.runDrain
      )
      const { bytes } = yield* growth(
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(reading)
          yield* Effect.sleep("150 millis")
          // What the sockets of both sides hold, and no more.
          expect(written()).toBeLessThan(32 * mebi)
          yield* Fiber.join(fiber)
        })
      )
      expect([seen, written()]).toEqual([256 * mebi, 256 * mebi])
      expect(bytes).toBeLessThan(128 * mebi)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("that is not read to its end leaves a pool of one connection usable", () =>
    Effect.gen(function* () {
      const server = yield* serve(
        ({ url }, response) => void (url === "/next" ? response.end("ok") : flood(response, 64 * mebi))
      )
      const { stream } = yield* HttpClient.get(server.url)
      yield* Stream.runDrain(Stream.take(stream, 3))
      const { text } = yield* HttpClient.get(`${server.url}/next`)
      expect([yield* text, server.connections]).toEqual(["ok", 2])
    }).pipe(Effect.provide(NodeTransport.layerWith({ connections: 1 })), Effect.scoped)
  )

  it.live("that nobody reads, of a response that nobody holds, is cut when garbage is collected", () =>
    Effect.gen(function* () {
      setFlagsFromString("--expose-gc")
      // The flag gives every new context a `gc`.
      const collect = runInNewContext("gc") as () => void
      const server = yield* serve((_, response) => void flood(response, 64 * mebi))
      yield* Effect.asVoid(HttpClient.get(server.url))
      yield* until(() => {
        collect()
        return server.sockets.size === 0
      })
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})

const codings = {
  gzip: Zlib.gzipSync,
  "x-gzip": Zlib.gzipSync,
  deflate: Zlib.deflateSync,
  br: Zlib.brotliCompressSync
} as const

const large = Buffer.from(Array.from({ length: 40_000 }, (_, n) => `line ${n * 7919}\n`).join(""))

describe("A coded body", () => {
  for (const [coding, code] of Object.entries(codings)) {
    it.live(`in ${coding} comes plain, whole and in pieces, without the fields that told of the coding`, () =>
      Effect.gen(function* () {
        for (const plain of [Buffer.from("grüße"), large]) {
          const server = yield* answerWith({ "content-encoding": coding, "x-kept": "1" }, code(plain))
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

  it.live("in deflate without zlib's frame comes plain, too", () =>
    Effect.gen(function* () {
      const server = yield* answerWith({ "content-encoding": "deflate" }, Zlib.deflateRawSync(large))
      expect(yield* (yield* HttpClient.get(server.url)).text).toBe(large.toString())
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("in two codings comes plain, from one field or two", () =>
    Effect.gen(function* () {
      const twice = Zlib.gzipSync(Zlib.brotliCompressSync(large))
      for (const fields of ["br, gzip", ["Br", "GZIP"]]) {
        const server = yield* answerWith({ "content-encoding": fields }, twice)
        expect(yield* (yield* HttpClient.get(server.url)).text).toBe(large.toString())
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("in three codings, or in one that is not known, is left as it is, and so is its header", () =>
    Effect.gen(function* () {
      for (const fields of ["gzip, gzip, gzip", "zstd", "gzip, zstd", "identity"]) {
        const server = yield* answerWith({ "content-encoding": fields }, "as it is")
        const response = yield* HttpClient.get(server.url)
        expect([yield* response.text, response.headers["content-encoding"]]).toEqual(["as it is", fields])
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("that the caller asked for is his to undo", () =>
    Effect.gen(function* () {
      const server = yield* answerWith({ "content-encoding": "gzip" }, Zlib.gzipSync(large))
      const request = HttpClientRequest.get(server.url).pipe(HttpClientRequest.setHeader("accept-encoding", "gzip"))
      const response = yield* HttpClient.execute(request)
      expect(response.headers["content-encoding"]).toBe("gzip")
      expect(Zlib.gunzipSync(new Uint8Array(yield* response.arrayBuffer))).toEqual(large)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("that is not there is empty: of HEAD, of a 304, of no bytes", () =>
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

  it.live("that is broken or too short is a ResponseError, with zlib's code", () =>
    Effect.gen(function* () {
      for (const [coding, code] of Object.entries(codings)) {
        const whole = code(large)
        const broken = Buffer.from(whole)
        broken.fill(255, 20, 60)
        for (const body of [whole.subarray(0, whole.length - 20), broken]) {
          const server = yield* answerWith({ "content-encoding": coding }, body)
          const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), ({ text }) => text))
          expect([error._tag, error.reason]).toEqual(["ResponseError", "Decode"])
          expect(codeOf(error)).toMatch(/^(Z_|ERR_|ERR__ERROR)/)
        }
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("gives its first lines before its end", () =>
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

  it.live("followed by bytes that are none of it is whole, and can be cut while they go on", () =>
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

  for (const [what, fields, bomb] of [
    ["gzip", "gzip", () => Zlib.gzipSync(Buffer.alloc(200 * mebi))],
    ["gzip twice", "gzip, gzip", () => Zlib.gzipSync(Zlib.gzipSync(Buffer.alloc(200 * mebi)))],
    [
      "br",
      "br",
      () => Zlib.brotliCompressSync(Buffer.alloc(200 * mebi), { params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: 3 } })
    ]
  ] as const) {
    it.live(`that would become 200 MiB is too large to a client, and takes no memory: ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* answerWith({ "content-encoding": fields }, bomb())
        const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, maxBodySize: mebi })
        const { bytes, value } = yield* growth(Effect.flip(api.get("/")))
        expect(value).toMatchObject({ _tag: "BodyTooLarge", limit: mebi })
        expect(bytes).toBeLessThan(64 * mebi)
      }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
    )
  }
})
