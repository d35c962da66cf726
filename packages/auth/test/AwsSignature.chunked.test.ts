import type * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as RequestBody from "@countersign/client/RequestBody"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as Oracle from "./support/awsOracle.js"
import { clientOf, ok } from "./support/client.js"

const credentials: AwsCredentials.Credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: Redacted.make("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}
const options: AwsSignature.Options = { credentials, region: "us-east-1", service: "s3", payload: "chunked" }
const start = Date.UTC(2013, 4, 24)
const scope = { region: "us-east-1", service: "s3", at: start }
const size = 64 * 1024

const streamOf = (...pieces: ReadonlyArray<Uint8Array>) => Stream.fromIterable(pieces)
const bodyOf = (length: number, ...pieces: ReadonlyArray<Uint8Array>) =>
  HttpBody.stream(streamOf(...pieces), "text/plain", length)

/** The fields of a signed request, and the bytes that a transport sends. */
const signed = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const { request: sent } = yield* AwsSignature.make(options).sign(request)
    const stream = sent.body._tag === "Stream" ? sent.body.stream : Stream.empty
    return { sent, bytes: Buffer.concat(Chunk.toReadonlyArray(yield* Stream.runCollect(stream))) }
  })

const put = (body: HttpBody.HttpBody) =>
  HttpClientRequest.setBody(HttpClientRequest.put("https://s3.amazonaws.com/examplebucket/chunkObject.txt"), body)

const signatureOf = ({ headers }: HttpClientRequest.HttpClientRequest) =>
  /Signature=(\w{64})$/.exec(headers["authorization"] ?? "")?.[1] ?? ""

/** The sizes, signatures and data of the chunks. */
const parse = (bytes: Buffer) => {
  const chunks = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf("\r\n", at)
    const [, hex = "", signature = ""] =
      /^([0-9a-f]+);chunk-signature=(\w{64})$/.exec(bytes.toString("latin1", at, end)) ?? []
    const length = Number.parseInt(hex, 16)
    chunks.push({ length, signature, data: bytes.subarray(end + 2, end + 2 + length) })
    at = end + 2 + length + 2
    expect(bytes.toString("latin1", at - 2, at)).toBe("\r\n")
  }
  return chunks
}

