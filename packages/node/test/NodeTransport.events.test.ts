/** Event streams over real connections: cuts at each byte, over HTTP/1.1 and HTTP/2. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as EventServer from "@countersign/testing/EventServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { constants, createSecureServer } from "node:http2"
import { certificates } from "./support/certificates.js"
import { listen } from "./support/server.js"

const events = ["1", "2", "é€"].map((id) => ({ id, event: "step", data: `${id}\nof the answer` }))

/** The bytes of the events after an id. */
const bytesAfter = (lastEventId: string | undefined) =>
  Buffer.from(`: hello\r\n\r\n${EventServer.after(events, { lastEventId }).map(EventServer.event).join("")}`)

const length = bytesAfter(undefined).length

const http2 = NodeTransport.layerWith({ allowH2: true, tls: { ca: certificates?.ca ?? "" } })

const expected = events.map(({ data: text, id }) => [id, text])

/** The ids and data of all events of a path. The options are those of a client in a hurry. */
const idsOf = (baseUrl: string, path: string, options: { readonly idle?: "100 millis" } = {}) =>
  Effect.gen(function* () {
    const retry = { schedule: Retry.exponential({ times: 5, baseDelay: "1 millis" }), budget: false } as const
    const api = yield* ApiClient.make({ baseUrl, auth: Auth.none, retry })
    const all = yield* Stream.runCollect(ServerEvents.stream(api, path, options))
    return [...all].map(({ data: text, id }) => [id, text])
  })

/** Whether a path is requested for the first time. */
const firstTimes = () => {
  const seen = new Set<string>()
  return (path: string): boolean => !seen.has(path) && seen.add(path) !== undefined
}

const cutAts = Array.from({ length: length + 1 }, (_, at) => at)

describe("ServerEvents over NodeTransport", () => {
  for (const [name, ending] of [
    ["closed", EventServer.cut],
    ["reset", EventServer.reset]
  ] as const) {
    it.live(`returns each event once over HTTP/1.1, at whatever byte the connection is ${name}`, () =>
      Effect.gen(function* () {
        const isFirst = firstTimes()
        const server = yield* EventServer.make(({ lastEventId, path }) =>
          isFirst(path)
            ? [bytesAfter(undefined).subarray(0, Number(path.slice(1))), EventServer.pause("1 millis"), ending]
            : [bytesAfter(lastEventId)]
        )
        const seen = yield* Effect.forEach(cutAts, (at) => idsOf(server.baseUrl, `/${at}`), { concurrency: 8 })
        for (const one of seen) expect(one).toEqual(expected)
        expect((yield* server.requests).length).toBe(2 * cutAts.length)
      }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
    )
  }

  it.live.skipIf(certificates === undefined)(
    "returns each event once over HTTP/2, at whatever byte the stream is reset",
    () =>
      Effect.gen(function* () {
        const isFirst = firstTimes()
        const server = createSecureServer({ ...certificates?.server }, (request, response) => {
          const id = request.headers["last-event-id"]
          response.writeHead(200, { "content-type": "text/event-stream" })
          if (!isFirst(request.url)) {
            response.end(bytesAfter(typeof id === "string" ? Buffer.from(id, "latin1").toString() : undefined))
            return
          }
          response.write(bytesAfter(undefined).subarray(0, Number(request.url.slice(1))))
          setTimeout(() => response.stream.close(constants.NGHTTP2_INTERNAL_ERROR), 2)
        })
        const { paths, url } = yield* listen(server, "https")
        const seen = yield* Effect.forEach(cutAts, (at) => idsOf(url, `/${at}`), { concurrency: 8 })
        for (const one of seen) expect(one).toEqual(expected)
        expect(paths.length).toBe(2 * cutAts.length)
      }).pipe(Effect.provide(http2), Effect.scoped)
  )

  it.live("continues after gaps, slow drips and silences, and leaves no connection open", () =>
    Effect.gen(function* () {
      const [first = { id: "" }] = events
      const server = yield* EventServer.make(({ lastEventId }, index) => {
        const left = EventServer.after(events, { lastEventId })
        if (index === 0)
          return [EventServer.drip(EventServer.event({ data: "", ...first }), "5 millis", 3), EventServer.silence]
        return left.flatMap((one) => [EventServer.event(one), EventServer.pause("50 millis")])
      })
      expect(yield* idsOf(server.baseUrl, "/", { idle: "100 millis" })).toEqual(expected)
      expect((yield* server.requests).map(({ lastEventId }) => lastEventId)).toEqual([undefined, "1"])
      const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth: Auth.none })
      yield* Stream.runDrain(Stream.take(ServerEvents.stream(api, "/", {}), 1))
      yield* Effect.repeat(Effect.zipRight(Effect.sleep("5 millis"), server.open), { until: (open) => open <= 1 })
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("fails an answer that ends without its last event, and sends a POST once", () =>
    Effect.gen(function* () {
      const server = yield* EventServer.make((_, index) => [
        EventServer.event({ data: "a" }),
        ...(index === 0 ? [] : [EventServer.pause("5 millis"), EventServer.cut])
      ])
      const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth: Auth.none })
      const options = { method: "POST", json: {}, until: "[DONE]" } as const
      for (const _ of [1, 2]) {
        const error = yield* Effect.flip(Stream.runDrain(ServerEvents.stream(api, "/", options)))
        expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated" })
      }
      expect(yield* server.requests).toHaveLength(2)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("bounds the requests to a server that closes after each event", () =>
    Effect.gen(function* () {
      const server = yield* EventServer.make((_, index) => [
        EventServer.event({ id: String(index), data: "a", retry: 0 }),
        EventServer.cut
      ])
      const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth: Auth.none })
      const error = yield* Effect.flip(Stream.runDrain(ServerEvents.stream(api, "/", {})))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated" })
      expect((yield* server.requests).length).toBeLessThan(45)
      expect(yield* server.open).toBeLessThan(2)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})
