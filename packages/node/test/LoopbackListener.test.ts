import * as LoopbackListener from "@countersign/node/LoopbackListener"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Os from "node:os"

interface ReceivedResponse {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
}

/** One request on a new connection. */
const request = (url: string, options: Http.RequestOptions = {}): Effect.Effect<ReceivedResponse, Error> =>
  Effect.async<ReceivedResponse, Error>((resume) => {
    const sent = Http.request(url, { agent: false, ...options }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (text += chunk))
      response.on("end", () =>
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
      )
    })
    sent.on("error", (error) => resume(Effect.fail(error)))
    sent.end()
  })

/** A connection, and everything that it received until it was closed. */
const connected = (url: string) =>
  Effect.async<{ readonly socket: Net.Socket; readonly closed: Effect.Effect<string> }>((resume) => {
    const { hostname, port } = new URL(url)
    let text = ""
    const socket = Net.connect({ host: hostname, port: Number(port) })
    socket.setEncoding("utf8")
    socket.on("data", (chunk: string) => (text += chunk))
    // A reset closes the connection too.
    socket.on("error", () => undefined)
    const closing = new Promise<string>((done) => socket.on("close", () => done(text)))
    socket.on("connect", () => resume(Effect.succeed({ socket, closed: Effect.promise(() => closing) })))
  })

const state = "the-state"

/** A listener, and a fiber that waits for its callback. */
const waiting = (options?: LoopbackListener.Options) =>
  Effect.gen(function* () {
    const { redirectUri, waitForCallback } = yield* LoopbackListener.make(options)
    const fiber = yield* Effect.fork(waitForCallback(state))
    yield* Effect.yieldNow()
    return {
      redirectUri,
      fiber,
      callbackUrl: `${redirectUri}?code=canary-code&state=${state}&iss=https%3A%2F%2Fauth.test`
    }
  })

