import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import * as Http from "node:http"
import * as Net from "node:net"

const authorization = `Basic ${btoa("client:secret")}`

const post = (params: Record<string, string>) =>
  Effect.gen(function* () {
    const { tokenEndpoint } = yield* OAuthServer.OAuthServer
    const body = HttpBody.text(new URLSearchParams(params).toString(), "application/x-www-form-urlencoded")
    const request = HttpClientRequest.post(tokenEndpoint, { headers: { authorization }, body })
    return yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.execute(request))
  })

const credentials = post({ grant_type: "client_credentials" })

const refresh = (token: string) => post({ grant_type: "refresh_token", refresh_token: token })

/** The refresh token of a new session. */
const session = Effect.map(
  Effect.flatMap(OAuthServer.OAuthServer, ({ issueTokens }) => issueTokens({ clientId: "client" })),
  ({ refresh_token: token = "" }) => token
)

const outcomes = Effect.map(
  Effect.flatMap(OAuthServer.OAuthServer, ({ calls }) => calls),
  (calls) => calls.map(({ outcome }) => outcome)
)

/** Polls without a Clock until a condition of another fiber or socket holds. */
const until = <A, E, R>(effect: Effect.Effect<A, E, R>, condition: (value: A) => boolean): Effect.Effect<A, E, R> =>
  Effect.flatMap(effect, (value) =>
    condition(value)
      ? Effect.succeed(value)
      : Effect.zipRight(
          Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void))),
          until(effect, condition)
        )
  )

/**
 * A client reconnects after it aborted a request, and Node's server waits for the first request of such a connection before it
 * closes. This layer closes the connections.
 */
const onPort = (options: OAuthServer.Options) =>
  Layer.unwrapEffect(
    Effect.sync(() => {
      const server = Http.createServer()
      const closed = Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
      return Layer.merge(OAuthServer.layer(options), Layer.scopedDiscard(closed)).pipe(
        Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
        Layer.provideMerge(NodeHttpClient.layerUndici)
      )
    })
  )

/** Bytes and end of a raw connection, without an HTTP client. */
const raw = Effect.flatMap(OAuthServer.OAuthServer, ({ tokenEndpoint }) =>
  Effect.async<{ readonly text: string; readonly end: string }>((resume) => {
    const { hostname, port } = new URL(tokenEndpoint)
    const socket = Net.connect(Number(port), hostname)
    const head = ["POST /token HTTP/1.1", "Host: x", `Authorization: ${authorization}`]
    const type = "Content-Type: application/x-www-form-urlencoded"
    socket.write([...head, type, "Content-Length: 29", "", "grant_type=client_credentials"].join("\r\n"))
    let text = ""
    const done = (end: string) => resume(Effect.succeed({ text, end }))
    socket.on("data", (data) => (text += data.toString()))
    socket.on("end", () => done("FIN"))
    socket.on("error", (error) => done("code" in error ? String(error.code) : error.name))
  })
)

