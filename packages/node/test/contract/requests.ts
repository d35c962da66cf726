import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import type { IncomingMessage, ServerResponse } from "node:http"
import { until } from "../support/server.js"
import type { Transport } from "./transport.js"
import { either, exchanging, failure, form } from "./transport.js"

const bodyOf = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => resolve(Buffer.concat(chunks).toString("latin1")))
  })

/** Answers with what it was asked. */
const echo = (request: IncomingMessage, response: ServerResponse): void => {
  const { headers, method, url } = request
  void bodyOf(request).then((body) => response.end(JSON.stringify({ method, url, headers, body })))
}

const echoed = (value: unknown) =>
  // The server above wrote it.
  value as { method: string; url: string; headers: Record<string, string | undefined>; body: string }

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

/** What arrives at a server. */
export const requests = (transport: Transport): void => {
  const { differs, name } = transport
  const exchange = exchanging(transport)

  const send = (request: (url: string) => HttpClientRequest.HttpClientRequest) =>
    exchange(echo, (client, { url }) =>
      Effect.flatMap(client.execute(request(url)), ({ json }) => Effect.map(json, echoed))
    )

  describe(`${name}: requests`, () => {
    it.live("every method arrives as it was written, and HEAD has no body", () =>
      exchange(echo, (client, { url }) =>
        Effect.gen(function* () {
          for (const method of methods) {
            const { json } = yield* client.execute(HttpClientRequest.make(method)(`${url}/m`))
            expect(echoed(yield* json)).toMatchObject({ method, url: "/m", body: "" })
          }
          const head = yield* client.head(`${url}/m`)
          expect([head.status, yield* head.text]).toEqual([200, ""])
        })
      )
    )

    it.live("text and bytes are sent with their type and length", () =>
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

    it.live("a stream is sent in pieces, and with its length where that is known", () =>
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

    it.live("a stream that fails is a RequestError, and the server does not get a whole body", () =>
      exchange(echo, (client, { sockets, url }) =>
        Effect.gen(function* () {
          const failing = Stream.concat(Stream.make(Buffer.from("one")), Stream.fail(new Error("lost")))
          const request = HttpClientRequest.post(url).pipe(HttpClientRequest.setBody(HttpBody.stream(failing)))
          expect(failure(yield* either(client.execute(request)))).toEqual(["RequestError", "Transport"])
          yield* until(() => sockets.size === 0)
        })
      )
    )

    it.live("form data is sent as multipart", () =>
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

    it.live("the body of a GET", () =>
      Effect.gen(function* () {
        const result = yield* Effect.either(
          send((url) => HttpClientRequest.get(url).pipe(HttpClientRequest.setBody(HttpBody.text("query"))))
        )
        expect(Either.isRight(result) ? (result.right.body === "query" ? "sent" : "lost") : result.left._tag).toBe(
          differs.getBody
        )
      })
    )

    it.live("parameters are escaped, joined to the query that is there, and the fragment", () =>
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

    it.live("what the caller sets in the header is sent, and accept-encoding", () =>
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
