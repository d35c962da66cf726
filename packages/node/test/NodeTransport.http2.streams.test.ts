/** Many requests over HTTP/2 at a time: limits, GOAWAY among them, and retries. */
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

const answer = ({ connection, id }: FrameRequest, body = "ok") =>
  connection.write(headers(id, 200), data(id, body, true))

const client = (baseUrl: string, retry: ApiClient.Options["retry"] = false) =>
  ApiClient.make({ baseUrl, auth: Auth.none, retry, timeout: { exchange: "20 seconds", call: "20 seconds" } })

/** Retries without a budget, which 200 requests at a time would exhaust. */
const quick: Retry.Options = { schedule: Retry.exponential({ baseDelay: "1 millis", times: 10 }), budget: false }

/** `[tag, reason, sent]` of the error, or the body. */
const outcome = (
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

describe.skipIf(certificates === undefined)("Retries over HTTP/2", () => {
  for (const [name, cut, sends] of [
    ["REFUSED_STREAM", ({ connection, id }) => connection.write(reset(id, 7)), { get: 2, post: 2 }],
    ["a GOAWAY of earlier streams", ({ connection, id }) => connection.write(goaway(id - 1)), { get: 2, post: 2 }],
    ["a GOAWAY with an error", ({ connection }) => connection.write(goaway(0, 11)), { get: 2, post: 2 }],
    ["CANCEL", ({ connection, id }) => connection.write(reset(id, 8)), { get: 2, post: 1 }],
    [
      "half a body",
      ({ connection, id }) => connection.write(headers(id, 200), data(id, "o"), reset(id, 0)),
      { get: 2, post: 1 }
    ],
    ["the end of the connection", ({ connection }) => connection.socket.end(), { get: 2, post: 1 }]
  ] as ReadonlyArray<readonly [string, (request: FrameRequest) => void, { get: number; post: number }]>) {
    for (const method of ["get", "post"] as const) {
      const isRetried = sends[method] === 2
      it.live(`${isRetried ? "send" : "do not send"} a ${method.toUpperCase()} again after ${name}`, () =>
        Effect.gen(function* () {
          const server = yield* frameServer({
            onRequest: (request) => (request.nth === 1 ? cut(request) : answer(request))
          })
          const api = yield* client(server.url, quick)
          const seen = yield* outcome(api[method]("/", method === "post" ? { json: { a: 1 } } : {}))
          expect(seen === "ok").toBe(isRetried)
          expect(server.requests).toHaveLength(sends[method])
        }).pipe(Effect.provide(over()), Effect.scoped)
      )
    }
  }
})

describe.skipIf(certificates === undefined)("A GOAWAY among five requests", () => {
  const five = (last: (ids: ReadonlyArray<number>) => number, retry: ApiClient.Options["retry"]) =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: (request) => {
          const { connection, nth } = request
          if (nth > 5) return answer(request, "again")
          if (nth < 5) return
          const ids = server.requests.map(({ id }) => id)
          connection.write(goaway(last(ids)))
          for (const first of server.requests.slice(0, 5)) {
            if (first.id <= last(ids)) setTimeout(() => answer(first), 50)
          }
        }
      })
      const api = yield* client(server.url, retry)
      const post = (n: number) => Effect.timed(outcome(api.post(`/${n}`, { json: n })))
      const results = yield* Effect.forEach([1, 2, 3, 4, 5], post, { concurrency: "unbounded" })
      // An exchange that does not end takes 20 seconds.
      for (const [elapsed] of results) expect(Duration.toMillis(elapsed)).toBeLessThan(15_000)
      return { seen: results.map(([, text]) => text), server }
    })

  it.live("lets those up to its last stream go on, and reports the others as not sent", () =>
    Effect.gen(function* () {
      const { seen, server } = yield* five((ids) => ids[1] ?? 0, false)
      const unsent = "ConnectionReset no"
      expect(seen).toEqual(["ok", "ok", unsent, unsent, unsent])
      yield* until(() => server.sockets.size === 0)
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("makes the others be sent again over another connection", () =>
    Effect.gen(function* () {
      const { seen, server } = yield* five((ids) => ids[1] ?? 0, quick)
      expect(seen).toEqual(["ok", "ok", "again", "again", "again"])
      expect([server.requests.length, server.opened.length]).toEqual([8, 2])
    }).pipe(Effect.provide(over()), Effect.scoped)
  )
})

describe.skipIf(certificates === undefined)("200 requests at a time over HTTP/2", () => {
  for (const method of ["get", "post"] as const) {
    it.live(`are each answered, and no POST is processed twice, with GOAWAYs in between (${method})`, () =>
      Effect.gen(function* () {
        const processed: Array<string> = []
        const server = yield* frameServer({
          onRequest: (request) => {
            const { connection, id } = request
            const last = going.get(connection)
            if (last !== undefined && id > last) return
            processed.push(request.body)
            setTimeout(() => answer(request, request.body), id % 7)
            if (last !== undefined || processed.length % 60 !== 0) return
            going.set(connection, id)
            connection.write(goaway(id))
          }
        })
        const going = new Map<object, number>()
        const api = yield* client(server.url, quick)
        const send = (n: number) => outcome(api[method]("/", method === "post" ? { json: n } : {}))
        const seen = yield* Effect.forEach(Array.from(Array(200).keys()), send, { concurrency: "unbounded" })
        if (method === "get") expect(new Set(seen)).toEqual(new Set([""]))
        else expect(seen).toEqual(Array.from(Array(200).keys(), (n) => String(n)))
        expect(processed).toHaveLength(200)
        if (method === "post") expect(new Set(processed).size).toBe(200)
        expect(server.opened.length).toBeGreaterThan(2)
      }).pipe(Effect.provide(over()), Effect.scoped)
    )
  }

  it.live("end each when connections are lost in between, and no POST is processed twice", () =>
    Effect.gen(function* () {
      const processed: Array<string> = []
      const server = yield* frameServer({
        onRequest: (request) => {
          processed.push(request.body)
          if (processed.length % 37 === 0) request.connection.lose()
          else setTimeout(() => answer(request, request.body), 5)
        }
      })
      const api = yield* client(server.url, quick)
      const send = (n: number) => outcome(api.post("/", { json: n }))
      const seen = yield* Effect.forEach(Array.from(Array(200).keys()), send, { concurrency: "unbounded" })
      expect(seen.filter((text, n) => text !== String(n) && text !== "ConnectionReset maybe")).toEqual([])
      expect(seen).toContain("ConnectionReset maybe")
      expect(new Set(processed).size).toBe(processed.length)
    }).pipe(Effect.provide(over({ pipelining: 10 })), Effect.scoped)
  )
})

describe.skipIf(certificates === undefined)("Connections over HTTP/2", () => {
  /** Sends requests that are answered when no more come, and gives the most at a time over one connection. */
  const crowd = (requests: number, settings: ReadonlyArray<Buffer>, options: NodeTransport.Options) =>
    Effect.gen(function* () {
      const waiting: Array<FrameRequest> = []
      let most = 0
      let quiet: NodeJS.Timeout | undefined
      const answerAll = () => {
        const perConnection = server.opened.map((one) => waiting.filter(({ connection }) => connection === one).length)
        most = Math.max(most, ...perConnection)
        for (const request of waiting.splice(0)) answer(request)
      }
      const server = yield* frameServer({
        settings,
        onRequest: (request) => {
          waiting.push(request)
          clearTimeout(quiet)
          quiet = setTimeout(answerAll, 100)
        }
      })
      const seen = yield* Effect.gen(function* () {
        const api = yield* client(server.url)
        return yield* Effect.forEach(Array(requests), () => outcome(api.get("/")), { concurrency: "unbounded" })
      }).pipe(Effect.provide(over(options)))
      expect(new Set(seen)).toEqual(new Set(["ok"]))
      return { most, connections: server.opened.length }
    }).pipe(Effect.scoped)

  it.live("share 100 requests each, or as many as pipelining says", () =>
    Effect.gen(function* () {
      expect(yield* crowd(100, [], {})).toEqual({ most: 100, connections: 1 })
      expect(yield* crowd(12, [], { pipelining: 4 })).toEqual({ most: 4, connections: 3 })
    })
  )

  it.live("have no more requests at a time than the server allows, and are opened for the rest", () =>
    Effect.gen(function* () {
      const { connections, most } = yield* crowd(12, [setting(3, 4)], {})
      expect(most).toBe(4)
      expect(connections).toBeGreaterThan(1)
      expect(yield* crowd(12, [setting(3, 1)], { connections: 2 })).toEqual({ most: 1, connections: 2 })
    })
  )

  it.live("are no more than connections says", () =>
    Effect.gen(function* () {
      expect(yield* crowd(12, [setting(3, 4)], { connections: 1 })).toEqual({ most: 4, connections: 1 })
      expect(yield* crowd(12, [], { pipelining: 2, connections: 2 })).toEqual({ most: 2, connections: 2 })
    })
  )

  it.live("wait while the server allows no requests", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        settings: [setting(3, 0)],
        onFrame: (connection, { type: kind }) => {
          // The acknowledgement of the first SETTINGS.
          if (kind === type.settings && connection.frames.length === 3) {
            setTimeout(() => connection.write(frame(type.settings, 0, 0, setting(3, 10))), 50)
          }
        },
        onRequest: answer
      })
      const api = yield* client(server.url)
      const seen = yield* Effect.forEach([1, 2, 3], () => outcome(api.get("/")), { concurrency: "unbounded" })
      expect(seen).toEqual(["ok", "ok", "ok"])
    }).pipe(Effect.provide(over({ connections: 1 })), Effect.scoped)
  )

  it.live("are closed after keepAliveTimeout without a request, with GOAWAY", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({ onRequest: (request) => void setTimeout(() => answer(request), 1200) })
      const api = yield* client(server.url)
      expect(yield* outcome(api.get("/"))).toBe("ok")
      expect(yield* outcome(api.get("/"))).toBe("ok")
      yield* until(() => server.sockets.size === 0)
      expect(server.opened).toHaveLength(1)
      expect(server.opened[0]?.frames.at(-1)).toMatchObject({ type: type.goaway })
      expect(yield* outcome(api.get("/"))).toBe("ok")
      expect(server.opened).toHaveLength(2)
    }).pipe(Effect.provide(over({ keepAliveTimeout: "1 second" })), Effect.scoped)
  )

  it.live("are not used for new requests while the server is silent", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onFrame: (connection, received) => {
          if (received.type !== type.ping || server.opened.length < 2) return
          // The first connection comes back to life when the second is in use.
          connection.write(frame(type.ping, 1, 0, received.payload))
        },
        onRequest: (request) => {
          if (server.opened.length > 1) answer(request)
        }
      })
      const api = yield* client(server.url)
      const silent = yield* Effect.fork(outcome(api.get("/silent")))
      yield* until(() => server.requests.length === 1)
      yield* Effect.sleep("2200 millis")
      yield* Fiber.interrupt(silent)
      expect(yield* outcome(api.get("/"))).toBe("ok")
      expect(server.opened).toHaveLength(2)
      expect(server.opened[0]?.frames.map(({ type: kind }) => kind)).toContain(type.ping)
    }).pipe(Effect.provide(over({ keepAliveTimeout: "1 minute" })), Effect.scoped)
  )

  it.live("stay when a request is interrupted", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({
        onRequest: (request) => {
          if (request.nth === 2) answer(request)
        }
      })
      const api = yield* client(server.url)
      const first = yield* Effect.fork(outcome(api.get("/1")))
      yield* until(() => server.requests.length === 1)
      yield* Fiber.interrupt(first)
      expect(yield* outcome(api.get("/2"))).toBe("ok")
      expect(server.opened).toHaveLength(1)
      yield* until(
        () => server.opened[0]?.frames.some(({ id, type: kind }) => kind === type.reset && id === 1) === true
      )
    }).pipe(Effect.provide(over()), Effect.scoped)
  )

  it.live("end with the scope, and cut what is under way", () =>
    Effect.gen(function* () {
      const server = yield* frameServer({})
      const running = yield* Effect.gen(function* () {
        const api = yield* client(server.url)
        const fiber = yield* Effect.forkDaemon(outcome(api.get("/")))
        yield* until(() => server.requests.length === 1)
        return fiber
      }).pipe(Effect.provide(over()))
      expect(yield* Fiber.join(running)).toMatch(/maybe$/)
      yield* until(() => server.sockets.size === 0)
    }).pipe(Effect.scoped)
  )
})
