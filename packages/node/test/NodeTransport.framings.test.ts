/** Each status with each framing of a body, as RFC 9112 §6.3 defines its length. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { gzipSync } from "node:zlib"
import { afterReading, serveRaw, bothEndsRead, until } from "./support/server.js"

/** How the server ends the connection after it has written the response. */
type Ending = "open" | "end" | "reset"

interface Framing {
  /** Header fields, without the empty line. */
  readonly fields: ReadonlyArray<string>
  readonly payload: Buffer | string
  readonly ending: Ending
  /** The body, or the reason of a `TransportError`, if the status allows content. */
  readonly result: { readonly body: string } | { readonly reason: string }
}

const hello = { body: "hello" }
const cut = { reason: "Truncated" }
const gzip = gzipSync("hello")
const chunked = "transfer-encoding: chunked"
const chunk = (bytes: Buffer | string) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), Buffer.from(bytes), Buffer.from("\r\n")])
const chunks = (...pieces: ReadonlyArray<Buffer | string>) =>
  Buffer.concat([...pieces.map(chunk), Buffer.from("0\r\n\r\n")])
const framing = (
  fields: ReadonlyArray<string>,
  payload: Buffer | string,
  result: Framing["result"],
  ending: Ending = "open"
): Framing => ({ fields, payload, ending, result })

/** The transport rewrites some heads. It must not rewrite content that looks like one. */
const head = "HTTP/1.1 100 Continue\r\nx-folded: a\r\n b\r\n\r\n"

const coded = "content-encoding: gzip"
const lengthOf = (bytes: Buffer | string, more = 0) => `content-length: ${bytes.length + more}`

/** The coded bytes of the rows with a coding. */
const codedContent: Readonly<Record<string, Buffer | string>> = {
  "a coding and a length": gzip,
  "a coding in chunks": gzip,
  "a coding without framing": gzip,
  "a coding and a length of 0": "",
  "a coding that is cut": gzip.subarray(0, -4),
  "a body that is not of its coding": "hello"
}

const framings: Readonly<Record<string, Framing>> = {
  "a length": framing([lengthOf("hello")], "hello", hello),
  "a length of 0": framing(["content-length: 0"], "", { body: "" }),
  "a length and a closed connection": framing([lengthOf("hello"), "connection: close"], "hello", hello, "end"),
  chunks: framing([chunked], chunks("he", "llo"), hello),
  "no chunks": framing([chunked], chunks(), { body: "" }),
  "chunks with extensions and a trailer": framing(
    [chunked, "trailer: x-sum"],
    "5;a=b\r\nhello\r\n0;last\r\nx-sum: 1\r\n\r\n",
    hello
  ),
  "no framing": framing([], "hello", hello, "end"),
  "no framing and no bytes": framing([], "", { body: "" }, "end"),
  "a coding and a length": framing([coded, lengthOf(gzip)], gzip, hello),
  "a coding in chunks": framing([coded, chunked], chunks(gzip.subarray(0, 9), gzip.subarray(9)), hello),
  "a coding without framing": framing([coded], gzip, hello, "end"),
  "a coding and a length of 0": framing([coded, "content-length: 0"], "", { body: "" }),
  "equal lengths": framing([lengthOf("hello"), lengthOf("hello")], "hello", hello),
  "equal lengths in one field": framing(["content-length: 5, 5"], "hello", hello),
  "a length and content that looks like a head": framing([lengthOf(head)], head, { body: head }),
  "chunks with content that looks like a head": framing([chunked], chunks(head, head), { body: head + head }),
  "no framing and content that looks like a head": framing([], head, { body: head }, "end"),
  "a length and a body that is cut": framing([lengthOf("hello", 5)], "hello", cut, "end"),
  "a length and a reset in the body": framing([lengthOf("hello", 5)], "hello", cut, "reset"),
  "a length and no body": framing([lengthOf("hello")], "", cut, "end"),
  "chunks that are cut inside a chunk": framing([chunked], "a\r\nhello", cut, "end"),
  "chunks that are cut after a chunk": framing([chunked], "5\r\nhello\r\n", cut, "end"),
  "chunks that are cut before the first": framing([chunked], "", cut, "end"),
  "chunks that are cut, with connection: close": framing([chunked, "connection: close"], "5\r\nhello\r\n", cut, "end"),
  "chunks and a reset": framing([chunked], "5\r\nhello\r\n", cut, "reset"),
  "no framing and a reset": framing([], "hello", cut, "reset"),
  "a coding that is cut": framing([coded, lengthOf(gzip, -4)], gzip.subarray(0, -4), cut),
  "a body that is not of its coding": framing([coded, lengthOf("hello")], "hello", {
    reason: "InvalidContentEncoding"
  }),
  "different lengths": framing([lengthOf("hello"), lengthOf("hello", 1)], "hello", { reason: "InvalidHttpResponse" }),
  "a length and chunks": framing([lengthOf("hello"), chunked], chunks("hello"), { reason: "InvalidHttpResponse" }),
  "a length that is not a number": framing(["content-length: five"], "hello", { reason: "InvalidHttpResponse" }),
  "a negative length": framing(["content-length: -5"], "hello", { reason: "InvalidHttpResponse" }),
  "more than the length": framing([lengthOf("hello")], "hello, more", hello),
  "a chunk size that is not a number": framing([chunked], "x\r\nhello\r\n0\r\n\r\n", { reason: "InvalidHttpResponse" })
}

