import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { TransportError } from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as Transport from "@countersign/client/Transport"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { api, base, failure, get, hostileText, promise, run, transport } from "./scripted.js"

const { fail, respond, respondStream, truncated } = MockClient
const canary = "c4n4ry"

describe("what is not sent", () => {
  const refused = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => respond(200))
      const error = yield* failure(client.execute(request))
      expect(yield* mock.sent).toEqual([])
      expect(error.message).not.toContain(canary)
      return error
    })

  it.effect("a header value with CR, LF, NUL, another control character or one beyond Latin-1", () =>
    Effect.gen(function* () {
      for (const bad of ["\r\n", "\n", "\r", "\0", "\u001b", "\u007f", "\u0100", "🔑", "\ud800"]) {
        for (const value of [`${canary}${bad}`, `${bad}${canary}`, `${canary}${bad}X-Evil: 1`]) {
          const error = yield* refused(HttpClientRequest.setHeader(get(), "x-note", value))
          expect(error, JSON.stringify(value)).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
          expect(error.message).toContain('"x-note"')
        }
      }
    })
  )

  it.effect("a header name that is no token: its text is not repeated", () =>
    Effect.gen(function* () {
      for (const bad of ["", " ", "x:", "x y", "x\r\ny", "x\0", "naïve", "x(", '"x"', "x/y", "{x}", "x@"]) {
        const name = bad === "" ? "" : canary + bad
        const error = yield* refused(HttpClientRequest.setHeader(get(), name, "v"))
        expect(error, JSON.stringify(bad)).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
      }
    })
  )

  it.effect("a header that is the transport's own, in any letter case", () =>
    Effect.gen(function* () {
      for (const name of [
        "Host",
        "connection",
        "Transfer-Encoding",
        "TE",
        "Upgrade",
        "keep-alive",
        "Trailer",
        "expect"
      ]) {
        const error = yield* refused(HttpClientRequest.setHeader(get(), name, canary))
        expect(error, name).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
        expect(error.message).toContain(name.toLowerCase())
      }
    })
  )

  it.effect("a URL that is relative, of another scheme, or none", () =>
    Effect.gen(function* () {
      const list = [
        "/x",
        "x",
        "",
        "ftp://a.test/",
        "file:///etc/passwd",
        "//evil.test",
        "javascript:1",
        "https://[::",
        "http://"
      ]
      for (const url of list) {
        expect(yield* refused(HttpClientRequest.get(url)), url).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
      }
    })
  )

  it.effect("tabs, spaces and Latin-1 are sent", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => respond(200))
      const request = HttpClientRequest.setHeaders(get(), { "x-a": "a \t b", "x-b": "ü\u0080\u00ff", "x-c": "" })
      yield* run(client.execute(request))
      expect((yield* mock.sent)[0]?.headers).toMatchObject({ "x-a": "a \t b", "x-b": "ü\u0080\u00ff", "x-c": "" })
    })
  )

  it("any header either is refused with a typed error or goes out as it is: never a defect", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(hostileText(), hostileText(), (name, value) =>
        promise(
          Effect.gen(function* () {
            const { client, mock } = yield* transport(() => respond(200))
            const exit = yield* Effect.exit(run(client.execute(HttpClientRequest.setHeader(get(), name, value))))
            const sent = yield* mock.sent
            if (exit._tag === "Success") expect(sent).toHaveLength(1)
            else {
              expect(yield* Effect.flip(exit)).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
              expect(sent).toEqual([])
            }
          })
        )
      ),
      { numRuns: 60 }
    ))
})

