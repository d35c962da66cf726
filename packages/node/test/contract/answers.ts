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
import { either, exchanging, failure, form } from "./transport.js"

/** What comes back from a server. */
export const answers = (transport: Transport): void => {
  const { differs, name } = transport
  const exchange = exchanging(transport)

  const answer = <A, E>(
    headers: Record<string, string | Array<string>>,
    body: string | Uint8Array,
    read: (response: HttpClientResponse) => Effect.Effect<A, E>
  ) =>
    exchange(
      (_, response) => response.writeHead(200, headers).end(body),
      (client, { url }) => Effect.flatMap(client.get(url), read)
    )

  describe(`${name}: answers`, () => {
    it.live("text, json, bytes, parameters and form data are read", () =>
      Effect.gen(function* () {
        expect(yield* answer({}, "grüße", ({ text }) => text)).toBe("grüße")
        expect(yield* answer({}, '{"a":[1]}', ({ json }) => json)).toEqual({ a: [1] })
        expect(yield* answer({}, "", ({ json }) => json)).toBe(null)
        const bytes = yield* answer({}, new Uint8Array([0, 255]), ({ arrayBuffer }) => arrayBuffer)
        expect(new Uint8Array(bytes)).toEqual(new Uint8Array([0, 255]))
        const params = yield* answer({}, "a=1&b=%20", ({ urlParamsBody }) => urlParamsBody)
        expect(UrlParams.toString(params)).toBe("a=1&b=+")
        const multipart = new Response(form())
        const type = multipart.headers.get("content-type") ?? ""
        const body = new Uint8Array(yield* Effect.promise(() => multipart.arrayBuffer()))
        const data = yield* either(answer({ "content-type": type }, body, ({ formData }) => formData))
        expect(Either.isRight(data)).toBe(differs.formRead)
        if (Either.isRight(data)) expect(data.right.get("name")).toBe("value ü")
      })
    )

    it.live("what cannot be decoded is a ResponseError with the reason Decode", () =>
      Effect.gen(function* () {
        const json = yield* either(answer({}, "<html>", (response) => response.json))
        expect(failure(json)).toEqual(["ResponseError", "Decode"])
        const data = yield* either(answer({ "content-type": "text/plain" }, "x", (response) => response.formData))
        expect(failure(data)).toEqual(["ResponseError", "Decode"])
      })
    )

    for (const size of [10, 300_000]) {
      it.live(`a body of ${size} bytes comes whole, in pieces, twice, and to two readers at once`, () =>
        Effect.gen(function* () {
          const body = "x".repeat(size)
          expect(yield* answer({}, body, ({ text }) => text)).toBe(body)
          const pieces = yield* answer({}, body, ({ stream }) => Stream.runCollect(stream))
          expect(Buffer.concat(Chunk.toReadonlyArray(pieces)).toString()).toBe(body)
          expect(yield* answer({}, body, ({ text }) => Effect.zip(text, text))).toEqual([body, body])
          const both = yield* answer({}, body, ({ text }) => Effect.zip(text, text, { concurrent: true }))
          expect(both).toEqual([body, body])
        })
      )
    }

    it.live("the text of a body that was streamed before, and the bytes of one whose text was read", () =>
      Effect.gen(function* () {
        const body = "x".repeat(300_000)
        const text = yield* either(
          answer({}, body, ({ stream, text }) => Effect.zipRight(Stream.runDrain(stream), text))
        )
        expect(Either.isLeft(text) ? text.left.reason : text.right === "" ? "empty" : "all").toBe(
          differs.textAfterStream
        )
        const bytes = yield* either(answer({}, body, ({ arrayBuffer, text }) => Effect.zipRight(text, arrayBuffer)))
        expect(Either.isLeft(bytes) ? bytes.left.reason : "kept").toBe(differs.bytesAfterText)
      })
    )

    it.live("the second of two readers, when the first is interrupted", () => {
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

    it.live("bodies that are empty by their status, their method or their length", () =>
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
              // A web response has a body, if an empty one, where its status allows one.
              expect(empty).toBe(path === "/200" ? "empty" : differs.emptyStream)
            }
            const long = yield* either(Effect.flatMap(client.get(`${url}/304-long`), ({ text }) => text))
            expect(Either.isRight(long) ? "empty" : long.left.reason).toBe(differs.lengthOf304)
          })
      )
    )

    it.live("pieces arrive as they are sent, before the end", () =>
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

    it.live("fields of one name are one with commas, and set-cookie stays apart as cookies", () =>
      Effect.gen(function* () {
        const headers = {
          "x-two": ["a", "b"],
          "set-cookie": ["a=1; Path=/", "b=2; Expires=Wed, 09 Jun 2100 10:18:14 GMT"]
        }
        const response = yield* answer(headers, "", Effect.succeed)
        expect(response.headers["x-two"]).toBe("a, b")
        expect(Object.keys(response.cookies.cookies)).toEqual(["a", "b"])
      })
    )

    it.live("a byte order mark is dropped, a field's bytes are Latin-1", () =>
      Effect.gen(function* () {
        expect(yield* answer({}, "\ufeff{}", ({ text }) => text)).toBe("{}")
        expect(yield* answer({}, "\ufeff{}", ({ json }) => json)).toEqual({})
        expect((yield* answer({ "x-name": "\u00e4" }, "", Effect.succeed)).headers["x-name"]).toBe(differs.latin1)
      })
    )

    it.live("a redirect is given out as it came, by the client over the transport", () =>
      exchange(
        ({ url }, response) => (url === "/to" ? response.end() : response.writeHead(302, { location: "/to" }).end()),
        (client, { url }) =>
          Effect.map(Typed.fromHttpClient(client).get(url), ({ status }) => {
            expect(status).toBe(302)
          })
      )
    )

    it.live("a body that has a coding which the caller did not ask for", () =>
      Effect.gen(function* () {
        const text = yield* answer({ "content-encoding": "gzip" }, gzipSync("plain"), (response) => response.text)
        expect(text === "plain").toBe(differs.inflates)
      })
    )
  })
}
