import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
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
import { api, base, failure, get, hostileText, runPromise, run, transport } from "./support/mockApi.js"

const { fail, respond, respondStream, truncated } = MockClient
const canary = "c4n4ry"

describe("Transport.fromHttpClient validation", () => {
  const rejectedWith = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => respond(200))
      const error = yield* failure(client.execute(request))
      expect(yield* mock.sent).toEqual([])
      expect(error.message).not.toContain(canary)
      return error
    })

  it.effect("rejects header values with control characters or characters beyond Latin-1", () =>
    Effect.gen(function* () {
      for (const bad of ["\r\n", "\n", "\r", "\0", "\u001b", "\u007f", "\u0100", "🔑", "\ud800"]) {
        for (const value of [`${canary}${bad}`, `${bad}${canary}`, `${canary}${bad}X-Evil: 1`]) {
          const error = yield* rejectedWith(HttpClientRequest.setHeader(get(), "x-note", value))
          expect(error, JSON.stringify(value)).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
          expect(error.message).toContain('"x-note"')
        }
      }
    })
  )

  it.effect("rejects invalid header names without repeating them", () =>
    Effect.gen(function* () {
      for (const bad of ["", " ", "x:", "x y", "x\r\ny", "x\0", "naïve", "x(", '"x"', "x/y", "{x}", "x@"]) {
        const name = bad === "" ? "" : canary + bad
        const error = yield* rejectedWith(HttpClientRequest.setHeader(get(), name, "v"))
        expect(error, JSON.stringify(bad)).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
      }
    })
  )

  it.effect("rejects headers that the transport sets, in any letter case", () =>
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
        const error = yield* rejectedWith(HttpClientRequest.setHeader(get(), name, canary))
        expect(error, name).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
        expect(error.message).toContain(name.toLowerCase())
      }
    })
  )

  it.effect("rejects relative URLs and other schemes", () =>
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
        expect(yield* rejectedWith(HttpClientRequest.get(url)), url).toMatchObject({
          _tag: "InvalidRequest",
          reason: "Url"
        })
      }
    })
  )

  it.effect("sends header values with tabs, spaces and Latin-1 characters", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => respond(200))
      const request = HttpClientRequest.setHeaders(get(), { "x-a": "a \t b", "x-b": "ü\u0080\u00ff", "x-c": "" })
      yield* run(client.execute(request))
      expect((yield* mock.sent)[0]?.headers).toMatchObject({ "x-a": "a \t b", "x-b": "ü\u0080\u00ff", "x-c": "" })
    })
  )

  it("sends any header unchanged or rejects it, and never dies", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(hostileText(), hostileText(), (name, value) =>
        runPromise(
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

describe("Transport.fromHttpClient errors", () => {
  const requestErrors: ReadonlyArray<readonly [code: string, TransportError["reason"], "no" | "maybe"]> = [
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
    // Raised during the handshake, but also by a corrupt record after the server processed the request.
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
    // undici compares the length even when it could not parse the header.
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "InvalidHttpResponse", "maybe"],
    ["HPE_INVALID_EOF_STATE", "ConnectionReset", "maybe"],
    ["ERR_OSSL_X509_KEY_VALUES_MISMATCH", "Tls", "maybe"],
    ["E_NEW_IN_NODE_99", "Unknown", "maybe"]
  ]

  const bodyErrors: ReadonlyArray<readonly [code: string, TransportError["reason"]]> = [
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

  it.effect("classifies body errors by code, with sent: maybe", () =>
    Effect.gen(function* () {
      for (const [code, reason] of bodyErrors) {
        const body = Stream.fail(Object.assign(new Error(`${canary} in the message`), { code }))
        const { client } = yield* transport([respondStream(200, body)])
        const error = yield* failure(Transport.bufferBodies(1000)(client).execute(get()))
        expect(error, code).toMatchObject({ _tag: "TransportError", reason, sent: "maybe", code })
        expect(error.message).not.toContain(canary)
      }
    })
  )

  it.effect("classifies request errors by code and reports whether the request may have been sent", () =>
    Effect.gen(function* () {
      for (const [code, reason, sent] of requestErrors) {
        const { client } = yield* transport([fail(code, `${canary} in the message`)])
        const error = yield* failure(client.execute(get(`/x?k=${canary}`)))
        expect(error, code).toMatchObject({ _tag: "TransportError", reason, sent, method: "GET" })
        expect(error.message).not.toContain(canary)
      }
    })
  )

  const failingWith = (cause: unknown) =>
    Transport.fromHttpClient(
      HttpClient.make((request) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
      )
    )

  it.effect("finds the code in causes of fetch, undici and happy eyeballs", () =>
    Effect.gen(function* () {
      const coded = (code: string, more = {}) => Object.assign(new Error(code), { code, ...more })
      const fetched = new TypeError("fetch failed", { cause: coded("ECONNREFUSED") })
      const eyeballs = new TypeError("fetch failed", {
        cause: new AggregateError([coded("ENETUNREACH"), coded("ETIMEDOUT")])
      })
      const connecting = coded("ETIMEDOUT", { syscall: "connect" })
      expect(yield* failure(failingWith(fetched).execute(get()))).toMatchObject({
        reason: "ConnectionRefused",
        sent: "no"
      })
      expect(yield* failure(failingWith(eyeballs).execute(get()))).toMatchObject({ sent: "no" })
      expect(yield* failure(failingWith(connecting).execute(get()))).toMatchObject({
        reason: "ConnectTimeout",
        sent: "no"
      })
    })
  )

  it.effect("reports sent: no for every failure of the connect system call", () =>
    Effect.gen(function* () {
      const connectErrors = { ENOENT: "ConnectionRefused", EACCES: "ConnectionRefused", EMFILE: "Unknown" }
      for (const [code, reason] of Object.entries(connectErrors)) {
        const cause = Object.assign(new Error(code), { code, syscall: "connect" })
        expect(yield* failure(failingWith(cause).execute(get()))).toMatchObject({ reason, sent: "no", code })
      }
    })
  )

  it.effect("reports NameNotResolved, unsent, for every failure of a name lookup", () =>
    Effect.gen(function* () {
      const lookups = ["EAI_NODATA", "EAI_MEMORY", "ESERVFAIL", "ETIMEOUT", "EMFILE"].flatMap((code) =>
        ["getaddrinfo", "queryA", "queryAaaa"].map((syscall) => Object.assign(new Error(code), { code, syscall }))
      )
      for (const cause of lookups) {
        const error = yield* failure(failingWith(new TypeError("fetch failed", { cause })).execute(get()))
        expect(error).toMatchObject({ reason: "NameNotResolved", sent: "no", code: cause.code })
      }
    })
  )

  it.effect("reports a response that undici rejects after its parser as InvalidHttpResponse", () =>
    Effect.gen(function* () {
      const rejections = [
        ["UND_ERR_SOCKET", "bad upgrade"],
        ["UND_ERR_SOCKET", "bad response"],
        ["ERR_ASSERTION", "The expression evaluated to a falsy value:\n\n  assert(statusCode >= 100)\n"]
      ] as const
      for (const [code, message] of rejections) {
        const cause = Object.assign(new Error(message), { code })
        const error = yield* failure(failingWith(new TypeError("fetch failed", { cause })).execute(get()))
        expect(error).toMatchObject({ reason: "InvalidHttpResponse", sent: "maybe", code })
        expect(error.message).toContain("its status is below 200")
      }
      for (const [code, reason] of [
        ["UND_ERR_SOCKET", "ConnectionReset"],
        ["ERR_ASSERTION", "Unknown"]
      ] as const) {
        const cause = Object.assign(new Error("other side closed"), { code })
        expect(yield* failure(failingWith(cause).execute(get()))).toMatchObject({ reason, sent: "maybe", code })
      }
    })
  )

  it.effect("fails for a final response with a status below 200", () =>
    Effect.gen(function* () {
      for (const status of [99, 100, 101, 103, 199]) {
        const client = Transport.fromHttpClient(
          HttpClient.make((request) =>
            // The platform's `node:http` returns such responses. A web response cannot have such a status.
            Effect.succeed(
              Object.create(HttpClientResponse.fromWeb(request, new Response()), { status: { value: status } })
            )
          )
        )
        const error = yield* failure(client.execute(get()))
        expect(error, String(status)).toMatchObject({ reason: "InvalidHttpResponse", sent: "maybe" })
        expect(error.message).toContain("its status is below 200")
      }
    })
  )

  it.effect("reads the attempts of a happy eyeballs error that has a code and no system call", () =>
    Effect.gen(function* () {
      const attempt = (code: string) => Object.assign(new Error(code), { code, syscall: "connect" })
      const list = new AggregateError([attempt("ETIMEDOUT"), attempt("ECONNREFUSED")])
      const cause = Object.assign(list, { code: "ETIMEDOUT" })
      expect(yield* failure(failingWith(cause).execute(get()))).toMatchObject({
        reason: "ConnectTimeout",
        sent: "no",
        code: "ETIMEDOUT"
      })
    })
  )

  it.effect("keeps the parser's error text, from undici and from node:http", () =>
    Effect.gen(function* () {
      const parserError = "Missing expected CR after response line"
      const undici = Object.assign(new Error(`Response does not match the HTTP/1.1 protocol (${parserError})`), {
        name: "HTTPParserError",
        code: undefined,
        data: "secret"
      })
      const node = Object.assign(new Error(`Parse Error: ${parserError}`), {
        code: "HPE_CR_EXPECTED",
        reason: parserError
      })
      const expected = { reason: "InvalidHttpResponse", sent: "maybe", detail: parserError }
      expect(yield* failure(failingWith(undici).execute(get()))).toMatchObject({ ...expected, code: "HPE_INVALID" })
      expect(yield* failure(failingWith(node).execute(get()))).toMatchObject({ ...expected, code: "HPE_CR_EXPECTED" })
    })
  )

  it.effect("advises https when a TLS alert arrives in plain HTTP", () =>
    Effect.gen(function* () {
      const alert = "\u0015\u0003\u0001\u0000\u0002\u0002\u0046"
      const undici = Object.assign(new Error("(Expected HTTP/)"), { name: "HTTPParserError", data: alert })
      const node = { code: "HPE_INVALID_CONSTANT", reason: "Expected HTTP/", rawPacket: Buffer.from(alert, "latin1") }
      for (const cause of [undici, node]) {
        const error = yield* failure(failingWith(cause).execute(get()))
        expect(error).toMatchObject({ reason: "InvalidHttpResponse", detail: "the server speaks TLS. Use https://" })
        expect(error.message).not.toContain("Check the port")
      }
    })
  )

  it.effect("reports sent: maybe when the network fails during a request", () =>
    Effect.gen(function* () {
      for (const code of ["EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED"]) {
        for (const syscall of ["read", "write"]) {
          const cause = Object.assign(new Error(code), { code, syscall })
          expect(yield* failure(failingWith(cause).execute(get()))).toMatchObject({
            reason: "ConnectionReset",
            sent: "maybe",
            code
          })
        }
        const connecting = Object.assign(new Error(code), { code, syscall: "connect" })
        expect(yield* failure(failingWith(connecting).execute(get()))).toMatchObject({ sent: "no" })
      }
    })
  )

  it.effect("reports Unknown for a circular, textual or missing cause", () =>
    Effect.gen(function* () {
      const circle = new Error("circle")
      circle.cause = circle
      for (const cause of [circle, "ECONNREFUSED", null, undefined, 42, { code: 42 }]) {
        expect(yield* failure(failingWith(cause).execute(get()))).toMatchObject({ reason: "Unknown", sent: "maybe" })
      }
    })
  )

  it.effect("reports a body that cannot be encoded as InvalidRequest", () =>
    Effect.gen(function* () {
      const client = Transport.fromHttpClient(
        HttpClient.make((request) => Effect.fail(new HttpClientError.RequestError({ request, reason: "Encode" })))
      )
      expect(yield* failure(client.execute(get()))).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
    })
  )

  it.effect("hides the request in errors of a stream that breaks later", () =>
    Effect.gen(function* () {
      const { client } = yield* transport(() => truncated(200, "hal"))
      const signed = HttpClientRequest.setHeader(get(), "authorization", canary)
      const reads = [
        (response: HttpClientResponse.HttpClientResponse) => response.text,
        (response: HttpClientResponse.HttpClientResponse) => response.json,
        (response: HttpClientResponse.HttpClientResponse) => response.arrayBuffer,
        (response: HttpClientResponse.HttpClientResponse) => response.urlParamsBody,
        (response: HttpClientResponse.HttpClientResponse) => Stream.runDrain(response.stream)
      ]
      for (const read of reads) {
        const error = yield* failure(Effect.flatMap(client.execute(signed), (response) => read(response)))
        expect(error).toMatchObject({ _tag: "ResponseError", description: "UND_ERR_SOCKET" })
        expect(JSON.stringify(error)).not.toContain(canary)
      }
    })
  )
})

describe("Transport.makeRequestError", () => {
  const reasons = [
    ["Transport", { _tag: "TransportError", reason: "Unknown", sent: "maybe" }],
    ["InvalidUrl", { _tag: "InvalidRequest", reason: "Url" }],
    ["Encode", { _tag: "InvalidRequest", reason: "Body" }]
  ] as const

  it.effect("makes the error of a request without a response, for each reason", () =>
    Effect.gen(function* () {
      for (const [reason, expected] of reasons) {
        const broken = HttpClient.make((request) => Effect.fail(Transport.makeRequestError({ request, reason })))
        expect(yield* failure(Transport.fromHttpClient(broken).execute(get())), reason).toMatchObject(expected)
      }
    })
  )
})

describe("Transport.makeResponseError", () => {
  const reasons = ["StatusCode", "Decode", "EmptyBody"] as const

  it.effect("makes an error after the request was sent, for each reason", () =>
    Effect.gen(function* () {
      for (const reason of reasons) {
        const broken = HttpClient.make((request) => {
          const response = HttpClientResponse.fromWeb(request, new Response(null, { status: 200 }))
          return Effect.fail(Transport.makeResponseError({ request, response, reason }))
        })
        const error = yield* failure(Transport.fromHttpClient(broken).execute(get()))
        expect(error, reason).toMatchObject({ _tag: "TransportError", reason: "Truncated", sent: "maybe" })
      }
    })
  )
})

describe("Transport.describeFailure", () => {
  const cause = Object.assign(new Error(`${canary} in the cause`), { code: "E_OF_A_LIBRARY" })
  const failWith = (details: Transport.FailureDetails) =>
    Transport.fromHttpClient(
      HttpClient.make((request) =>
        Effect.fail(
          Transport.describeFailure(new HttpClientError.RequestError({ request, reason: "Transport", cause }), details)
        )
      )
    )

  it.effect("derives sent from the phase, regardless of the code", () =>
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

  it.effect("keeps the original error redacted in every rendering", () =>
    Effect.gen(function* () {
      const error = yield* failure(failWith({ phase: "written" }).execute(get()))
      if (error._tag !== "TransportError" || error.cause === undefined) throw new Error("the cause is missing")
      expect(Redacted.value(error.cause)).toBe(cause)
      const renderings = [
        inspect(error, { showHidden: true, getters: true, depth: 10 }),
        JSON.stringify(error),
        String(error),
        Cause.pretty(Cause.fail(error), { renderErrorCause: true })
      ]
      for (const text of renderings) expect(text).not.toContain(canary)
    })
  )
})

describe("Transport.bufferBodies", () => {
  const limit = 1000
  const read = (step: MockClient.Step, request = get(), maxSize = limit) =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([step])
      const exit = yield* Effect.exit(run(Transport.bufferBodies(maxSize)(client).execute(request)))
      return { exit, mock }
    })
  const text = (step: MockClient.Step, request = get()) =>
    Effect.gen(function* () {
      const { exit } = yield* read(step, request)
      return yield* Effect.flatMap(exit, (response) => response.text)
    })
  const errorOf = (step: MockClient.Step) => Effect.flatMap(read(step), ({ exit }) => Effect.flip(exit))
  const bytes = (length: number) => new Uint8Array(length).fill(97)
  const tooLarge = { _tag: "BodyTooLarge", limit }

  it.effect("accepts bodies up to the limit and fails one byte beyond", () =>
    Effect.gen(function* () {
      expect((yield* text(respond(200, bytes(limit)))).length).toBe(limit)
      expect(yield* errorOf(respond(200, bytes(limit + 1)))).toMatchObject(tooLarge)
      expect(yield* errorOf(respondStream(200, Stream.make(bytes(600), bytes(401))))).toMatchObject(tooLarge)
    })
  )

  it.effect("stops reading beyond the limit and releases the connection", () =>
    Effect.gen(function* () {
      let produced = 0
      const endless = Stream.repeatEffect(Effect.sync(() => (produced++, bytes(100))))
      const { exit, mock } = yield* read(respondStream(200, endless))
      expect(yield* Effect.flip(exit)).toMatchObject(tooLarge)
      expect(produced).toBeLessThan(20)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("fails without reading for a content-length beyond the limit", () =>
    Effect.gen(function* () {
      const { exit, mock } = yield* read(respond(200, "short", { "content-length": "1001" }))
      expect(yield* Effect.flip(exit)).toMatchObject(tooLarge)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("ignores a content-length that is too small, invalid or of an encoded body", () =>
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

  it.effect("ignores the content-length of HEAD and 204 responses", () =>
    Effect.gen(function* () {
      const huge = { "content-length": "99999999" }
      expect(yield* text(respond(200, undefined, huge), HttpClientRequest.head(`${base}/x`))).toBe("")
      expect(yield* text(respond(204, undefined, huge))).toBe("")
    })
  )

  it.effect("reads an empty body as an empty text and as JSON null", () =>
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

  it("decodes text independently of chunk boundaries", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        hostileText(60),
        FastCheck.array(FastCheck.integer({ min: 0, max: 200 }), { maxLength: 6 }),
        (content, cuts) =>
          runPromise(
            Effect.gen(function* () {
              const encoded = new TextEncoder().encode(content)
              const at = [0, ...cuts.map((cut) => Math.min(cut, encoded.length)).sort((a, b) => a - b), encoded.length]
              const chunks = at.slice(1).map((end, i) => encoded.slice(at[i], end))
              const received = yield* text(respondStream(200, Stream.fromIterable(chunks)))
              // A byte order mark belongs to the encoding and is no character of the text.
              expect(received).toBe(new TextDecoder().decode(encoded))
            })
          )
      ),
      { numRuns: 60 }
    ))

  it.effect("allows repeated reads in every form", () =>
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

  it.effect("reports an interrupted body as Truncated", () =>
    Effect.gen(function* () {
      for (const code of ["UND_ERR_SOCKET", "ECONNRESET", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "E_OTHER"]) {
        const error = yield* errorOf(truncated(200, "hal", { code }))
        expect(error, code).toMatchObject({ _tag: "TransportError", reason: "Truncated", sent: "maybe" })
        if (code !== "E_OTHER") expect(error).toMatchObject({ code })
      }
      const stopped = yield* errorOf(truncated(200, "hal", { code: "UND_ERR_BODY_TIMEOUT" }))
      expect(stopped).toMatchObject({ reason: "BodyTimeout", sent: "maybe" })
    })
  )

  it.effect("leaves error and redirect responses unread, unless the predicate selects them", () =>
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

  it.effect("limits bodies to 10 MiB by default or to maxBodySize", () =>
    Effect.gen(function* () {
      const small = yield* api([respond(200, bytes(11))], { maxBodySize: 10 })
      expect(yield* failure(small.api.get("/x"))).toMatchObject({ _tag: "BodyTooLarge", limit: 10 })
      expect(yield* small.mock.sent).toHaveLength(1)
      const usual = yield* api([respond(200, bytes(10 * 1024 * 1024 + 1))])
      expect(yield* failure(usual.api.get("/x"))).toMatchObject({ _tag: "BodyTooLarge", limit: 10 * 1024 * 1024 })
    })
  )

  it.effect("leaves bodies of execute unread until they are streamed", () =>
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

describe("Transport.fromHttpClient secrecy", () => {
  it.effect("exposes method, redacted URL and status, but not the signed request", () =>
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

  it.effect("creates no span of the platform", () =>
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

  it.effect("records requests, responses and failures in the timeline without query values", () =>
    Effect.gen(function* () {
      const { client } = yield* transport([respond(200), fail("ECONNRESET")])
      const { events } = yield* run(
        Timeline.record(Effect.zipRight(client.execute(get(`/x?k=${canary}`)), Effect.exit(client.execute(get()))))
      )
      expect(events).toEqual([
        { _tag: "RequestSent", at: 0, method: "GET", url: `${base}/x?k=<redacted>`, request: 1, attempt: 1 },
        { _tag: "ResponseReceived", at: 0, status: 200, ms: 0, request: 1, attempt: 1 },
        { _tag: "RequestSent", at: 0, method: "GET", url: `${base}/x`, request: 1, attempt: 1 },
        { _tag: "RequestFailed", at: 0, reason: "ConnectionReset", ms: 0, request: 1, attempt: 1 }
      ])
    })
  )
})