describe("what goes wrong on the wire", () => {
  const classes: ReadonlyArray<readonly [code: string, TransportError["reason"], "no" | "maybe"]> = [
    ["ENOTFOUND", "NameNotResolved", "no"],
    ["EAI_AGAIN", "NameNotResolved", "no"],
    ["ECONNREFUSED", "ConnectionRefused", "no"],
    ["EHOSTUNREACH", "ConnectionRefused", "no"],
    ["ENETUNREACH", "ConnectionRefused", "no"],
    ["EADDRNOTAVAIL", "ConnectionRefused", "no"],
    ["UND_ERR_CONNECT_TIMEOUT", "ConnectTimeout", "no"],
    ["CERT_HAS_EXPIRED", "Tls", "no"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "Tls", "no"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "Tls", "no"],
    // Raised by the handshake, and also by a spoilt record after the server has acted.
    ["ERR_SSL_WRONG_VERSION_NUMBER", "Tls", "maybe"],
    ["ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "Tls", "maybe"],
    ["EPROTO", "Tls", "maybe"],
    ["UND_ERR_HEADERS_TIMEOUT", "HeadersTimeout", "maybe"],
    ["UND_ERR_BODY_TIMEOUT", "BodyTimeout", "maybe"],
    ["ECONNRESET", "ConnectionReset", "maybe"],
    ["EPIPE", "ConnectionReset", "maybe"],
    ["UND_ERR_SOCKET", "ConnectionReset", "maybe"],
    ["ETIMEDOUT", "ConnectionReset", "maybe"],
    ["HPE_INVALID_CONSTANT", "InvalidHttpResponse", "maybe"],
    ["UND_ERR_HEADERS_OVERFLOW", "HeaderTooLarge", "maybe"],
    ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "RequestBodyFailed", "maybe"],
    // undici compares the length also where it could not parse the header.
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "InvalidHttpResponse", "maybe"],
    ["HPE_INVALID_EOF_STATE", "ConnectionReset", "maybe"],
    ["ERR_OSSL_X509_KEY_VALUES_MISMATCH", "Tls", "maybe"],
    ["E_NEW_IN_NODE_99", "Unknown", "maybe"]
  ]

  const bodyClasses: ReadonlyArray<readonly [code: string, TransportError["reason"]]> = [
    ["UND_ERR_SOCKET", "Truncated"],
    ["ECONNRESET", "Truncated"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "Truncated"],
    ["HPE_INVALID_EOF_STATE", "Truncated"],
    ["HPE_INVALID_CHUNK_SIZE", "InvalidHttpResponse"],
    ["UND_ERR_BODY_TIMEOUT", "BodyTimeout"],
    ["ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "Tls"],
    ["Z_DATA_ERROR", "InvalidContentEncoding"],
    ["Z_NEED_DICT", "InvalidContentEncoding"],
    ["ERR__ERROR_FORMAT_PADDING_1", "InvalidContentEncoding"],
    ["ZSTD_error_prefix_unknown", "InvalidContentEncoding"],
    ["Z_BUF_ERROR", "Truncated"],
    ["E_NEW_IN_NODE_99", "Truncated"]
  ]

  it.effect("classifies a body that breaks by its code, as a request that may have been sent", () =>
    Effect.gen(function* () {
      for (const [code, reason] of bodyClasses) {
        const body = Stream.fail(Object.assign(new Error(`${canary} in the message`), { code }))
        const { client } = yield* transport([respondStream(200, body)])
        const error = yield* failure(Transport.bufferBodies(1000)(client).execute(get()))
        expect(error, code).toMatchObject({ _tag: "TransportError", reason, sent: "maybe", code })
        expect(error.message).not.toContain(canary)
      }
    })
  )

  it.effect("is told apart by code, and says whether the server may have seen it", () =>
    Effect.gen(function* () {
      for (const [code, reason, sent] of classes) {
        const { client } = yield* transport([fail(code, `${canary} in the message`)])
        const error = yield* failure(client.execute(get(`/x?k=${canary}`)))
        expect(error, code).toMatchObject({ _tag: "TransportError", reason, sent, method: "GET" })
        expect(error.message).not.toContain(canary)
      }
    })
  )

  const failing = (cause: unknown) =>
    Transport.fromHttpClient(
      HttpClient.make((request) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
      )
    )

  it.effect("is found where fetch, undici and happy eyeballs hide it", () =>
    Effect.gen(function* () {
      const coded = (code: string, more = {}) => Object.assign(new Error(code), { code, ...more })
      const fetched = new TypeError("fetch failed", { cause: coded("ECONNREFUSED") })
      const eyeballs = new TypeError("fetch failed", {
        cause: new AggregateError([coded("ENETUNREACH"), coded("ETIMEDOUT")])
      })
      const connecting = coded("ETIMEDOUT", { syscall: "connect" })
      expect(yield* failure(failing(fetched).execute(get()))).toMatchObject({ reason: "ConnectionRefused", sent: "no" })
      expect(yield* failure(failing(eyeballs).execute(get()))).toMatchObject({ sent: "no" })
      expect(yield* failure(failing(connecting).execute(get()))).toMatchObject({ reason: "ConnectTimeout", sent: "no" })
    })
  )

  it.effect("reports sent: no for every failure of the connect system call", () =>
    Effect.gen(function* () {
      const connecting = { ENOENT: "ConnectionRefused", EACCES: "ConnectionRefused", EMFILE: "Unknown" }
      for (const [code, reason] of Object.entries(connecting)) {
        const cause = Object.assign(new Error(code), { code, syscall: "connect" })
        expect(yield* failure(failing(cause).execute(get()))).toMatchObject({ reason, sent: "no", code })
      }
    })
  )

  it.effect("looks into the attempts of happy eyeballs, whose list has a code and no system call", () =>
    Effect.gen(function* () {
      const attempt = (code: string) => Object.assign(new Error(code), { code, syscall: "connect" })
      const list = new AggregateError([attempt("ETIMEDOUT"), attempt("ECONNREFUSED")])
      const cause = Object.assign(list, { code: "ETIMEDOUT" })
      expect(yield* failure(failing(cause).execute(get()))).toMatchObject({
        reason: "ConnectTimeout",
        sent: "no",
        code: "ETIMEDOUT"
      })
    })
  )

  it.effect("keeps the words of the HTTP parser, from undici and from node:http", () =>
    Effect.gen(function* () {
      const words = "Missing expected CR after response line"
      const undici = Object.assign(new Error(`Response does not match the HTTP/1.1 protocol (${words})`), {
        name: "HTTPParserError",
        code: undefined,
        data: "secret"
      })
      const node = Object.assign(new Error(`Parse Error: ${words}`), { code: "HPE_CR_EXPECTED", reason: words })
      const expected = { reason: "InvalidHttpResponse", sent: "maybe", detail: words }
      expect(yield* failure(failing(undici).execute(get()))).toMatchObject({ ...expected, code: "HPE_INVALID" })
      expect(yield* failure(failing(node).execute(get()))).toMatchObject({ ...expected, code: "HPE_CR_EXPECTED" })
    })
  )

  it.effect("advises https where a TLS alert is received in plain HTTP", () =>
    Effect.gen(function* () {
      const alert = "\u0015\u0003\u0001\u0000\u0002\u0002\u0046"
      const undici = Object.assign(new Error("(Expected HTTP/)"), { name: "HTTPParserError", data: alert })
      const node = { code: "HPE_INVALID_CONSTANT", reason: "Expected HTTP/", rawPacket: Buffer.from(alert, "latin1") }
      for (const cause of [undici, node]) {
        const error = yield* failure(failing(cause).execute(get()))
        expect(error).toMatchObject({ reason: "InvalidHttpResponse", detail: "the server speaks TLS. Use https://" })
        expect(error.message).not.toContain("Check the port")
      }
    })
  )

  it.effect("of a network that goes away under a request says that it may have been sent", () =>
    Effect.gen(function* () {
      for (const code of ["EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED"]) {
        for (const syscall of ["read", "write"]) {
          const cause = Object.assign(new Error(code), { code, syscall })
          expect(yield* failure(failing(cause).execute(get()))).toMatchObject({
            reason: "ConnectionReset",
            sent: "maybe",
            code
          })
        }
        const connecting = Object.assign(new Error(code), { code, syscall: "connect" })
        expect(yield* failure(failing(connecting).execute(get()))).toMatchObject({ sent: "no" })
      }
    })
  )

  it.effect("is Unknown when the cause is a circle, a text, or nothing", () =>
    Effect.gen(function* () {
      const circle = new Error("circle")
      circle.cause = circle
      for (const cause of [circle, "ECONNREFUSED", null, undefined, 42, { code: 42 }]) {
        expect(yield* failure(failing(cause).execute(get()))).toMatchObject({ reason: "Unknown", sent: "maybe" })
      }
    })
  )

  it.effect("a body that does not encode is InvalidRequest", () =>
    Effect.gen(function* () {
      const client = Transport.fromHttpClient(
        HttpClient.make((request) => Effect.fail(new HttpClientError.RequestError({ request, reason: "Encode" })))
      )
      expect(yield* failure(client.execute(get()))).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
    })
  )

  it.effect("a stream that breaks after the answer began fails without the request on it", () =>
    Effect.gen(function* () {
      const { client } = yield* transport(() => truncated(200, "hal"))
      const signed = HttpClientRequest.setHeader(get(), "authorization", canary)
      const reads = [
        (response: HttpClientResponse) => response.text,
        (response: HttpClientResponse) => response.json,
        (response: HttpClientResponse) => response.arrayBuffer,
        (response: HttpClientResponse) => response.urlParamsBody,
        (response: HttpClientResponse) => Stream.runDrain(response.stream)
      ]
      for (const read of reads) {
        const error = yield* failure(Effect.flatMap(client.execute(signed), (response) => read(response)))
        expect(error).toMatchObject({ _tag: "ResponseError", description: "UND_ERR_SOCKET" })
        expect(JSON.stringify(error)).not.toContain(canary)
      }
    })
  )
})

