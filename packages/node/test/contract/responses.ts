import * as Typed from "@countersign/client/Transport"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { ServerResponse } from "node:http"
import { gzipSync } from "node:zlib"
import type { Transport } from "./transport.js"
import { either, makeExchange, failure, form } from "./transport.js"

/** How responses are read. */
export const responses = (transport: Transport): void => {
  const { differs, name } = transport
  const exchange = makeExchange(transport)

  const read = <A, E>(
    headers: Record<string, string | Array<string>>,
    body: string | Uint8Array,
    reader: (response: HttpClientResponse) => Effect.Effect<A, E>
  ) =>
    exchange(
      (_, response) => response.writeHead(200, headers).end(body),
      (client, { url }) => Effect.flatMap(client.get(url), reader)
    )

  describe(`${name}`, () => {
    it.live("reads text, JSON, bytes, parameters and form data", () =>
      Effect.gen(function* () {
        expect(yield* read({}, "grüße", ({ text }) => text)).toBe("grüße")
        expect(yield* read({}, '{"a":[1]}', ({ json }) => json)).toEqual({ a: [1] })
        expect(yield* read({}, "", ({ json }) => json)).toBe(null)
        const bytes = yield* read({}, new Uint8Array([0, 255]), ({ arrayBuffer }) => arrayBuffer)
        expect(new Uint8Array(bytes)).toEqual(new Uint8Array([0, 255]))
        const params = yield* read({}, "a=1&b=%20", ({ urlParamsBody }) => urlParamsBody)
        expect(UrlParams.toString(params)).toBe("a=1&b=+")
        const multipart = new Response(form())
        const type = multipart.headers.get("content-type") ?? ""
        const body = new Uint8Array(yield* Effect.promise(() => multipart.arrayBuffer()))
        const data = yield* either(read({ "content-type": type }, body, ({ formData }) => formData))
        expect(Either.isRight(data)).toBe(differs.formRead)
        if (Either.isRight(data)) expect(data.right.get("name")).toBe("value ü")
      })
    )

    it.live("fails with a ResponseError and the reason Decode for a body that cannot be decoded", () =>
      Effect.gen(function* () {
        const json = yield* either(read({}, "<html>", (response) => response.json))
        expect(failure(json)).toEqual(["ResponseError", "Decode"])
        const data = yield* either(read({ "content-type": "text/plain" }, "x", (response) => response.formData))
        expect(failure(data)).toEqual(["ResponseError", "Decode"])
      })
    )

    for (const size of [10, 300_000]) {
      it.live(`reads a body of ${size} bytes whole, as a stream, twice, and with two readers at once`, () =>
        Effect.gen(function* () {
          const body = "x".repeat(size)
          expect(yield* read({}, body, ({ text }) => text)).toBe(body)
          const pieces = yield* read({}, body, ({ stream }) => Stream.runCollect(stream))
          expect(Buffer.concat(Chunk.toReadonlyArray(pieces)).toString()).toBe(body)
          expect(yield* read({}, body, ({ text }) => Effect.zip(text, text))).toEqual([body, body])
          const both = yield* read({}, body, ({ text }) => Effect.zip(text, text, { concurrent: true }))
          expect(both).toEqual([body, body])
        })
      )
    }

    it.live("reads the text after the stream and the bytes after the text as listed in its differences", () =>
      Effect.gen(function* () {
        const body = "x".repeat(300_000)
        const text = yield* either(read({}, body, ({ stream, text }) => Effect.zipRight(Stream.runDrain(stream), text)))
        expect(Either.isLeft(text) ? text.left.reason : text.right === "" ? "empty" : "all").toBe(
          differs.textAfterStream
        )
        const bytes = yield* either(read({}, body, ({ arrayBuffer, text }) => Effect.zipRight(text, arrayBuffer)))
        expect(Either.isLeft(bytes) ? bytes.left.reason : "kept").toBe(differs.bytesAfterText)
      })
    )

    it.live("lets the second of two readers finish, or not, after the first is interrupted", () => {
      const open: Array<ServerResponse> = []
      return exchange(
        (_, response) => {
          response.write("x".repeat(100_000))
          open.push(response)
        },
        (client, { url }) =>
          Effect.gen(function* () {
            const { text } = yield* client.get(url)
            const first = yield* Effect.fork(text)
            yield* Effect.sleep("20 millis")
            const second = yield* Effect.fork(text)
            yield* Effect.sleep("20 millis")
            yield* Fiber.interrupt(first)
            for (const response of open) response.end("y")
            const exit = yield* Fiber.await(second)
            expect(exit._tag === "Success" ? "reads" : "interrupted").toBe(differs.secondReader)
          })
      )
    })

    it.live("reads an empty body by its status, method or length", () =>
      exchange(
        ({ url }, response) => {
          if (url === "/304") return void response.writeHead(304, { etag: '"a"' }).end()
          if (url === "/304-long") return void response.writeHead(304, { "content-length": "10" }).end()
          response.writeHead(url === "/204" ? 204 : 200, url === "/204" ? {} : { "content-length": "0" }).end()
        },
        (client, { url }) =>
          Effect.gen(function* () {
            for (const path of ["/204", "/304", "/200"]) {
              const response = yield* client.get(url + path)
              expect([response.status, yield* response.text]).toEqual([Number(path.slice(1)), ""])
              const streamed = yield* either(Stream.runCollect((yield* client.get(url + path)).stream))
              const empty = Either.isRight(streamed) ? "empty" : streamed.left.reason
              // A web Response has a body, possibly an empty one, if its status allows one.
              expect(empty).toBe(path === "/200" ? "empty" : differs.emptyStream)
            }
            const long = yield* either(Effect.flatMap(client.get(`${url}/304-long`), ({ text }) => text))
            expect(Either.isRight(long) ? "empty" : long.left.reason).toBe(differs.lengthOf304)
          })
      )
    )

    it.live("emits chunks as they arrive, before the body ends", () =>
      exchange(
        (request, response) => {
          response.write("first")
          request.socket.once("close", () => response.end())
        },
        (client, { url }) =>
          Effect.gen(function* () {
            const { stream } = yield* client.get(url)
            const [first] = yield* Stream.runCollect(Stream.take(stream, 1))
            expect(Buffer.from(first ?? []).toString()).toBe("first")
          })
      )
    )

    it.live("joins fields of one name with commas and parses each set-cookie", () =>
      Effect.gen(function* () {
        const headers = {
          "x-two": ["a", "b"],
          "set-cookie": ["a=1; Path=/", "b=2; Expires=Wed, 09 Jun 2100 10:18:14 GMT"]
        }
        const response = yield* read(headers, "", Effect.succeed)
        expect(response.headers["x-two"]).toBe("a, b")
        expect(Object.keys(response.cookies.cookies)).toEqual(["a", "b"])
      })
    )

    it.live("drops a byte order mark and reads header bytes as Latin-1", () =>
      Effect.gen(function* () {
        expect(yield* read({}, "\ufeff{}", ({ text }) => text)).toBe("{}")
        expect(yield* read({}, "\ufeff{}", ({ json }) => json)).toEqual({})
        expect((yield* read({ "x-name": "\u00e4" }, "", Effect.succeed)).headers["x-name"]).toBe(differs.latin1)
      })
    )

    it.live("returns a redirect as a response", () =>
      exchange(
        ({ url }, response) => (url === "/to" ? response.end() : response.writeHead(302, { location: "/to" }).end()),
        (client, { url }) =>
          Effect.map(Typed.fromHttpClient(client).get(url), ({ status }) => {
            expect(status).toBe(302)
          })
      )
    )

    it.live("decodes a coding that the caller did not request, or not", () =>
      Effect.gen(function* () {
        const text = yield* read({ "content-encoding": "gzip" }, gzipSync("plain"), (response) => response.text)
        expect(text === "plain").toBe(differs.inflates)
      })
    )
  })
}