describe("AwsSignature.make with payload chunked", () => {
  it("sends any pieces in chunks of 64 KiB that the AWS SDK signs in the same way", async () => {
    const length = FastCheck.oneof(
      FastCheck.integer({ min: 0, max: 300 }),
      FastCheck.integer({ min: size - 2, max: size + 2 }),
      FastCheck.integer({ min: 0, max: 3 * size })
    )
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(length, { maxLength: 6 }), FastCheck.nat(255), async (lengths, seed) => {
        const data = Buffer.from(Array.from({ length: 997 }, (_, index) => (index * 31 + seed) % 256))
        const pieces = lengths.map((length) => Buffer.alloc(length, data))
        const whole = Buffer.concat(pieces)
        const { bytes, sent } = await Effect.runPromise(
          Effect.provide(signed(put(bodyOf(whole.length, ...pieces))), TestContext.TestContext)
        )
        expect(sent.headers["content-length"]).toBe(String(bytes.length))
        expect(sent.headers["x-amz-decoded-content-length"]).toBe(String(whole.length))
        const chunks = parse(bytes)
        expect(Buffer.concat(chunks.map((one) => one.data)).equals(whole)).toBe(true)
        const rest = whole.length % size
        const full = (whole.length - rest) / size
        expect(chunks.map((one) => one.length)).toEqual([...Array<number>(full).fill(size), ...(rest ? [rest] : []), 0])
        const { headers, method, url } = sent
        expect(await Oracle.smithy({ headers, method, url }, credentials, scope)).toBe(sent.headers["authorization"])
        let previous = signatureOf(sent)
        for (const { data, signature } of chunks) {
          previous = await Oracle.smithyChunk(data, previous, credentials, scope)
          expect(signature).toBe(previous)
        }
      }),
      { numRuns: 60 }
    )
  })

  it.effect("puts aws-chunked before other codings, and keeps the content type of the caller", () =>
    Effect.gen(function* () {
      const request = HttpClientRequest.setHeaders(put(bodyOf(1, new Uint8Array(1))), {
        "content-encoding": "gzip",
        "content-type": "text/csv"
      })
      const { sent } = yield* signed(request)
      expect(sent.headers).toMatchObject({ "content-encoding": "aws-chunked,gzip", "content-type": "text/csv" })
      expect(sent.headers["authorization"]).toContain(
        "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length,"
      )
    })
  )

  it.effect("sends a Blob in chunks, and signs bytes and texts as a whole", () =>
    Effect.gen(function* () {
      const { bytes, sent } = yield* signed(put(HttpBody.raw(new Blob(["hello"]), { contentLength: 5 })))
      expect(parse(bytes)[0]).toMatchObject({ length: 5, data: Buffer.from("hello") })
      expect(RequestBody.isReplayable(sent.body)).toBe(true)
      for (const body of [HttpBody.text("hello"), HttpBody.uint8Array(new Uint8Array(70_000)), HttpBody.empty]) {
        const { sent } = yield* signed(put(body))
        expect(sent.body).toBe(body)
        expect(sent.headers["x-amz-content-sha256"]).toMatch(/^[0-9a-f]{64}$/)
      }
    })
  )

  it.effect("signs the payload hash that the request has", () =>
    Effect.gen(function* () {
      const body = HttpBody.stream(streamOf(new Uint8Array(1)))
      const request = HttpClientRequest.setHeader(put(body), "x-amz-content-sha256", "UNSIGNED-PAYLOAD")
      const { sent } = yield* signed(request)
      expect(sent.body).toBe(body)
      expect(sent.headers["content-encoding"]).toBeUndefined()
    })
  )

  it.effect("uses the content-length of the request for a stream without a length", () =>
    Effect.gen(function* () {
      const body = HttpBody.stream(streamOf(new Uint8Array(9)))
      const { sent } = yield* signed(HttpClientRequest.setHeader(put(body), "content-length", "9"))
      expect(sent.headers["x-amz-decoded-content-length"]).toBe("9")
      expect(RequestBody.isReplayable(sent.body)).toBe(false)
    })
  )

  it.effect.each<readonly [string, HttpBody.HttpBody, string]>([
    ["a stream of unknown length", HttpBody.stream(streamOf(new Uint8Array(1))), "Pass the length"],
    ["a negative length", bodyOf(-1), "Pass the length"],
    ["a fraction as length", bodyOf(0.5), "Pass the length"],
    ["a form", HttpBody.formData(new FormData()), '`payload: "unsigned"`']
  ])("fails with InvalidRequest for %s", ([, body, part]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(AwsSignature.make(options), () => ok)
      const error = yield* Effect.flip(api.put("/", { body }))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect(error.message).toContain(part)
      expect(yield* mock.sent).toHaveLength(0)
    })
  )

  it.effect.each([
    ["fewer", 10, [5, 4]],
    ["more", 10, [5, 6]],
    ["more", 0, [1]],
    ["fewer", size + 1, [size]]
  ] as const)("fails for a stream with %s bytes than its length of %i", ([comparison, length, lengths]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(signed(put(bodyOf(length, ...lengths.map((one) => new Uint8Array(one))))))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect(String(error)).toContain(`has ${comparison} than the ${length} bytes`)
    })
  )

  it.effect("sends no last chunk for a stream that fails", () =>
    Effect.gen(function* () {
      const stream = Stream.concat(streamOf(new Uint8Array(size)), Stream.fail("broken"))
      yield* TestClock.setTime(start)
      const { request } = yield* AwsSignature.make(options).sign(put(HttpBody.stream(stream, "text/plain", size)))
      const bytes: Array<Uint8Array> = []
      const body = request.body._tag === "Stream" ? request.body.stream : Stream.empty
      const run = Stream.runForEach(body, (piece) => Effect.sync(() => bytes.push(piece)))
      expect(yield* Effect.flip(run)).toBe("broken")
      expect(parse(Buffer.concat(bytes)).map(({ length }) => length)).toEqual([size])
    })
  )

  it.effect("makes the same bytes in each run of one signed request, while other requests are signed", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const scheme = AwsSignature.make(options)
      const body = RequestBody.markReplayable(bodyOf(3, new Uint8Array([1, 2, 3])))
      const { request } = yield* scheme.sign(put(body))
      expect(RequestBody.isReplayable(request.body)).toBe(true)
      if (request.body._tag !== "Stream") return expect.fail()
      const first = Buffer.concat(Chunk.toReadonlyArray(yield* Stream.runCollect(request.body.stream)))
      // Another day has another key.
      yield* TestClock.adjust("2 days")
      yield* scheme.sign(put(body))
      const second = Buffer.concat(Chunk.toReadonlyArray(yield* Stream.runCollect(request.body.stream)))
      expect(second.equals(first)).toBe(true)
    })
  )
})

