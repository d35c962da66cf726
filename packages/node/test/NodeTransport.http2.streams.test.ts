/** Concurrent requests over HTTP/2: limits, GOAWAY and retries. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { certificates } from "./support/certificates.js"
import type { FrameRequest } from "./support/frameServer.js"
import { data, frame, frameServer, goaway, headers, reset, setting, type } from "./support/frameServer.js"
import { until } from "./support/server.js"

const over = (options: NodeTransport.Options = {}) =>
  NodeTransport.layerWith({ allowH2: true, tls: { ca: certificates?.ca ?? "" }, ...options })

const respond = ({ connection, id }: FrameRequest, body = "ok") =>
  connection.write(headers(id, 200), data(id, body, true))

const client = (baseUrl: string, retry: ApiClient.Options["retry"] = false) =>
  ApiClient.make({ baseUrl, auth: Auth.none, retry, timeout: { exchange: "20 seconds", call: "20 seconds" } })

/** Retries without a budget, which 200 concurrent requests would exhaust. */
const fastRetries: Retry.Options = { schedule: Retry.exponential({ baseDelay: "1 millis", times: 10 }), budget: false }

/** The body, or the reason and `sent` of the error. */
const result = (
  effect: Effect.Effect<{ readonly text: Effect.Effect<string, { readonly _tag: string }> }, { readonly _tag: string }>
) =>
  Effect.match(
    Effect.flatMap(effect, (response) => response.text),
    {
      onSuccess: (body) => body,
      onFailure: (error) =>
        "reason" in error && "sent" in error ? `${String(error.reason)} ${String(error.sent)}` : error._tag
    }
  )

describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  for (const [name, fail, requestCounts] of [
    ["REFUSED_STREAM", ({ connection, id }) => connection.write(reset(id, 7)), { get: 2, post: 2 }],
    ["a GOAWAY of earlier streams", ({ connection, id }) => connection.write(goaway(id - 1)), { get: 2, post: 2 }],
    ["a GOAWAY with an error", ({ connection }) => connection.write(goaway(0, 11)), { get: 2, post: 2 }],
    ["CANCEL", ({ connection, id }) => connection.write(reset(id, 8)), { get: 2, post: 1 }],
    [
      "half a body",
      ({ connection, id }) => connection.write(headers(id, 200), data(id, "o"), reset(id, 0)),
      { get: 2, post: 1 }
    ],
    ["FIN", ({ connection }) => connection.socket.end(), { get: 2, post: 1 }]
  ] as ReadonlyArray<readonly [string, (request: FrameRequest) => void, { get: number; post: number }]>) {
    for (const method of ["get", "post"] as const) {
      const isRetried = requestCounts[method] === 2
      it.live(`${isRetried ? "retries" : "does not retry"} a ${method.toUpperCase()} after ${name}`, () =>
        Effect.gen(function* () {
          const server = yield* frameServer({
            onRequest: (request) => (request.requestNumber === 1 ? fail(request) : respond(request))
          })
          const api = yield* client(server.url, fastRetries)
          const seen = yield* result(
            api.request(method.toUpperCase(), "/", method === "post" ? { json: { a: 1 } } : {})
          )
          expect(seen === "ok").toBe(isRetried)
          expect(server.requests).toHaveLength(requestCounts[method])
        }).pipe(Effect.provide(over()), Effect.scoped)
      )
    }
  }
})

describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  it.live("recommends HTTP/1.1 if the server requires it", () =>
    Effect.gen(function* () {
      for (const answer of [({ id }: FrameRequest) => reset(id, 13), () => goaway(0, 13)]) {
        const server = yield* frameServer({ onRequest: (request) => request.connection.write(answer(request)) })
        const api = yield* client(server.url, false)
        const error = yield* Effect.flip(api.post("/"))
        expect(error).toMatchObject({
          reason: "ConnectionReset",
          detail: expect.stringContaining("`allowH2`") as string
        })
      }
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  const sendFive = (last: (ids: ReadonlyArray<number>) => number, retry: ApiClient.Options["retry"]) =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: (request) => {
          const { connection, requestNumber } = request
          if (requestNumber > 5) return respond(request, "again")
          if (requestNumber < 5) return
          const ids = server.requests.map(({ id }) => id)
          connection.write(goaway(last(ids)))
          for (const first of server.requests.slice(0, 5)) {
            if (first.id <= last(ids)) setTimeout(() => respond(first), 50)
          }
        }
      })
      const api = yield* client(server.url, retry)
      const post = (n: number) => Effect.timed(result(api.post(`/${n}`, { json: n })))
      const results = yield* Effect.forEach([1, 2, 3, 4, 5], post, { concurrency: "unbounded" })
      // A call without a response takes 20 seconds.
      for (const [elapsed] of results) expect(Duration.toMillis(elapsed)).toBeLessThan(15_000)
      return { seen: results.map(([, text]) => text), server }
    })

  it.live("completes requests up to the last stream of a GOAWAY and reports later ones as unsent", () =>
    Effect.gen(function* () {
      const { seen, server } = yield* sendFive((ids) => ids[1] ?? 0, false)
      const unsent = "ConnectionReset no"
      expect(seen).toEqual(["ok", "ok", unsent, unsent, unsent])
      yield* until(() => server.sockets.size === 0)
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("retries requests after the last stream of a GOAWAY over another connection", () =>
    Effect.gen(function* () {
      const { seen, server } = yield* sendFive((ids) => ids[1] ?? 0, fastRetries)
      expect(seen).toEqual(["ok", "ok", "again", "again", "again"])
      expect([server.requests.length, server.opened.length]).toEqual([8, 2])
    }).pipe(Effect.provide(over()), Effect.scoped)
  )
})

describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  for (const method of ["get", "post"] as const) {
    it.live(`completes 200 concurrent requests during GOAWAYs and lets no POST be processed twice (${method})`, () =>
      Effect.gen(function* () {
        const processed: Array<string> = []
        const server = yield* frameServer({
          onRequest: (request) => {
            const { connection, id } = request
            const last = lastStreams.get(connection)
            if (last !== undefined && id > last) return
            processed.push(request.body)
            setTimeout(() => respond(request, request.body), id % 7)
            if (last !== undefined || processed.length % 60 !== 0) return
            lastStreams.set(connection, id)
            connection.write(goaway(id))
          }
        })
        const lastStreams = new Map<object, number>()
        const api = yield* client(server.url, fastRetries)
        const send = (n: number) => result(api.request(method.toUpperCase(), "/", method === "post" ? { json: n } : {}))
        const seen = yield* Effect.forEach(Array.from(Array(200).keys()), send, { concurrency: "unbounded" })
        if (method === "get") expect(new Set(seen)).toEqual(new Set([""]))
        else expect(seen).toEqual(Array.from(Array(200).keys(), (n) => String(n)))
        expect(processed).toHaveLength(200)
        if (method === "post") expect(new Set(processed).size).toBe(200)
        expect(server.opened.length).toBeGreaterThan(2)
      }).pipe(Effect.provide(over()), Effect.scoped)
    )
  }

  it.live("ends 200 concurrent requests while connections are lost and lets no POST be processed twice", () =>
    Effect.gen(function* () {
      const processed: Array<string> = []
      const server = yield* frameServer({
        onRequest: (request) => {
          processed.push(request.body)
          if (processed.length % 37 === 0) request.connection.lose()
          else setTimeout(() => respond(request, request.body), 5)
        }
      })
      const api = yield* client(server.url, fastRetries)
      const send = (n: number) => result(api.post("/", { json: n }))
      const seen = yield* Effect.forEach(Array.from(Array(200).keys()), send, { concurrency: "unbounded" })
      expect(seen.filter((text, n) => text !== String(n) && text !== "ConnectionReset maybe")).toEqual([])
      expect(seen).toContain("ConnectionReset maybe")
      expect(new Set(processed).size).toBe(processed.length)
    }).pipe(Effect.provide(over({ pipelining: 10 })), Effect.scoped)
  )
})

