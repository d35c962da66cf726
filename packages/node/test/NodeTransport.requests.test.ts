/** What an origin receives of a request over each transport: the query, body fields and ranges. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { IncomingHttpHeaders } from "node:http"
import * as Zlib from "node:zlib"
import { serveRaw, serve } from "./support/server.js"

/** `URL` encodes apostrophes and drops an empty query. The platform's transports send every request through it. */
const transports = {
  NodeTransport: { layer: NodeTransport.layer, isExact: true },
  "platform's undici": { layer: NodeHttpClient.layerUndici, isExact: false },
  "platform's node:http": { layer: NodeHttpClient.layer, isExact: false },
  "platform's fetch": { layer: FetchHttpClient.layer, isExact: false }
} as const
type Name = keyof typeof transports
const names = Object.keys(transports) as ReadonlyArray<Name>

interface Received {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server that records requests, and its client. */
const client = (options: { readonly headers?: Record<string, string> } = {}) =>
  Effect.gen(function* () {
    const received: Array<Received> = []
    const server = yield* serve((request, response) => {
      const pieces: Array<Buffer> = []
      request.on("data", (piece: Buffer) => pieces.push(piece))
      request.on("end", () => {
        received.push({ url: request.url ?? "", headers: request.headers, body: Buffer.concat(pieces).toString() })
        response.end("{}")
      })
    })
    const api = yield* ApiClient.make({ baseUrl: server.url, ...options, auth: Auth.none })
    return { api, received }
  })

describe.each(names)("%s", (name) => {
  const { isExact } = transports[name]
  const characters = "abcXYZ019-._~!$&()*+,;=:@/?%[]{}|^`\\" + (isExact ? "'" : "")
  const query = FastCheck.string({ unit: FastCheck.constantFrom(...characters), minLength: isExact ? 0 : 1 })
  const params = FastCheck.dictionary(
    FastCheck.string({ minLength: 1, maxLength: 3 }),
    FastCheck.string({ maxLength: 3 })
  )

  it.live("sends a query byte for byte and appends parameters to it", () =>
    Effect.gen(function* () {
      const { api, received } = yield* client()
      const queries = FastCheck.sample(FastCheck.tuple(query, FastCheck.option(params, { nil: undefined })), 100)
      for (const [index, [text, urlParams]] of queries.entries()) {
        // The code that removes a fragment is not the code that appends parameters.
        yield* api.get(
          `/x?${text}${index % 2 === 0 ? "" : "#top"}`,
          urlParams === undefined ? {} : { query: urlParams }
        )
        const { url = "" } = received.at(-1) ?? {}
        expect(url.slice(0, `/x?${text}`.length)).toBe(`/x?${text}`)
        const added = new URLSearchParams(url.slice(`/x?${text}`.length))
        expect(Object.fromEntries(added)).toEqual({ ...urlParams })
      }
    }).pipe(Effect.provide(transports[name].layer), Effect.scoped)
  )

  it.live("sends forms and parameters with their own content-type, whatever the client's default is", () =>
    Effect.gen(function* () {
      const { api, received } = yield* client({ headers: { "content-type": "application/json" } })
      const form = new FormData()
      form.set("a", "1")
      yield* api.post("/x", { body: HttpBody.raw(new URLSearchParams({ a: "1 2" })) })
      yield* api.post("/x", { body: HttpBody.text("a", "text/csv") })
      yield* api.post("/x", { body: HttpBody.raw("{}") })
      yield* api.get("/x")
      expect(received.map(({ body, headers }) => [headers["content-type"], body])).toEqual([
        ["application/x-www-form-urlencoded;charset=UTF-8", "a=1+2"],
        ["text/csv", "a"],
        ["application/json", "{}"],
        [undefined, ""]
      ])
      // The platform's undici sends no form of the global class: it accepts only undici's own.
      if (name === "platform's undici") return
      for (const body of [HttpBody.formData(form), HttpBody.raw(form)]) {
        yield* api.post("/x", { body, headers: { "content-type": "multipart/form-data" } })
        const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(
          received.at(-1)?.headers["content-type"] ?? ""
        )?.[1]
        expect(boundary).toBeDefined()
        expect(received.at(-1)?.body).toContain(`--${boundary}\r\n`)
      }
    }).pipe(Effect.provide(transports[name].layer), Effect.scoped)
  )

  it.live("requests identity for a range, unless the caller sets accept-encoding", () =>
    Effect.gen(function* () {
      const { api, received } = yield* client()
      yield* api.get("/x", { headers: { range: "bytes=0-1" } })
      yield* api.get("/x", { headers: { range: "bytes=0-1", "accept-encoding": "br" } })
      // The platform's fetch adds `identity` to every request for a range.
      const own = name === "platform's fetch" ? ", identity" : ""
      expect(received.map(({ headers }) => headers["accept-encoding"])).toEqual([`identity${own}`, `br${own}`])
    }).pipe(Effect.provide(transports[name].layer), Effect.scoped)
  )

  it.live("follows a Location in UTF-8 that is repeated with the same value", () =>
    Effect.gen(function* () {
      const received: Array<string> = []
      const server = yield* serveRaw((socket, request) => {
        received.push(request.split(" ", 2)[1] ?? "")
        const fields = "location: /café?q=ü'\r\n".repeat(2)
        const answer = request.startsWith("GET /x ") ? `302 Found\r\n${fields}` : "200 OK\r\n"
        socket.write(`HTTP/1.1 ${answer}content-length: 0\r\n\r\n`)
      })
      const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none })
      yield* api.get("/x")
      expect(received).toEqual(["/x", `/caf%C3%A9?q=%C3%BC${isExact ? "'" : "%27"}`])
    }).pipe(Effect.provide(transports[name].layer), Effect.scoped)
  )

