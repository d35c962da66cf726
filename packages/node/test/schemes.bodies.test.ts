/** Bodies that a signature covers: they are hashed where they are, and a body without bytes is a typed error. */
import * as Auth from "@countersign/client/Auth"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { keys } from "./schemes/keys.js"
import type { Scheme } from "./schemes/received.js"
import { signatures } from "./schemes/signatures.js"

const covering = [...signatures, ...keys].filter(({ coversBody }) => coversBody === true)

const url = "https://api.test/upload"

/** The bytes of all buffers, while `run` hashes a body. A copy is alive when a part of it is hashed. */
const peakOf = <A, E, R>(run: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const before = process.memoryUsage().arrayBuffers
    let peak = before
    const sample = () => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers)
    }
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the array of each call.
    const { subarray } = Uint8Array.prototype
    vi.spyOn(Uint8Array.prototype, "subarray").mockImplementation(function (this: Uint8Array, start, end) {
      sample()
      return subarray.call(this, start, end)
    })
    const digest = crypto.subtle.digest.bind(crypto.subtle)
    vi.spyOn(crypto.subtle, "digest").mockImplementation((algorithm, data) => {
      sample()
      return digest(algorithm, data)
    })
    const timer = setInterval(sample, 1)
    return Effect.map(run, (result) => ({ result, allocated: peak - before })).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          clearInterval(timer)
          vi.restoreAllMocks()
        })
      )
    )
  })

/** Sends a body with a scheme, and returns what the transport got with credentials. */
const sentWith = ({ challenge, make }: Scheme, body: HttpBody.HttpBody) =>
  Effect.gen(function* () {
    const sent: Array<HttpClientRequest.HttpClientRequest> = []
    const transport = HttpClient.make((request) =>
      Effect.sync(() => {
        if (challenge !== undefined && request.headers["authorization"] === undefined) {
          const headers = { "www-authenticate": challenge }
          return HttpClientResponse.fromWeb(request, new Response(null, { status: 401, headers }))
        }
        sent.push(request)
        return HttpClientResponse.fromWeb(request, new Response(null))
      })
    )
    const client = Auth.policy({ auth: yield* make, origins: [url] })(transport)
    // A scheme that waits for a challenge has it then.
    yield* client.execute(HttpClientRequest.get(url))
    sent.length = 0
    const request = HttpClientRequest.post(url).pipe(HttpClientRequest.setBody(body))
    const { allocated, result } = yield* peakOf(Effect.exit(client.execute(request)))
    return { exit: result, sent, allocated }
  })

const size = 32 * 1024 * 1024

const streams: ReadonlyArray<readonly [name: string, body: () => HttpBody.HttpBody]> = [
  ["a stream", () => HttpBody.stream(Stream.make(new Uint8Array(3)))],
  ["a form", () => HttpBody.formData(new FormData())]
]

describe("bodies that a signature covers", () => {
  it.scoped.each(covering)("$name: hashes a body of 32 MiB without a copy, and sends the same bytes", (scheme) =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(size).fill(97)
      const { allocated, sent } = yield* sentWith(scheme, HttpBody.uint8Array(bytes))
      expect(sent).toHaveLength(1)
      const body = sent[0]?.body
      expect(body?._tag === "Uint8Array" && body.body === bytes).toBe(true)
      expect(allocated).toBeLessThan(size / 8)
    })
  )

  it.scoped.each(covering)(
    "$name: fails with InvalidRequest for a stream and for a form, and sends nothing",
    (scheme) =>
      Effect.gen(function* () {
        for (const [name, body] of streams) {
          const { exit, sent } = yield* sentWith(scheme, body())
          expect(sent, name).toHaveLength(0)
          const error = yield* Effect.flip(exit)
          expect(error, name).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
        }
      })
  )
})