describe.each([
  ["on a real port", onPort],
  ["in memory", OAuthServer.layerMemory]
] as const)("OAuthServer faults, %s", (_, layer) => {
  it.effect("sends no response and executes no grant with hang", () =>
    Effect.gen(function* () {
      const token = yield* session
      const waiting = yield* Effect.fork(refresh(token))
      yield* until(outcomes, ({ length }) => length === 1)
      yield* TestClock.adjust("1 day")
      expect(waiting.unsafePoll()).toBeNull()
      yield* Fiber.interrupt(waiting)
      expect((yield* refresh(token)).status).toBe(200)
      expect(yield* outcomes).toEqual(["withheld", "refreshed"])
    }).pipe(Effect.provide(layer({ faults: [OAuthServer.hang] })))
  )

  it.effect("executes the grant and sends no response with a lost hang", () =>
    Effect.gen(function* () {
      const token = yield* session
      const waiting = yield* Effect.fork(refresh(token))
      yield* until(outcomes, ([first]) => first === "refreshed")
      yield* TestClock.adjust("1 day")
      expect(waiting.unsafePoll()).toBeNull()
      yield* Fiber.interrupt(waiting)
      expect((yield* refresh(token)).status).toBe(400)
      expect(yield* outcomes).toEqual(["refreshed", "reused"])
    }).pipe(Effect.provide(layer({ faults: [OAuthServer.lostResponse(OAuthServer.hang)] })))
  )

  it.effect("executes the grant and interrupts the body with truncated", () =>
    Effect.gen(function* () {
      for (const how of ["close", "reset"] as const) {
        const { setFaults } = yield* OAuthServer.OAuthServer
        yield* setFaults([OAuthServer.truncated({ how })])
        const token = yield* session
        const response = yield* refresh(token)
        expect([response.status, response.headers["content-type"]]).toEqual([200, "application/json"])
        const error = yield* Effect.flip(response.text)
        expect(error).toMatchObject({ _tag: "ResponseError", reason: "Decode" })
        expect((yield* refresh(token)).status).toBe(400)
      }
      expect(yield* outcomes).toEqual(["refreshed", "reused", "refreshed", "reused"])
    }).pipe(Effect.provide(layer({})))
  )

  it.effect("ends the connection without a response with disconnect, without or with the grant", () =>
    Effect.gen(function* () {
      for (const how of ["close", "reset"] as const) {
        const { setFaults } = yield* OAuthServer.OAuthServer
        const token = yield* session
        yield* setFaults([OAuthServer.disconnect(how), OAuthServer.lostResponse(OAuthServer.disconnect(how))])
        for (let i = 0; i < 2; i++) {
          const error = yield* Effect.flip(refresh(token))
          expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport" })
        }
      }
      expect(yield* outcomes).toEqual(["withheld", "refreshed", "withheld", "refreshed"])
    }).pipe(Effect.provide(layer({})))
  )

  it.effect("delays the response after the grant was executed, or a fault, with slow", () =>
    Effect.gen(function* () {
      for (const [status, outcome] of [
        [200, "issued"],
        [503, "withheld"]
      ] as const) {
        const calls = (yield* outcomes).length
        const waiting = yield* Effect.fork(credentials)
        const seen = yield* until(outcomes, ({ length }) => length > calls)
        expect(seen.at(-1)).toBe(outcome)
        // The sleep of a server on a port starts in a separate fiber.
        yield* until(TestClock.sleeps(), (sleeps) => !Chunk.isEmpty(sleeps))
        yield* TestClock.adjust(4999)
        expect(waiting.unsafePoll()).toBeNull()
        yield* TestClock.adjust(1)
        expect((yield* Fiber.join(waiting)).status).toBe(status)
      }
    }).pipe(
      Effect.provide(
        layer({ faults: [OAuthServer.slow("5 seconds"), OAuthServer.slow("5 seconds", OAuthServer.fault(503))] })
      )
    )
  )

  it.effect("pads the response to a number of bytes with oversized", () =>
    Effect.gen(function* () {
      const response = yield* credentials
      expect(response.headers["content-length"]).toBe("1000000")
      const text = yield* response.text
      expect(text).toHaveLength(1_000_000)
      expect(JSON.parse(text)).toMatchObject({ token_type: "Bearer" })
    }).pipe(Effect.provide(layer({ faults: [OAuthServer.oversized(1_000_000)] })))
  )

  it.effect("streams 100 MiB or an endless body until the client stops", () =>
    Effect.gen(function* () {
      for (const bytes of ["104857600", undefined]) {
        const response = yield* credentials
        expect(response.headers["content-length"]).toBe(bytes)
        let read = 0
        yield* Stream.runForEachWhile(response.stream, (part) =>
          Effect.sync(() => {
            read += part.length
            return read < 1024 * 1024
          })
        )
        expect(read).toBeLessThan(2 * 1024 * 1024)
      }
    }).pipe(Effect.provide(layer({ faults: [OAuthServer.oversized(100 * 1024 * 1024), OAuthServer.oversized()] })))
  )
})

describe("OAuthServer.oversized in memory", () => {
  it.effect("stops producing an endless body when its reader is interrupted", () =>
    Effect.gen(function* () {
      const tracked = yield* Supervisor.track
      const reading = yield* Effect.flatMap(credentials, (response) => response.text).pipe(
        Effect.fork,
        Effect.supervised(tracked)
      )
      // The reader, and the fiber that produces the body.
      yield* until(tracked.value, ({ length }) => length > 1)
      yield* Fiber.interrupt(reading)
      yield* until(tracked.value, ({ length }) => length === 0)
    }).pipe(Effect.provide(OAuthServer.layerMemory({ faults: [OAuthServer.oversized()] })))
  )
})