  // Node exposes only the first of several Location fields.
  if (name === "platform's node:http") return

  it.live("rejects a redirect with two different Locations", () =>
    Effect.gen(function* () {
      const server = yield* serveRaw((socket) => {
        socket.write("HTTP/1.1 302 Found\r\nlocation: /a\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n")
      })
      const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none })
      expect(yield* Effect.flip(api.get("/x"))).toMatchObject({
        _tag: "RedirectRejected",
        reason: "InvalidLocation",
        location: "/a, /b"
      })
    }).pipe(Effect.provide(transports[name].layer), Effect.scoped)
  )
})

describe("NodeTransport", () => {
  const plain = Buffer.from("0123456789".repeat(300))

  /** A server that always codes the body and responds to a range with a part of the coded bytes. */
  const coding = serve(({ headers }, response) => {
    const coded = Zlib.gzipSync(plain)
    const isRange = headers.range !== undefined && headers["if-range"] === undefined
    response.writeHead(isRange ? 206 : 200, { "content-encoding": "gzip" })
    response.end(isRange ? coded.subarray(10, 30) : coded)
  })

  it.live("does not decode a part of a coded body and keeps its content-encoding", () =>
    Effect.gen(function* () {
      const api = yield* ApiClient.make({ baseUrl: (yield* coding).url, auth: Auth.none })
      const response = yield* api.get("/x", { headers: { range: "bytes=10-29" } })
      expect([response.status, response.headers["content-encoding"]]).toEqual([206, "gzip"])
      expect(Buffer.from(yield* response.arrayBuffer)).toEqual(Zlib.gzipSync(plain).subarray(10, 30))
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("decodes a complete body that was coded although the request asked for no coding", () =>
    Effect.gen(function* () {
      const api = yield* ApiClient.make({ baseUrl: (yield* coding).url, auth: Auth.none })
      for (const headers of [{ range: "bytes=10-29", "if-range": '"e"' }, { "accept-encoding": "identity" }]) {
        const response = yield* api.get("/x", { headers })
        expect(yield* response.text).toBe(plain.toString())
        expect(response.headers).not.toHaveProperty("content-encoding")
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("rejects two different relative Locations, which a comma does not separate", () =>
    Effect.gen(function* () {
      const server = yield* serveRaw((socket) => {
        socket.write("HTTP/1.1 302 Found\r\nlocation: a\r\nlocation: b\r\ncontent-length: 0\r\n\r\n")
      })
      const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none })
      expect(yield* Effect.flip(api.get("/x"))).toMatchObject({
        reason: "InvalidLocation",
        location: "<not a URL>, <not a URL>"
      })
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})
