/** The ways in which a response over HTTP/2 can end, and the result of each. Frames are written by hand. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { certificates } from "./support/certificates.js"
import type { FrameRequest } from "./support/frameServer.js"
import { data, field, frameServer, goaway, headers, reset } from "./support/frameServer.js"
import { afterReading } from "./support/server.js"

/** A transport that waits `timeout` for each part of a response. */
const over = (timeout: Duration.DurationInput = "30 seconds") =>
  NodeTransport.layerWith({
    allowH2: true,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    tls: { ca: certificates?.ca ?? "" }
  })

const body = "[1,2,3]"
const parts = [body.slice(0, 4), body.slice(4)] as const

/** How much of the response is sent before it ends. */
type Progress = "nothing" | "HEADERS" | "HEADERS and DATA" | "all"
const progresses: ReadonlyArray<Progress> = ["nothing", "HEADERS", "HEADERS and DATA", "all"]

const framesOf = (progress: Progress, id: number, hasLength: boolean): ReadonlyArray<Buffer> => {
  const head = headers(id, 200, hasLength ? [field("content-length", String(body.length))] : [])
  const all = [head, data(id, parts[0]), data(id, parts[1], true)]
  return all.slice(0, { nothing: 0, HEADERS: 1, "HEADERS and DATA": 2, all: 3 }[progress])
}

/** The frames that are left out. */
const rest = (progress: Progress, id: number): ReadonlyArray<Buffer> =>
  framesOf("all", id, false).slice(framesOf(progress, id, false).length)

const isBegun = (progress: Progress) => progress !== "nothing"

/** `[reason, sent]` of the error, or the body. */
type Result = readonly [string, string] | string

interface Ending {
  readonly name: string
  readonly end: (request: FrameRequest, progress: Progress) => void
  /** The result if the response is not complete. */
  readonly result: (progress: Progress) => Result
  readonly timeout?: Duration.DurationInput
}

const cut = (sent: "no" | "maybe") => (progress: Progress) =>
  isBegun(progress) ? (["Truncated", "maybe"] as const) : (["ConnectionReset", sent] as const)

const resets: ReadonlyArray<Ending> = [0, 1, 2, 7, 8, 11, 13, 99].map((code) => ({
  name: `RST_STREAM with code ${code}`,
  end: ({ connection, id }) => connection.write(reset(id, code)),
  result: cut(code === 7 ? "no" : "maybe")
}))

const goawayThenRest =
  (last: (id: number) => number): Ending["end"] =>
  ({ connection, id }, progress) => {
    connection.write(goaway(last(id)))
    setTimeout(() => connection.write(...rest(progress, id)), 20)
  }

const endings: ReadonlyArray<Ending> = [
  ...resets,
  { name: "GOAWAY of this stream, then the rest", end: goawayThenRest((id) => id), result: () => body },
  { name: "GOAWAY of a later stream, then the rest", end: goawayThenRest(() => 2 ** 31 - 1), result: () => body },
  {
    name: "two GOAWAYs, the second of this stream, then the rest",
    end: (request, progress) => {
      request.connection.write(goaway(2 ** 31 - 1))
      goawayThenRest((id) => id)(request, progress)
    },
    result: () => body
  },
  {
    name: "GOAWAY of an earlier stream",
    end: ({ connection, id }) => connection.write(goaway(id - 1)),
    result: cut("no")
  },
  {
    name: "GOAWAY of an earlier stream with an error",
    end: ({ connection }) => connection.write(goaway(0, 2)),
    result: cut("no")
  },
  {
    name: "GOAWAY of this stream with an error, and no more",
    end: ({ connection, id }) => connection.write(goaway(id, 2)),
    result: cut("maybe")
  },
  { name: "FIN", end: ({ connection }) => connection.socket.end(), result: cut("maybe") },
  {
    name: "GOAWAY of this stream and FIN",
    end: ({ connection, id }) => connection.socket.end(goaway(id)),
    result: cut("maybe")
  },
  {
    name: "RST of the connection",
    end: ({ connection }) => afterReading(connection.lose),
    result: cut("maybe")
  },
  {
    name: "an invalid frame",
    end: ({ connection }) => connection.write(data(0, "x")),
    result: () => ["InvalidHttpResponse", "maybe"]
  },
  {
    name: "silence",
    end: () => undefined,
    timeout: "1 second",
    result: (progress) => [isBegun(progress) ? "BodyTimeout" : "HeadersTimeout", "maybe"]
  }
]

const resultOf = <E extends { readonly _tag: string }>(effect: Effect.Effect<string, E>) =>
  Effect.match(effect, {
    onSuccess: (text): Result => text,
    onFailure: (error): Result =>
      "reason" in error && "sent" in error ? [String(error.reason), String(error.sent)] : [error._tag, ""]
  })

/** One call, over a new connection, to a server that ends its response as `ending` does. */
const call = (
  { end, timeout }: Ending,
  progress: Progress,
  hasLength: boolean,
  use: (api: ApiClient.ApiClient) => Effect.Effect<string, { readonly _tag: string }>
) =>
  Effect.gen(function* () {
    const server = yield* frameServer({
      onRequest: (request) => {
        request.connection.write(...framesOf(progress, request.id, hasLength))
        end(request, progress)
      }
    })
    const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry: false })
    const [elapsed, result] = yield* Effect.timed(resultOf(use(api)))
    return { result, requests: server.requests.length, elapsed: Duration.toMillis(elapsed) }
  }).pipe(Effect.provide(over(timeout)), Effect.scoped)

/** Limit for a busy machine. A response that its frames do not end takes 30 seconds. */
const maxMs = 29_000

// Each row waits for the end of its response for most of its time.
describe.skipIf(certificates === undefined).concurrent("NodeTransport over HTTP/2", () => {
  for (const ending of endings) {
    for (const method of ["get", "post"] as const) {
      it.live(
        `reports a response to ${method.toUpperCase()} that ends by ${ending.name}, at each point, after one request`,
        () =>
          Effect.gen(function* () {
            for (const progress of progresses) {
              const expected = progress === "all" ? body : ending.result(progress)
              for (const hasLength of [true, false]) {
                const { elapsed, result, requests } = yield* call(ending, progress, hasLength, (api) =>
                  Effect.flatMap(api[method]("/"), (response) => response.text)
                )
                expect([progress, hasLength, result, requests]).toEqual([progress, hasLength, expected, 1])
                expect(elapsed).toBeLessThan(maxMs)
              }
            }
          })
      )
    }
  }
})

// In sequence: on a busy event loop the client would read the header and the end of the connection at once.
describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  for (const ending of endings) {
    it.live(`reports a streamed response that ends by ${ending.name}, at each point`, () =>
      Effect.gen(function* () {
        for (const progress of progresses) {
          for (const hasLength of [true, false]) {
            const { result } = yield* call(ending, progress, hasLength, (api) =>
              Effect.flatMap(api.execute(HttpClientRequest.get("/")), ({ stream }) =>
                Stream.mkString(Stream.decodeText(stream))
              )
            )
            const expected = progress === "all" ? body : ending.result(progress)
            const isError = typeof expected !== "string"
            // A body that fails while it is read is a ResponseError of the platform.
            const read = isError && isBegun(progress) ? "ResponseError" : expected[0]
            expect([progress, result === body ? body : result[0]]).toEqual([progress, isError ? read : body])
          }
        }
      })
    )
  }
})
