/** Bodies that are signed chunk by chunk, over each transport. */
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as ApiClient from "@countersign/client/ApiClient"
import * as RequestBody from "@countersign/client/RequestBody"
import * as Retry from "@countersign/client/Retry"
import * as FileBody from "@countersign/node/FileBody"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { createHash, randomBytes } from "node:crypto"
import fs from "node:fs"
import { join } from "node:path"
import type { Verified } from "./support/awsServer.js"
import { secretAccessKey, verify } from "./support/awsServer.js"
import { folder } from "./support/folder.js"
import { protocols, respond } from "./support/uploads.js"

const content = randomBytes(200_000)
const hash = createHash("sha256").update(content).digest("hex")
const sizes = [65_536, 65_536, 65_536, 3392, 0]

const auth = AwsSignature.make({
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: Redacted.make(secretAccessKey) },
  region: "us-east-1",
  service: "s3",
  payload: "chunked"
})
const retry = Retry.exponential({ times: 2, baseDelay: "1 millis" })

/** A stream that can be read once, in pieces of odd sizes. */
const onceOf = () => {
  const pieces = [content.subarray(0, 1), content.subarray(1, 70_001), content.subarray(70_001)].values()
  return HttpBody.stream(Stream.fromIterable(pieces), "application/octet-stream", content.length)
}

/** The platform's fetch removes `content-length`, and sends the body with `transfer-encoding`. */
const transports = [
  ...protocols.map((protocol) => ({ ...protocol, hasLength: true })),
  ...protocols.slice(0, 1).map(({ serve }) => ({
    name: "the platform's fetch",
    transport: FetchHttpClient.layer,
    serve,
    hasLength: false
  }))
]

for (const { hasLength, name, serve, transport } of transports) {
  const valid: Verified = { problem: undefined, hash, sizes, hasLength }

  /** A client, and a server that answers with each status in turn, and then with a 200. */
  const setUp = (...statuses: ReadonlyArray<number>) =>
    Effect.gen(function* () {
      const received: Array<Verified> = []
      const server = yield* serve((request, response) => {
        void verify(request).then((verified) => {
          const status = statuses[received.push(verified) - 1] ?? 200
          respond(response, status, status === 307 ? { location: "/next" } : {})
        })
      })
      const api = yield* ApiClient.make({ baseUrl: server.url, auth, retry })
      return { api, received }
    })

  describe(`AwsSignature.make with payload chunked over ${name}`, () => {
    it.live("sends a stream that can be read once with valid signatures and lengths", () =>
      Effect.gen(function* () {
        const { api, received } = yield* setUp()
        yield* api.put("/photos/a%20b.txt", { body: onceOf(), headers: { "x-amz-meta-a": "1" } })
        expect(received).toEqual([valid])
      }).pipe(Effect.provide(transport), Effect.scoped)
    )

    it.live("signs a file anew for a retry and a redirect", () =>
      Effect.gen(function* () {
        const { api, received } = yield* setUp(503, 307)
        const path = join(yield* folder, "file")
        fs.writeFileSync(path, content)
        yield* api.put("/", { body: yield* FileBody.make(path) })
        expect(received).toEqual([valid, valid, valid])
      }).pipe(Effect.provide(transport), Effect.scoped)
    )

    it.live("sends an empty stream as one chunk", () =>
      Effect.gen(function* () {
        const { api, received } = yield* setUp()
        yield* api.put("/", { body: HttpBody.stream(Stream.empty, "text/plain", 0) })
        expect(received).toMatchObject([{ problem: undefined, sizes: [0] }])
      }).pipe(Effect.provide(transport), Effect.scoped)
    )

    it.live("breaks off, and does not retry, if the stream has fewer bytes than its length", () =>
      Effect.gen(function* () {
        const { api, received } = yield* setUp()
        const stream = Stream.make(content)
        const body = RequestBody.markReplayable(HttpBody.stream(stream, "text/plain", content.length + 1))
        expect(yield* Effect.flip(api.put("/", { body }))).toMatchObject({ _tag: "TransportError" })
        expect(received.filter(({ problem }) => problem === undefined)).toEqual([])
      }).pipe(Effect.provide(transport), Effect.scoped)
    )

    it.live("reads a large stream no faster than the server receives it", () =>
      Effect.gen(function* () {
        const total = 96 * 1024 * 1024
        let read = 0
        let received = 0
        let ahead = 0
        const server = yield* serve((request, response) => {
          void verify(request, (bytes) => (received += bytes)).then(({ problem }) => {
            respond(response, problem === undefined ? 200 : 400)
          })
        })
        const api = yield* ApiClient.make({ baseUrl: server.url, auth, retry })
        const piece = new Uint8Array(1024 * 1024)
        const pieces = function* () {
          for (; read < total; read += piece.length) {
            ahead = Math.max(ahead, read - received)
            yield piece
          }
        }
        yield* api.put("/", { body: HttpBody.stream(Stream.fromIteratorSucceed(pieces(), 1), "text/plain", total) })
        expect(received).toBe(total)
        // Sockets have buffers of a few megabytes.
        expect(ahead).toBeLessThan(total / 4)
      }).pipe(Effect.provide(transport), Effect.scoped)
    )
  })
}