describe("AwsSignature.make with payload chunked and a further request", () => {
  const expired = MockClient.respond(403, "<Code>ExpiredToken</Code>")
  const busy = MockClient.respond(503, "busy", { "retry-after": "1" })

  const counted = (body: (stream: Stream.Stream<Uint8Array>) => HttpBody.HttpBody) => {
    const runs = { count: 0 }
    const stream = Stream.suspend(() => {
      runs.count++
      return streamOf(new TextEncoder().encode("hello"))
    })
    return { runs, body: body(stream) }
  }
  const once = (stream: Stream.Stream<Uint8Array>) => HttpBody.stream(stream, "text/plain", 5)
  const again = (stream: Stream.Stream<Uint8Array>) => RequestBody.markReplayable(once(stream))

  let keys = 0
  const source: AwsCredentials.Source = {
    get: Effect.sync(() => ({ ...credentials, accessKeyId: `ASIA${keys}` })),
    onRejected: () => Effect.sync(() => ++keys > 0)
  }

  it.effect.each([
    ["a retry", busy],
    ["other credentials", expired]
  ] as const)("sends a replayable stream again after %s, with new signatures", ([, first]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const { body, runs } = counted(again)
      const { api, mock } = yield* clientOf(AwsSignature.make({ ...options, credentials: source }), [first, ok])
      const call = yield* Effect.fork(api.put("/", { body }))
      yield* TestClock.adjust("10 seconds")
      yield* call
      const sent = yield* mock.sent
      expect(sent).toHaveLength(2)
      expect(runs.count).toBe(2)
      expect(sent[0]?.headers["authorization"]).not.toBe(sent[1]?.headers["authorization"])
      for (const one of sent) {
        const chunks = parse(Buffer.from(one.body ?? ""))
        expect(chunks.map(({ data }) => data.toString())).toEqual(["hello", ""])
        const seed = /Signature=(\w+)$/.exec(one.headers["authorization"] ?? "")?.[1] ?? ""
        const at = start + (one.headers["x-amz-date"] === "20130524T000000Z" ? 0 : 1000)
        expect(chunks[0]?.signature).toBe(
          yield* Effect.promise(() => Oracle.smithyChunk(Buffer.from("hello"), seed, credentials, { ...scope, at }))
        )
      }
    })
  )

  it.effect.each([
    ["a 503", busy, "Unavailable"],
    ["a rejection", expired, "Forbidden"]
  ] as const)("sends a stream that can be read once only once, whatever it gets: %s", ([, step, tag]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const { body, runs } = counted(once)
      const { api, mock } = yield* clientOf(AwsSignature.make({ ...options, credentials: source }), () => step)
      expect((yield* Effect.flip(api.put("/", { body })))._tag).toBe(tag)
      expect(yield* mock.sent).toHaveLength(1)
      expect(runs.count).toBe(1)
    })
  )
})
