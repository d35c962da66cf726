/** Request bodies from iterables, over each transport. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as IterableBody from "@countersign/client/IterableBody"
import * as Retry from "@countersign/client/Retry"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import { protocols, read, respond } from "./support/uploads.js"

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

const texts = ["first", "", "second"]
const hash = createHash("sha256").update(texts.join("")).digest("hex")

/** Each returns the same bytes, and a new iterable if it can be read once. */
const sources: Readonly<Record<string, () => IterableBody.Pieces>> = {
  "an array": () => texts.map(encode),
  "a generator": function* () {
    for (const text of texts) yield encode(text)
  },
  "an asynchronous generator": async function* () {
    for (const text of texts) yield await Promise.resolve(encode(text))
  },
  "a stream of Node": () => Readable.from(texts.map(encode)),
  // Node's streams of the web are iterable. The types of the DOM lack it.
  "a stream of the web": () => new Blob(texts.map((text) => encode(text).slice())).stream() as never
}

const retry = Retry.exponential({ times: 2, baseDelay: "1 millis" })

const transports = [
  ...protocols,
  ...protocols
    .slice(0, 1)
    .map(({ serve }) => ({ name: "the platform's fetch", transport: FetchHttpClient.layer, serve }))
]

const reason = { reason: "RequestBodyFailed" }

for (const { name, serve, transport } of transports) {
  /** A client, and a server that answers a 503 to the first request. */
  const setUp = Effect.gen(function* () {
    const bodies: Array<string | undefined> = []
    const server = yield* serve((request, response) => {
      void read(request).then((upload) => {
        bodies.push(upload?.hash)
        respond(response, bodies.length === 1 ? 503 : 200)
      })
    })
    const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry })
    return { api, bodies }
  })

  describe(`IterableBody.make over ${name}`, () => {
    for (const [source, pieces] of Object.entries(sources)) {
      for (const length of [undefined, 11]) {
        it.live(`sends ${source} again after a 503, ${length === undefined ? "in chunks" : "with its length"}`, () =>
          Effect.gen(function* () {
            const { api, bodies } = yield* setUp
            yield* api.put("/", { body: IterableBody.make(pieces, "text/plain", length) })
            expect(bodies).toEqual([hash, hash])
          }).pipe(Effect.provide(transport), Effect.scoped)
        )
      }
    }

    const failure = (pieces: () => IterableBody.Pieces) =>
      Effect.flatMap(setUp, ({ api }) => Effect.flip(api.put("/", { body: IterableBody.make(pieces) }))).pipe(
        Effect.provide(transport),
        Effect.scoped
      )

    it.live("rejects an iterable that was sent before, instead of an empty body", () =>
      Effect.gen(function* () {
        const once = Readable.from([encode("x")])
        expect(yield* failure(() => once)).toMatchObject({ _tag: "TransportError", ...reason })
      })
    )

    it.live("fails for an iterable that throws, and for a piece that is no bytes", () =>
      Effect.gen(function* () {
        const failures = [
          () => {
            throw new Error("no source")
          },
          function* () {
            yield encode("x")
            throw new Error("broken source")
          },
          () => ["text"] as never // As JavaScript may pass it.
        ]
        for (const pieces of failures) {
          let sends = 0
          const counted = () => {
            sends++
            return pieces()
          }
          expect(yield* failure(counted)).toMatchObject({ _tag: "TransportError", ...reason })
          expect(sends).toBe(1)
        }
      })
    )
  })
}

describe("NodeTransport", () => {
  it.live("closes the iterable when the call is interrupted", () =>
    Effect.gen(function* () {
      let isClosed = false
      const protocol = protocols[0]
      if (protocol === undefined) return
      const server = yield* protocol.serve(() => undefined)
      const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry: false })
      const pieces = async function* () {
        try {
          for (;;) yield await new Promise<Uint8Array>((resolve) => setTimeout(() => resolve(encode("x")), 5))
        } finally {
          isClosed = true
        }
      }
      yield* Effect.timeout(api.put("/", { body: IterableBody.make(pieces) }), "100 millis").pipe(Effect.ignore)
      yield* Effect.sleep("100 millis")
      expect(isClosed).toBe(true)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})