describe("describeFailure", () => {
  const cause = Object.assign(new Error(`${canary} in the cause`), { code: "E_OF_A_LIBRARY" })
  const failWith = (details: Transport.FailureDetails) =>
    Transport.fromHttpClient(
      HttpClient.make((request) =>
        Effect.fail(
          Transport.describeFailure(new HttpClientError.RequestError({ request, reason: "Transport", cause }), details)
        )
      )
    )

  it.effect("derives sent from the phase, whatever the code says", () =>
    Effect.gen(function* () {
      const phases = { connecting: "no", connected: "no", written: "maybe", unprocessed: "no" } as const
      for (const [phase, sent] of Object.entries(phases)) {
        // The keys of `phases` are the phases.
        const details = { phase: phase as Transport.SendPhase, code: "ECONNREFUSED" }
        expect(yield* failure(failWith(details).execute(get())), phase).toMatchObject({ sent })
      }
    })
  )

  it.effect("uses the reason, the code, the detail and the proxy of the transport", () =>
    Effect.gen(function* () {
      const proxy = { origin: "http://proxy.test:3128", status: 407 }
      const details = { phase: "connecting", reason: "ProxyFailed", detail: "wrong password", proxy } as const
      const error = yield* failure(failWith(details).execute(get()))
      expect(error).toMatchObject({ reason: "ProxyFailed", code: "E_OF_A_LIBRARY", detail: "wrong password", proxy })
      expect(error.message).toContain("http://proxy.test:3128: 407")
      expect(error.message).toContain("wrong password")
    })
  )

  it.effect("keeps the original error, which no printer shows", () =>
    Effect.gen(function* () {
      const error = yield* failure(failWith({ phase: "written" }).execute(get()))
      if (error._tag !== "TransportError" || error.cause === undefined) throw new Error("the cause is missing")
      expect(Redacted.value(error.cause)).toBe(cause)
      const printed = [
        inspect(error, { showHidden: true, getters: true, depth: 10 }),
        JSON.stringify(error),
        String(error),
        Cause.pretty(Cause.fail(error), { renderErrorCause: true })
      ]
      for (const text of printed) expect(text).not.toContain(canary)
    })
  )
})