/** Statuses of the registry, and some unregistered ones. Another table has 1xx. */
const statuses = [
  ...[200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 299],
  ...[300, 301, 302, 303, 304, 305, 307, 308, 399],
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422],
  ...[423, 424, 425, 426, 428, 429, 431, 451, 499],
  ...[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 520, 524, 529, 599]
]

/** Statuses of responses that never have content: RFC 9112 §6.3, RFC 9110 §15.3.6. */
const contentless = [204, 205, 304]

type Method = "GET" | "HEAD"

const isContentless = (method: Method, status: number) => method === "HEAD" || contentless.includes(status)

const next = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext"

const makeServer = ({ ending, fields, payload }: Framing, hasPayload: boolean) =>
  serveRaw((socket, request) => {
    const [, status] = /^\w+ \/(\d+)/.exec(request) ?? []
    if (status === undefined) return void socket.write(next)
    const head = [`HTTP/1.1 ${status} Reason`, ...fields, "", ""].join("\r\n")
    const bytes = Buffer.concat([Buffer.from(head), hasPayload ? Buffer.from(payload) : Buffer.alloc(0)])
    socket.write(bytes, () => {
      if (ending === "end") socket.end()
      else if (ending === "reset") afterReading(() => socket.resetAndDestroy())
    })
  })

const tagOf = (status: number): string => {
  if (status === 401) return "Unauthorized"
  if (status === 403) return "Forbidden"
  if (status === 429) return "RateLimited"
  return status === 408 || status === 425 || status >= 500 ? "Unavailable" : "ClientError"
}

/** The header of these responses cannot be read, so the result has no status. */
const unreadable: ReadonlySet<string> = new Set([
  "different lengths",
  "a length and chunks",
  "a length that is not a number",
  "a negative length"
])

const expected = (name: string, { result }: Framing, method: Method, status: number): string => {
  if (unreadable.has(name)) return "TransportError InvalidHttpResponse"
  if (status >= 400) return `${status} ${tagOf(status)}`
  if (isContentless(method, status)) return `${status} ""`
  // The parts of a range are parts of the coded bytes (RFC 9110 §14.1.2), so a 206 is not decoded.
  const undecoded = status === 206 ? codedContent[name] : undefined
  if (undecoded !== undefined) return `206 "${Buffer.from(undecoded).toString()}"`
  return "body" in result ? `${status} "${result.body}"` : `TransportError ${result.reason}`
}

const resultOf = (api: ApiClient.ApiClient, method: Method, path: string) =>
  (method === "GET" ? api.get(path) : api.head(path)).pipe(
    Effect.flatMap((response) => Effect.map(response.text, (text) => `${response.status} "${text}"`)),
    Effect.catchAll((error) => {
      if (error._tag === "TransportError") return Effect.succeed(`TransportError ${error.reason}`)
      return Effect.succeed("status" in error ? `${error.status} ${error._tag}` : error._tag)
    })
  )

const clientAt = (baseUrl: string) =>
  // A 429 would throttle the request after it for a second.
  ApiClient.make({ baseUrl, auth: Auth.none, retry: false, redirects: false, rateLimit: false })