describe("OAuthServer.malformed", () => {
  const own = { token_type: "Bearer" }
  const cases: ReadonlyArray<readonly [string, OAuthServer.Fault, object]> = [
    ["expires_in as text", OAuthServer.malformed({ expires_in: "3600" }), { ...own, expires_in: "3600" }],
    ["a negative expires_in", OAuthServer.malformed({ expires_in: -1 }), { ...own, expires_in: -1 }],
    ["a huge expires_in", OAuthServer.malformed({ expires_in: 1e308 }), { ...own, expires_in: 1e308 }],
    ["another token type", OAuthServer.malformed({ token_type: "mac" }), { token_type: "mac" }],
    ["other text", OAuthServer.malformed(() => "[]"), []]
  ]
  it.effect.each(cases)("sends %s", ([, fault, expected]) =>
    Effect.gen(function* () {
      const response = yield* credentials
      expect(response.status).toBe(200)
      expect(yield* response.json).toMatchObject(expected)
      expect(yield* outcomes).toEqual(["issued"])
    }).pipe(Effect.provide(OAuthServer.layerMemory({ faults: [fault] })))
  )

  it.effect("removes a member or all text, and keeps error responses", () =>
    Effect.gen(function* () {
      expect(yield* (yield* credentials).json).not.toHaveProperty("access_token")
      expect(yield* (yield* credentials).text).toBe("")
      expect(yield* (yield* refresh("x")).json).toMatchObject({ error: "invalid_grant" })
    }).pipe(
      Effect.provide(
        OAuthServer.layerMemory({
          faults: [
            OAuthServer.malformed({ access_token: undefined }),
            OAuthServer.malformed(() => ""),
            OAuthServer.malformed({ error: "x" })
          ]
        })
      )
    )
  )
})

describe("OAuthServer faults on sockets", () => {
  it.effect.each(["close", "reset"] as const)("sends half of the announced body before %s", (how) =>
    Effect.gen(function* () {
      const { end, text } = yield* raw
      const [head = "", body = ""] = text.split("\r\n\r\n")
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
      expect(head).toContain("HTTP/1.1 200 OK")
      expect(body).toHaveLength(Math.floor(length / 2))
      expect(end).toBe(how === "close" ? "FIN" : "ECONNRESET")
    }).pipe(Effect.provide(onPort({ faults: [OAuthServer.truncated({ how })] })))
  )

  it.effect("truncates after any number of bytes, also a fault", () =>
    Effect.gen(function* () {
      const { setFaults } = yield* OAuthServer.OAuthServer
      for (const after of [0, 1, 5, 6]) {
        yield* setFaults([OAuthServer.truncated({ after }, OAuthServer.fault(200, "<html>"))])
        const { end, text } = yield* raw
        expect(text.split("\r\n\r\n")[1]).toBe("<html>".slice(0, after))
        expect(end).toBe("FIN")
      }
    }).pipe(Effect.provide(onPort({})))
  )

  it.effect.each(["close", "reset"] as const)("sends no byte before %s with disconnect", (how) =>
    Effect.gen(function* () {
      expect(yield* raw).toEqual({ text: "", end: how === "close" ? "FIN" : "ECONNRESET" })
    }).pipe(Effect.provide(onPort({ faults: [OAuthServer.disconnect(how)] })))
  )

  it.effect("stops without waiting for hanging clients", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })
      const layer = Layer.provide(OAuthServer.layer({ faults: [OAuthServer.hang] }), server)
      const context = yield* Layer.buildWithScope(layer, scope)
      const waiting = yield* Effect.fork(Effect.provide(raw, context))
      yield* until(Effect.provide(outcomes, context), ({ length }) => length === 1)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.join(waiting)).toEqual({ text: "", end: "FIN" })
    })
  )
})

describe("OAuthServer setFaults", () => {
  it.effect("replaces the faults from the next call on", () =>
    Effect.gen(function* () {
      const { setFaults } = yield* OAuthServer.OAuthServer
      const statuses = Effect.map(Effect.all([credentials, credentials]), (all) => all.map(({ status }) => status))
      expect(yield* statuses).toEqual([200, 200])
      yield* setFaults([undefined, OAuthServer.fault(503)])
      expect(yield* statuses).toEqual([200, 503])
      yield* setFaults(() => OAuthServer.fault(429))
      expect(yield* statuses).toEqual([429, 429])
      yield* setFaults([])
      expect(yield* statuses).toEqual([200, 200])
    }).pipe(Effect.provide(OAuthServer.layerMemory()))
  )
})
