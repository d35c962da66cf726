import { streamedBodyOf, withChunkedBody } from "../../../src/internal/aws/chunkedBody.js"
import { Signer } from "../../../src/internal/aws/signing.js"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

/** The example of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html. */
const secretAccessKey = Redacted.make("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
const signChunk = new Signer().chunks({ secretAccessKey }, { region: "us-east-1", service: "s3" }, "20130524T000000Z")
const seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"

const size = 64 * 1024

/** The stream that is sent for a stream of pieces. */
const sentStream = (length: number, pieces: Stream.Stream<Uint8Array>) =>
  Effect.gen(function* () {
    const request = HttpClientRequest.setBody(HttpClientRequest.put("/"), HttpBody.stream(pieces, "text/plain", length))
    const body = yield* streamedBodyOf(request)
    if (body === undefined) return expect.fail()
    const sent = withChunkedBody(request, body, signChunk, seed)
    return { sent, stream: sent.body._tag === "Stream" ? sent.body.stream : Stream.empty }
  })

describe("withChunkedBody", () => {
  it.effect.each([
    ["one piece", [66_560]],
    ["many pieces", Array<number>(133).fill(500).concat(60)],
    ["pieces that end with a chunk", [65_536, 1024]]
  ] as const)("makes the body of the example of AWS from %s", ([, lengths]) =>
    Effect.gen(function* () {
      const pieces = lengths.map((length) => new Uint8Array(length).fill(97))
      const { sent, stream } = yield* sentStream(66_560, Stream.fromIterable(pieces))
      const bytes = Buffer.concat(Chunk.toReadonlyArray(yield* Stream.runCollect(stream)))
      const expected = [
        "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "a".repeat(65_536),
        "400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "a".repeat(1024),
        "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        "",
        ""
      ]
      // A comparison of the texts would print them.
      expect(bytes.equals(Buffer.from(expected.join("\r\n")))).toBe(true)
      expect(sent.headers["content-length"]).toBe("66824")
    })
  )

  it.effect("reads at most two pieces before it sends a chunk of them", () =>
    Effect.gen(function* () {
      let read = 0
      let sent = 0
      let ahead = 0
      const pieces = Stream.repeatEffect(Effect.sync(() => ++read)).pipe(
        Stream.as(new Uint8Array(size)),
        Stream.take(200)
      )
      const { stream } = yield* sentStream(200 * size, pieces)
      yield* Stream.runForEach(stream, () => Effect.sync(() => (ahead = Math.max(ahead, read - ++sent))))
      expect(sent).toBe(201)
      expect(ahead).toBeLessThanOrEqual(2)
    })
  )

  it.effect("copies a large piece chunk by chunk", () =>
    Effect.gen(function* () {
      const large = new Uint8Array(64 * 1024 * 1024)
      const { stream } = yield* sentStream(large.length, Stream.make(large))
      const before = process.memoryUsage().arrayBuffers
      yield* Stream.runDrain(Stream.take(stream, 2))
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
    })
  )
})