const run = (name: string, row: Framing, method: Method, hasPayload: boolean, testedStatuses: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const { sockets, url } = yield* makeServer(row, hasPayload)
    const api = yield* clientAt(url)
    const problems: Array<string> = []
    for (const status of testedStatuses) {
      const result = yield* resultOf(api, method, `/${status}`)
      const wanted = expected(name, row, method, status)
      if (result !== wanted) problems.push(`${status}: ${result}, expected ${wanted}`)
      // The client must read the reset before the next request, which it would otherwise send over that connection.
      if (row.ending === "reset")
        yield* Effect.zipRight(
          until(() => sockets.size === 0),
          bothEndsRead
        )
      // Bytes that are left of a response must not be read as the next response.
      const after = yield* resultOf(api, "GET", "/next")
      if (after !== '200 "next"') problems.push(`after ${status}: ${after}`)
    }
    expect(problems).toEqual([])
  }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)

const some = [200, 204, 205, 206, 301, 304, 401, 404, 429, 503]

describe.concurrent("NodeTransport", () => {
  for (const [name, row] of Object.entries(framings)) {
    it.live(`reads a response with ${name} as its status and framing say`, () => run(name, row, "GET", true, statuses))
    it.live(`reads no content of a response with ${name} if the status allows none`, () =>
      run(name, row, "GET", false, contentless)
    )
    it.live(`reads no content of a response to HEAD with ${name}`, () => run(name, row, "HEAD", false, some))
    it.live(`ends a response to HEAD with its header although ${name} and content follow`, () =>
      run(name, row, "HEAD", true, some)
    )
  }
})

describe("NodeTransport", () => {
  const interim = (status: number) => `HTTP/1.1 ${status} Interim\r\nlink: </a>; rel=preload\r\n\r\n`
  const final = (status: number) =>
    `HTTP/1.1 ${status} Final\r\n${status === 204 ? "" : "content-length: 5\r\n"}\r\n${status === 204 ? "" : "hello"}`

  for (const before of [[100], [102], [103], [110], [199], [100, 102, 103], [103, 103, 100, 100]]) {
    it.live(`skips the interim responses ${before.join(", ")} before each status`, () =>
      Effect.gen(function* () {
        const { url } = yield* serveRaw((socket, request) => {
          const status = Number(/^\w+ \/(\d+)/.exec(request)?.[1])
          socket.write(before.map(interim).join("") + final(status))
        })
        const api = yield* clientAt(url)
        const results = []
        for (const status of [200, 201, 204, 302, 404, 503]) results.push(yield* resultOf(api, "GET", `/${status}`))
        expect(results).toEqual([
          '200 "hello"',
          '201 "hello"',
          '204 ""',
          '302 "hello"',
          "404 ClientError",
          "503 Unavailable"
        ])
      }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
    )
  }

  it.live("fails with ConnectionReset if the connection ends after an interim response", () =>
    Effect.gen(function* () {
      for (const status of [100, 102, 103, 110, 199]) {
        const { url } = yield* serveRaw((socket) => socket.end(interim(status)))
        const api = yield* clientAt(url)
        expect([status, yield* resultOf(api, "GET", "/")]).toEqual([status, "TransportError ConnectionReset"])
      }
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("fails with InvalidHttpResponse for a status that no final response has, and does not retry", () =>
    Effect.gen(function* () {
      const upgrade = "upgrade: x\r\nconnection: upgrade\r\n\r\n"
      for (const head of [`101 Switching Protocols\r\n${upgrade}`, "000 X\r\n\r\n", "099 X\r\n\r\n", "99 X\r\n\r\n"]) {
        for (const pipelining of [1, 2]) {
          let requests = 0
          const { url } = yield* serveRaw((socket) => {
            requests++
            socket.write(`HTTP/1.1 ${head}`)
          })
          const result = Effect.flatMap(ApiClient.make({ baseUrl: url, auth: Auth.none }), (api) =>
            resultOf(api, "GET", "/")
          ).pipe(Effect.provide(NodeTransport.layerWith({ pipelining })))
          expect([head, yield* result]).toEqual([head, "TransportError InvalidHttpResponse"])
          expect(requests).toBe(1)
        }
      }
    }).pipe(Effect.scoped)
  )
})