describe.skipIf(certificates === undefined)("NodeTransport over HTTP/2", () => {
  /** Sends concurrent requests, which are answered when no more arrive. Returns the most per connection. */
  const sendConcurrently = (requests: number, settings: ReadonlyArray<Buffer>, options: NodeTransport.Options) =>
    Effect.gen(function* () {
      const waiting: Array<FrameRequest> = []
      let maxPerConnection = 0
      let idleTimer: NodeJS.Timeout | undefined
      const answerAll = () => {
        const perConnection = server.opened.map((one) => waiting.filter(({ connection }) => connection === one).length)
        maxPerConnection = Math.max(maxPerConnection, ...perConnection)
        for (const request of waiting.splice(0)) respond(request)
      }
      const server = yield* frameServer({
        settings,
        onRequest: (request) => {
          waiting.push(request)
          clearTimeout(idleTimer)
          idleTimer = setTimeout(answerAll, 100)
        }
      })
      const seen = yield* Effect.gen(function* () {
        const api = yield* client(server.url)
        return yield* Effect.forEach(Array(requests), () => result(api.get("/")), { concurrency: "unbounded" })
      }).pipe(Effect.provide(over(options)))
      expect(new Set(seen)).toEqual(new Set(["ok"]))
      return { maxPerConnection, connections: server.opened.length }
    }).pipe(Effect.scoped)

  it.live("sends 100 requests at a time over a connection, or as many as pipelining allows", () =>
    Effect.gen(function* () {
      expect(yield* sendConcurrently(100, [], {})).toEqual({ maxPerConnection: 100, connections: 1 })
      expect(yield* sendConcurrently(12, [], { pipelining: 4 })).toEqual({ maxPerConnection: 4, connections: 3 })
    })
  )

  it.live("sends no more requests at a time than the server allows and opens connections for the rest", () =>
    Effect.gen(function* () {
      const { connections, maxPerConnection } = yield* sendConcurrently(12, [setting(3, 4)], {})
      expect(maxPerConnection).toBe(4)
      expect(connections).toBeGreaterThan(1)
      expect(yield* sendConcurrently(12, [setting(3, 1)], { connections: 2 })).toEqual({
        maxPerConnection: 1,
        connections: 2
      })
    })
  )

  it.live("opens no more connections than the option allows", () =>
    Effect.gen(function* () {
      expect(yield* sendConcurrently(12, [setting(3, 4)], { connections: 1 })).toEqual({
        maxPerConnection: 4,
        connections: 1
      })
      expect(yield* sendConcurrently(12, [], { pipelining: 2, connections: 2 })).toEqual({
        maxPerConnection: 2,
        connections: 2
      })
    })
  )

  it.live("waits while the server allows no requests", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        settings: [setting(3, 0)],
        onFrame: (connection, { type: kind }) => {
          // The acknowledgement of the first SETTINGS.
          if (kind === type.settings && connection.frames.length === 3) {
            setTimeout(() => connection.write(frame(type.settings, 0, 0, setting(3, 10))), 50)
          }
        },
        onRequest: respond
      })
      const api = yield* client(server.url)
      const seen = yield* Effect.forEach([1, 2, 3], () => result(api.get("/")), { concurrency: "unbounded" })
      expect(seen).toEqual(["ok", "ok", "ok"])
    }).pipe(Effect.provide(over({ connections: 1 })), Effect.scoped)
  )

  it.live("closes a connection with GOAWAY after keepAliveTimeout without a request", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({ onRequest: (request) => void setTimeout(() => respond(request), 1200) })
      const api = yield* client(server.url)
      expect(yield* result(api.get("/"))).toBe("ok")
      expect(yield* result(api.get("/"))).toBe("ok")
      yield* until(() => server.sockets.size === 0)
      expect(server.opened).toHaveLength(1)
      expect(server.opened[0]?.frames.at(-1)).toMatchObject({ type: type.goaway })
      expect(yield* result(api.get("/"))).toBe("ok")
      expect(server.opened).toHaveLength(2)
    }).pipe(Effect.provide(over({ keepAliveTimeout: "1 second" })), Effect.scoped)
  )

  it.live("sends new requests over another connection while the server is silent", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onFrame: (connection, received) => {
          if (received.type !== type.ping || server.opened.length < 2) return
          // The first connection responds again once the second is in use.
          connection.write(frame(type.ping, 1, 0, received.payload))
        },
        onRequest: (request) => {
          if (server.opened.length > 1) respond(request)
        }
      })
      const api = yield* client(server.url)
      const silent = yield* Effect.fork(result(api.get("/silent")))
      yield* until(() => server.requests.length === 1)
      yield* Effect.sleep("2200 millis")
      yield* Fiber.interrupt(silent)
      expect(yield* result(api.get("/"))).toBe("ok")
      expect(server.opened).toHaveLength(2)
      expect(server.opened[0]?.frames.map(({ type: kind }) => kind)).toContain(type.ping)
    }).pipe(Effect.provide(over({ keepAliveTimeout: "1 minute" })), Effect.scoped)
  )

  it.live("keeps the connection when a request is interrupted", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: (request) => {
          if (request.requestNumber === 2) respond(request)
        }
      })
      const api = yield* client(server.url)
      const first = yield* Effect.fork(result(api.get("/1")))
      yield* until(() => server.requests.length === 1)
      yield* Fiber.interrupt(first)
      expect(yield* result(api.get("/2"))).toBe("ok")
      expect(server.opened).toHaveLength(1)
      yield* until(
        () => server.opened[0]?.frames.some(({ id, type: kind }) => kind === type.reset && id === 1) === true
      )
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("closes connections and fails running requests when the scope closes", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({})
      const running = yield* Effect.gen(function* () {
        const api = yield* client(server.url)
        const fiber = yield* Effect.forkDaemon(result(api.get("/")))
        yield* until(() => server.requests.length === 1)
        return fiber
      }).pipe(Effect.provide(over()))
      expect(yield* Fiber.join(running)).toMatch(/maybe$/)
      yield* until(() => server.sockets.size === 0)
    }).pipe(Effect.scoped)
  )
})
