import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import type { IncomingMessage, ServerResponse } from "node:http"
import { until } from "../support/server.js"
import type { Transport } from "./transport.js"
import { either, makeExchange, failure, form } from "./transport.js"

const bodyOf = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => resolve(Buffer.concat(chunks).toString("latin1")))
  })

/** Responds with the request. */
const echo = (request: IncomingMessage, response: ServerResponse): void => {
  const { headers, method, url } = request
  void bodyOf(request).then((body) => response.end(JSON.stringify({ method, url, headers, body })))
}

const asEcho = (value: unknown) =>
  // The server above wrote it.
  value as { method: string; url: string; headers: Record<string, string | undefined>; body: string }

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

/** What arrives at a server. */
export const requests = (transport: Transport): void => {
  const { differs, name } = transport
  const exchange = makeExchange(transport)

  const send = (request: (url: string) => HttpClientRequest.HttpClientRequest) =>
    exchange(echo, (client, { url }) =>
      Effect.flatMap(client.execute(request(url)), ({ json }) => Effect.map(json, asEcho))
    )

  describe(`${name}`, () => {
    it.live("sends every method unchanged and reads no body for HEAD", () =>
      exchange(echo, (client, { url }) =>
        Effect.gen(function* () {
          for (const method of methods) {
            const { json } = yield* client.execute(HttpClientRequest.make(method)(`${url}/m`))
            expect(asEcho(yield* json)).toMatchObject({ method, url: "/m", body: "" })
          }
          const head = yield* client.head(`${url}/m`)
          expect([head.status, yield* head.text]).toEqual([200, ""])
        })
      )
    )

    it.live("sends text and bytes with their type and length", () =>
      Effect.gen(function* () {
        const text = yield* send((url) => HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText("grüße")))
        expect(text.body).toBe(Buffer.from("grüße").toString("latin1"))
        expect(text.headers).toMatchObject({ "content-type": "text/plain", "content-length": "7" })

        const view = new Uint8Array([9, 1, 2, 255, 9]).subarray(1, 4)
        const bytes = yield* send((url) => HttpClientRequest.put(url).pipe(HttpClientRequest.bodyUint8Array(view)))
        expect(bytes.body).toBe("\u0001\u0002\u00ff")
        expect(bytes.headers["content-length"]).toBe("3")

        const empty = yield* send((url) => HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText("")))
        expect([empty.body, empty.headers["content-length"]]).toEqual(["", "0"])
      })
    )

    it.live("sends a stream in chunks without content-length", () =>
      Effect.gen(function* () {
        const pieces = Stream.make(Buffer.from("one "), Buffer.from("two"))
        const chunked = yield* send((url) =>
          HttpClientRequest.post(url).pipe(HttpClientRequest.setBody(HttpBody.stream(pieces, "text/plain")))
        )
        expect(chunked.body).toBe("one two")
        expect(chunked.headers["transfer-encoding"]).toBe(differs.streamFraming)
        expect(chunked.headers["content-length"]).toBe(undefined)
      })
    )

    it.live("fails with a RequestError and does not complete the request if a stream fails", () =>
      exchange(echo, (client, { sockets, url }) =>
        Effect.gen(function* () {
          const failing = Stream.concat(Stream.make(Buffer.from("one")), Stream.fail(new Error("lost")))
          const request = HttpClientRequest.post(url).pipe(HttpClientRequest.setBody(HttpBody.stream(failing)))
          expect(failure(yield* either(client.execute(request)))).toEqual(["RequestError", "Transport"])
          yield* until(() => sockets.size === 0)
        })
      )
    )

    it.live("sends form data as multipart, if its differences say so", () =>
      Effect.gen(function* () {
        const result = yield* Effect.either(
          send((url) => HttpClientRequest.post(url).pipe(HttpClientRequest.bodyFormData(form())))
        )
        expect(Either.isRight(result)).toBe(differs.formSent)
        if (Either.isLeft(result)) return
        const { body, headers } = result.right
        expect(headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/)
        expect(body).toContain('filename="a.txt"')
        expect(body).toContain(Buffer.from("value ü").toString("latin1"))
      })
    )

    it.live("sends the body of a GET, or fails, as listed in its differences", () =>
      Effect.gen(function* () {
        const result = yield* Effect.either(
          send((url) => HttpClientRequest.get(url).pipe(HttpClientRequest.setBody(HttpBody.text("query"))))
        )
        expect(Either.isRight(result) ? (result.right.body === "query" ? "sent" : "lost") : result.left._tag).toBe(
          differs.getBody
        )
      })
    )

    it.live("escapes parameters and joins them to the query, before the fragment", () =>
      Effect.gen(function* () {
        const plain = yield* send((url) =>
          HttpClientRequest.get(`${url}/p a/ü`).pipe(HttpClientRequest.setUrlParams({ "a b": "c&d=é", e: "~*" }))
        )
        expect(plain.url).toBe("/p%20a/%C3%BC?a+b=c%26d%3D%C3%A9&e=%7E*")
        const joined = yield* send((url) =>
          HttpClientRequest.get(`${url}/p?x=(1)&y`).pipe(HttpClientRequest.setUrlParam("z", "2"))
        )
        expect(joined.url).toBe(differs.parametersOnWire)
        const fragment = yield* send((url) => HttpClientRequest.get(`${url}/p?q=1#fragment`))
        expect(fragment.url).toBe(differs.fragmentOnWire)
        expect((yield* send((url) => HttpClientRequest.get(`${url}/a/../b/./c`))).url).toBe("/b/c")
      })
    )

    it.live("sends the header fields of the caller, and accept-encoding as listed in its differences", () =>
      Effect.gen(function* () {
        const { headers } = yield* send((url) =>
          HttpClientRequest.get(url).pipe(HttpClientRequest.setHeaders({ "x-one": "1", accept: "application/json" }))
        )
        expect(headers).toMatchObject({ "x-one": "1", accept: "application/json" })
        expect(headers["accept-encoding"]).toBe(differs.acceptEncoding)
      })
    )
  })
}