describe("buffered", () => {
  const limit = 1000
  const read = (step: MockClient.Step, request = get(), most = limit) =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([step])
      const exit = yield* Effect.exit(run(Transport.bufferBodies(most)(client).execute(request)))
      return { exit, mock }
    })
  const text = (step: MockClient.Step, request = get()) =>
    Effect.gen(function* () {
      const { exit } = yield* read(step, request)
      return yield* Effect.flatMap(exit, (response) => response.text)
    })
  const broken = (step: MockClient.Step) => Effect.flatMap(read(step), ({ exit }) => Effect.flip(exit))
  const bytes = (length: number) => new Uint8Array(length).fill(97)
  const tooLarge = { _tag: "BodyTooLarge", limit }

  it.effect("reads up to the limit and not a byte more", () =>
    Effect.gen(function* () {
      expect((yield* text(respond(200, bytes(limit)))).length).toBe(limit)
      expect(yield* broken(respond(200, bytes(limit + 1)))).toMatchObject(tooLarge)
      expect(yield* broken(respondStream(200, Stream.make(bytes(600), bytes(401))))).toMatchObject(tooLarge)
    })
  )

  it.effect("stops reading a body that is larger, and lets its connection go", () =>
    Effect.gen(function* () {
      let produced = 0
      const endless = Stream.repeatEffect(Effect.sync(() => (produced++, bytes(100))))
      const { exit, mock } = yield* read(respondStream(200, endless))
      expect(yield* Effect.flip(exit)).toMatchObject(tooLarge)
      expect(produced).toBeLessThan(20)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("believes a content-length that is too large without reading", () =>
    Effect.gen(function* () {
      const { exit, mock } = yield* read(respond(200, "short", { "content-length": "1001" }))
      expect(yield* Effect.flip(exit)).toMatchObject(tooLarge)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("does not believe a content-length that is too small, none, or that of the coded body", () =>
    Effect.gen(function* () {
      for (const headers of [
        { "content-length": "5" },
        { "content-length": "5, 5" },
        { "content-length": "-1" },
        { "content-length": "x" },
        { "content-length": "5", "content-encoding": "gzip" }
      ]) {
        const { exit } = yield* read(respond(200, bytes(limit + 1), headers))
        expect(yield* Effect.flip(exit), JSON.stringify(headers)).toMatchObject(tooLarge)
        expect((yield* text(respond(200, bytes(10), headers))).length).toBe(10)
      }
    })
  )

  it.effect("a length tells nothing of an answer that has no body: HEAD, 204", () =>
    Effect.gen(function* () {
      const huge = { "content-length": "99999999" }
      expect(yield* text(respond(200, undefined, huge), HttpClientRequest.head(`${base}/x`))).toBe("")
      expect(yield* text(respond(204, undefined, huge))).toBe("")
    })
  )

  it.effect("an empty body is an empty text, and null as JSON", () =>
    Effect.gen(function* () {
      for (const step of [respond(200), respond(204), respond(200, ""), respondStream(200, Stream.empty)]) {
        const { exit } = yield* read(step)
        const response = yield* exit
        expect(yield* response.text).toBe("")
        expect(yield* response.json).toBe(null)
        expect((yield* response.arrayBuffer).byteLength).toBe(0)
        expect(yield* Stream.runCount(response.stream)).toBe(0)
      }
    })
  )

  it("chunk boundaries change nothing, in the middle of a character least of all", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        hostileText(60),
        FastCheck.array(FastCheck.integer({ min: 0, max: 200 }), { maxLength: 6 }),
        (content, cuts) =>
          promise(
            Effect.gen(function* () {
              const encoded = new TextEncoder().encode(content)
              const at = [0, ...cuts.map((cut) => Math.min(cut, encoded.length)).sort((a, b) => a - b), encoded.length]
              const chunks = at.slice(1).map((end, i) => encoded.slice(at[i], end))
              const received = yield* text(respondStream(200, Stream.fromIterable(chunks)))
              // A byte order mark is a mark of the encoding, not a character of the text.
              expect(received).toBe(new TextDecoder().decode(encoded))
            })
          )
      ),
      { numRuns: 60 }
    ))

  it.effect("the body can be read as often as one likes, in each form", () =>
    Effect.gen(function* () {
      const { exit } = yield* read(respond(200, { a: [1] }))
      const response = yield* exit
      expect([yield* response.json, yield* response.json]).toEqual([{ a: [1] }, { a: [1] }])
      expect(yield* response.text).toBe('{"a":[1]}')
      expect(new TextDecoder().decode(yield* response.arrayBuffer)).toBe('{"a":[1]}')
      expect(yield* Stream.runCount(response.stream)).toBe(1)
      const form = yield* (yield* read(
        respond(200, "a=1&b=2", { "content-type": "application/x-www-form-urlencoded" })
      )).exit
      expect((yield* form.formData).get("b")).toBe("2")
      expect(yield* form.urlParamsBody).toEqual([
        ["a", "1"],
        ["b", "2"]
      ])
      expect(yield* Effect.flip(response.formData)).toMatchObject({ _tag: "ResponseError", reason: "Decode" })
    })
  )

  it.effect("a body that breaks off is Truncated, whatever the status line said", () =>
    Effect.gen(function* () {
      for (const code of ["UND_ERR_SOCKET", "ECONNRESET", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "E_OTHER"]) {
        const error = yield* broken(truncated(200, "hal", { code }))
        expect(error, code).toMatchObject({ _tag: "TransportError", reason: "Truncated", sent: "maybe" })
        if (code !== "E_OTHER") expect(error).toMatchObject({ code })
      }
      const stopped = yield* broken(truncated(200, "hal", { code: "UND_ERR_BODY_TIMEOUT" }))
      expect(stopped).toMatchObject({ reason: "BodyTimeout", sent: "maybe" })
    })
  )

  it.effect("leaves errors and redirects to whoever handles those, unless they are named", () =>
    Effect.gen(function* () {
      for (const status of [302, 404, 503]) {
        const { mock } = yield* read(respond(status, "text"))
        expect(yield* mock.released).toEqual([])
      }
      const { client, mock } = yield* transport([respond(404, "text")])
      yield* run(Transport.bufferBodies(limit, ({ status }) => status === 404)(client).execute(get()))
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("the limit of a client is 10 MiB, or what its options say", () =>
    Effect.gen(function* () {
      const small = yield* api([respond(200, bytes(11))], { maxBodySize: 10 })
      expect(yield* failure(small.api.get("/x"))).toMatchObject({ _tag: "BodyTooLarge", limit: 10 })
      expect(yield* small.mock.sent).toHaveLength(1)
      const usual = yield* api([respond(200, bytes(10 * 1024 * 1024 + 1))])
      expect(yield* failure(usual.api.get("/x"))).toMatchObject({ _tag: "BodyTooLarge", limit: 10 * 1024 * 1024 })
    })
  )

  it.effect("execute streams: nothing is read that nobody asks for", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respondStream(200, Stream.repeatValue(bytes(10)))])
      const response = yield* run(client.execute(HttpClientRequest.get("/x")))
      expect(yield* mock.released).toEqual([])
      const some = yield* run(Stream.runFold(Stream.take(response.stream, 3), 0, (n, chunk) => n + chunk.length))
      expect(some).toBe(30)
      expect(yield* mock.released).toHaveLength(1)
    })
  )
})

describe("what a response shows", () => {
  it.effect("is its method, URL and status: the signed request cannot be reached from it", () =>
    Effect.gen(function* () {
      const { client } = yield* transport([respond(200, "text")])
      const request = get(`/x?k=${canary}`).pipe(
        HttpClientRequest.setHeader("authorization", canary),
        HttpClientRequest.setBody(HttpBody.unsafeJson({ canary }))
      )
      const response = yield* run(client.execute(request))
      expect(response.request).toMatchObject({ method: "GET", url: `${base}/x?k=<redacted>` })
      expect(
        JSON.stringify([response, response.request, response.request.headers, response.request.body])
      ).not.toContain(canary)
      expect(JSON.stringify(response)).toContain('"status":200')
    })
  )

  it.effect("no span of the platform's tells of the request", () =>
    Effect.gen(function* () {
      const spans: Array<string> = []
      const tracer = Tracer.make({
        span: (name, parent, context, links, startTime, kind) => {
          spans.push(name)
          return {
            _tag: "Span",
            name,
            parent,
            context,
            links,
            kind,
            spanId: "s",
            traceId: "t",
            sampled: true,
            status: { _tag: "Started", startTime },
            attributes: new Map(),
            end: () => {},
            attribute: () => {},
            event: () => {},
            addLinks: () => {}
          }
        },
        context: (f) => f()
      })
      const client = Transport.fromHttpClient(
        HttpClient.make((request) => Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" })))
      )
      yield* failure(client.execute(get())).pipe(Effect.withTracer(tracer))
      expect(spans).toEqual([])
    })
  )

  it.effect("the timeline tells of sends, answers and failures, and of no value", () =>
    Effect.gen(function* () {
      const { client } = yield* transport([respond(200), fail("ECONNRESET")])
      const { events } = yield* run(
        Timeline.record(Effect.zipRight(client.execute(get(`/x?k=${canary}`)), Effect.exit(client.execute(get()))))
      )
      expect(events).toEqual([
        { _tag: "RequestSent", at: 0, method: "GET", url: `${base}/x?k=<redacted>` },
        { _tag: "ResponseReceived", at: 0, status: 200 },
        { _tag: "RequestSent", at: 0, method: "GET", url: `${base}/x` },
        { _tag: "RequestFailed", at: 0, reason: "ConnectionReset" }
      ])
    })
  )
})