const isWaiting = (fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
  Effect.map(fiber.status, ({ _tag }) => _tag !== "Done")

const isFree = (url: string) => Effect.map(Effect.either(request(url)), ({ _tag }) => _tag === "Left")

describe("LoopbackListener", () => {
  it.scopedLive("returns the parameters of the callback, shows a page without them and stops listening", () =>
    Effect.gen(function* () {
      const { callbackUrl, fiber, redirectUri } = yield* waiting()
      expect(redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)
      const { headers, status, text } = yield* request(callbackUrl)
      expect(status).toBe(200)
      expect(text).toContain("You may close this window")
      expect(text).not.toMatch(/canary|the-state|auth\.test/)
      expect(headers).toMatchObject({
        "cache-control": "no-store",
        "content-type": "text/html; charset=utf-8",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff"
      })
      expect(headers["content-security-policy"]).toContain("default-src 'none'")
      const parameters = yield* Fiber.join(fiber)
      expect(Object.fromEntries(parameters)).toEqual({ code: "canary-code", state, iss: "https://auth.test" })
      expect(yield* isFree(callbackUrl)).toBe(true)
    })
  )

  it.scopedLive("listens on ::1 at the configured path and port", () =>
    Effect.gen(function* () {
      const { redirectUri: free } = yield* LoopbackListener.make({ host: "::1" }).pipe(Effect.scoped)
      const port = Number(new URL(free).port)
      const { callbackUrl, fiber, redirectUri } = yield* waiting({ host: "::1", path: "/a/b", port })
      expect(redirectUri).toBe(`http://[::1]:${port}/a/b`)
      expect((yield* request(callbackUrl)).status).toBe(200)
      expect((yield* Fiber.join(fiber)).get("code")).toBe("canary-code")
    })
  )

  describe("LoopbackListener on localhost", () => {
    const localhost = { host: "localhost" } as const

    /** A request to one of the two addresses, with `name` in the Host header. */
    const requestAt = (address: string, url: string, name = "localhost") => {
      const { pathname, port, search } = new URL(url)
      return request(`http://${address}:${port}${pathname}${search}`, { headers: { host: `${name}:${port}` } })
    }

    it.scopedLive.each(["127.0.0.1", "[::1]"])(
      "accepts the callback at %s and stops listening at both addresses of localhost",
      (address) =>
        Effect.gen(function* () {
          const { callbackUrl, fiber, redirectUri } = yield* waiting(localhost)
          expect(redirectUri).toMatch(/^http:\/\/localhost:\d+\/callback$/)
          expect((yield* requestAt(address, callbackUrl)).status).toBe(200)
          expect((yield* Fiber.join(fiber)).get("code")).toBe("canary-code")
          const { port } = new URL(redirectUri)
          for (const own of ["127.0.0.1", "[::1]"]) expect(yield* isFree(`http://${own}:${port}/`)).toBe(true)
        })
    )

    it.scopedLive.each(["127.0.0.1", "[::1]", "evil.test", "localhost.evil.test", "localhost."])(
      "responds with 404 to the Host %s on localhost and keeps waiting",
      (name) =>
        Effect.gen(function* () {
          const { callbackUrl, fiber } = yield* waiting(localhost)
          for (const address of ["127.0.0.1", "[::1]"]) {
            expect((yield* requestAt(address, callbackUrl, name)).status).toBe(404)
          }
          expect(yield* isWaiting(fiber)).toBe(true)
          yield* requestAt("127.0.0.1", callbackUrl)
          expect((yield* Fiber.join(fiber)).get("code")).toBe("canary-code")
        })
    )

    it.scopedLive.each(["127.0.0.1", "::1"] as const)(
      "fails if another process listens on the port of localhost at %s, and closes the other address",
      (taken) =>
        Effect.gen(function* () {
          const { redirectUri } = yield* LoopbackListener.make({ host: taken })
          const port = Number(new URL(redirectUri).port)
          const error = yield* Effect.flip(Effect.scoped(LoopbackListener.make({ ...localhost, port })))
          expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
          const other = taken === "::1" ? "127.0.0.1" : "[::1]"
          expect(yield* isFree(`http://${other}:${port}/`)).toBe(true)
        })
    )

    it.scopedLive("listens at the configured port of localhost until the scope closes", () =>
      Effect.gen(function* () {
        const { redirectUri: free } = yield* LoopbackListener.make(localhost).pipe(Effect.scoped)
        const port = Number(new URL(free).port)
        const { redirectUri } = yield* LoopbackListener.make({ ...localhost, port, path: "/a" }).pipe(Effect.scoped)
        expect(redirectUri).toBe(`http://localhost:${port}/a`)
        for (const own of ["127.0.0.1", "[::1]"]) expect(yield* isFree(`http://${own}:${port}/`)).toBe(true)
      })
    )
  })

  it.scopedLive("accepts no connection at another address of this machine", () =>
    Effect.gen(function* () {
      const { redirectUri } = yield* waiting()
      const { port } = new URL(redirectUri)
      const others = Object.values(Os.networkInterfaces()).flatMap((addresses = []) =>
        addresses.filter(({ family, internal }) => family === "IPv4" && !internal)
      )
      for (const { address } of [...others, { address: "127.0.0.2" }]) {
        expect(yield* isFree(`http://${address}:${port}/callback`)).toBe(true)
      }
    })
  )

  it.scopedLive.each<readonly [string, (uri: string) => readonly [string, Http.RequestOptions]]>([
    ["another path", (uri) => [`${new URL(uri).origin}/favicon.ico?state=${state}`, {}]],
    ["a longer path", (uri) => [`${uri}/?state=${state}`, {}]],
    ["another method", (uri) => [`${uri}?state=${state}`, { method: "POST" }]],
    ["the method HEAD", (uri) => [`${uri}?state=${state}`, { method: "HEAD" }]],
    ["another host", (uri) => [`${uri}?state=${state}`, { headers: { host: "evil.test" } }]],
    [
      "localhost as its host",
      (uri) => [`${uri}?state=${state}`, { headers: { host: `localhost:${new URL(uri).port}` } }]
    ],
    ["its host without the port", (uri) => [`${uri}?state=${state}`, { headers: { host: "127.0.0.1" } }]],
    ["another state", (uri) => [`${uri}?code=evil&state=another`, {}]],
    ["no state", (uri) => [`${uri}?code=evil`, {}]],
    ["two states", (uri) => [`${uri}?code=evil&state=${state}&state=another`, {}]],
    ["no parameters", (uri) => [uri, {}]]
  ])("responds with 404 to a request with %s and keeps waiting", ([_, requestOf]) =>
    Effect.gen(function* () {
      const { callbackUrl, fiber, redirectUri } = yield* waiting()
      const { status, text } = yield* request(...requestOf(redirectUri))
      expect(status).toBe(404)
      expect(text).not.toContain("evil")
      expect(yield* isWaiting(fiber)).toBe(true)
      yield* request(callbackUrl)
      expect((yield* Fiber.join(fiber)).get("code")).toBe("canary-code")
    })
  )

  it.scopedLive("accepts the callback after a thousand invalid requests", () =>
    Effect.gen(function* () {
      const { callbackUrl, fiber, redirectUri } = yield* waiting()
      const many = Effect.forEach(Array.from({ length: 1000 }), () => request(`${redirectUri}?code=evil`), {
        concurrency: 20
      })
      expect((yield* many).every(({ status }) => status === 404)).toBe(true)
      yield* request(callbackUrl)
      expect((yield* Fiber.join(fiber)).get("code")).toBe("canary-code")
    })
  )

  it.scopedLive("rejects a callback that arrives before waitForCallback", () =>
    Effect.gen(function* () {
      const { redirectUri, waitForCallback } = yield* LoopbackListener.make()
      expect((yield* request(`${redirectUri}?code=c&state=${state}`)).status).toBe(404)
      const fiber = yield* Effect.fork(waitForCallback(state))
      yield* Effect.yieldNow()
      expect((yield* request(`${redirectUri}?code=c&state=${state}`)).status).toBe(200)
      expect((yield* Fiber.join(fiber)).get("code")).toBe("c")
    })
  )

  it.scopedLive("accepts a request head of 6 kB, responds with 431 to one over 8 KiB and keeps waiting", () =>
    Effect.gen(function* () {
      const { callbackUrl, fiber } = yield* waiting()
      const long = yield* connected(callbackUrl)
      long.socket.write(`GET /callback?state=${state}&code=${"x".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`)
      expect(yield* long.closed).toMatch(/^HTTP\/1\.1 431 /)
      expect((yield* request(`${callbackUrl}&more=${"x".repeat(6000)}`)).status).toBe(200)
      expect((yield* Fiber.join(fiber)).get("more")).toHaveLength(6000)
    })
  )

  it.scopedLive("accepts the callback while 40 connections are idle or send an unfinished request head", () =>
    Effect.gen(function* () {
      const { callbackUrl, fiber } = yield* waiting()
      const silent = yield* Effect.all(Array.from({ length: 40 }, () => connected(callbackUrl)))
      for (const [index, { socket }] of silent.entries())
        if (index % 2 === 0) socket.write("GET /callback HTTP/1.1\r\nX: ")
      expect((yield* request(callbackUrl)).status).toBe(200)
      yield* Fiber.join(fiber)
      for (const { socket } of silent) socket.destroy()
    })
  )

  it.scopedLive("closes slow connections after some seconds, so that 64 of them do not block the callback", () =>
    Effect.gen(function* () {
      const { callbackUrl, fiber } = yield* waiting()
      const slow = yield* Effect.all(Array.from({ length: 64 }, () => connected(callbackUrl)))
      for (const { socket } of slow) socket.write("GET /callback HTTP/1.1\r\nX: ")
      yield* Effect.all(
        slow.map(({ closed }) => closed),
        { concurrency: "unbounded" }
      )
      expect((yield* request(callbackUrl)).status).toBe(200)
      yield* Fiber.join(fiber)
    })
  )

  it.scopedLive("responds with 4xx to invalid HTTP and keeps waiting", () =>
    Effect.gen(function* () {
      const { callbackUrl, fiber } = yield* waiting()
      for (const bytes of [
        "\u0016\u0003\u0001\u0000\r\n\r\n",
        "GET\r\n\r\n",
        `GET //callback?state=${state} HTTP/1.1\r\n\r\n`
      ]) {
        const { closed, socket } = yield* connected(callbackUrl)
        socket.write(bytes)
        expect(yield* closed).toMatch(/^HTTP\/1\.1 4\d\d /)
      }
      expect(yield* isWaiting(fiber)).toBe(true)
      yield* request(callbackUrl)
      yield* Fiber.join(fiber)
    })
  )

  it.scopedLive("stops listening and closes connections when its scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { callbackUrl, fiber } = yield* Scope.extend(waiting(), scope)
      const { closed } = yield* connected(callbackUrl)
      yield* Fiber.interrupt(fiber)
      yield* Scope.close(scope, Exit.void)
      yield* closed
      expect(yield* isFree(callbackUrl)).toBe(true)
    })
  )

  it.scoped("fails with ReauthorizationRequired after five minutes", () =>
    Effect.gen(function* () {
      const { fiber } = yield* waiting()
      yield* TestClock.adjust(299_999)
      expect(yield* isWaiting(fiber)).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({
        _tag: "TokenError",
        reason: "ReauthorizationRequired"
      })
    })
  )

  it.scopedLive("fails with Unavailable if the port is in use", () =>
    Effect.gen(function* () {
      const { redirectUri } = yield* waiting()
      const port = Number(new URL(redirectUri).port)
      const error = yield* Effect.flip(LoopbackListener.make({ port, host: "127.0.0.1" }))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable", sent: "no" })
    })
  )

  it.scopedLive.each<LoopbackListener.Options>([
    { port: 70_000 },
    { port: -1 },
    { port: 1.5 },
    { path: "callback" },
    { path: "//evil.test" },
    { path: "/a?b" },
    { path: "/a b" }
  ])("rejects the options %o", (options) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(LoopbackListener.make(options))).toMatchObject({ _tag: "InvalidRequest" })
    })
  )
})
