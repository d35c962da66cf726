/** A request runs with callbacks or with Effects. Both give the same result. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Errors from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { IncomingMessage, ServerResponse } from "node:http"
import { form } from "./contract/transport.js"
import type { TestServer } from "./support/server.js"
import { afterReading, serveRaw, serve, until } from "./support/server.js"

type Bounded = HttpClient.HttpClient.With<Errors.SendError>

const limit = 100_000
const bounded = (transport: HttpClient.HttpClient, ms: number): Bounded =>
  Timeout.exchange(ms)(Transport.bufferBodies(limit)(Transport.fromHttpClient(transport)))

/** By default a client sends with callbacks. With an observer it sends with Effects. */
const modes = {
  callbacks: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => effect,
  effects: Timeline.observe(() => undefined)
}

interface Result {
  readonly response?: readonly [status: number, body: string]
  readonly failure?: Record<string, unknown>
}

/** The result without the port, which differs for each server. */
const resultOf = (exit: Exit.Exit<readonly [number, string], unknown>): Result => {
  if (Exit.isSuccess(exit)) return { response: exit.value }
  const [failure] = Cause.failures(exit.cause)
  if (failure === undefined) return { failure: { interrupted: Cause.isInterruptedOnly(exit.cause) } }
  const { _tag, code, limit, reason, scope, sent } = failure as Record<string, unknown> // Any of the errors of a client.
  // Node sends FIN before the RST of `resetAndDestroy`. On a busy machine the client may read either first.
  const ended = code === "UND_ERR_SOCKET" ? "ECONNRESET" : code
  return { failure: { _tag, reason, sent, code: ended, scope, limit } }
}

type Server = Effect.Effect<TestServer, never, Scope.Scope>

const ok = "HTTP/1.1 200 OK\r\n"
const http = (respond: (request: IncomingMessage, response: ServerResponse) => void): Server =>
  Effect.suspend(() => serve(respond))
const tcp = (text: string, then: "stays" | "ends" | "resets" = "stays"): Server =>
  Effect.suspend(() =>
    serveRaw((socket) => {
      socket.write(text, "latin1")
      if (then === "resets") afterReading(() => socket.resetAndDestroy())
      if (then === "ends") socket.end()
    })
  )
/** A server that is closed. */
const closedServer: Server = Effect.suspend(() => Effect.scoped(serve(() => undefined)))
const echo = http((request, response) => {
  const pieces: Array<Buffer> = []
  request.on("data", (piece: Buffer) => pieces.push(piece))
  request.on("end", () => {
    const boundary = /boundary=(.*)/.exec(request.headers["content-type"] ?? "")?.[1]
    const text = Buffer.concat(pieces).toString()
    response.end(`${request.method} ${boundary === undefined ? text : text.replaceAll(boundary, "boundary")}`)
  })
})

interface Scenario {
  readonly server: Server
  readonly request?: (url: string) => HttpClientRequest.HttpClientRequest
  readonly ms?: number
  readonly result: Result
}

/** The error has a code, whatever it is. */
const wire = (reason: string, sent: "no" | "maybe"): Result => ({
  failure: {
    _tag: "TransportError",
    reason,
    sent,
    code: expect.any(String) as string,
    scope: undefined,
    limit: undefined
  }
})
const invalid = (reason: string): Result => ({
  failure: expect.objectContaining({ _tag: "InvalidRequest", reason }) as Record<string, unknown>
})
const late: Result = {
  failure: expect.objectContaining({ _tag: "Timeout", scope: "exchange" }) as Record<string, unknown>
}
const post =
  (body: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest) => (url: string) =>
    body(HttpClientRequest.post(url))
const large = "x".repeat(limit)

const scenarios: Record<string, Scenario> = {
  "a whole body": { server: http((_, response) => response.end("whole")), result: { response: [200, "whole"] } },
  "a body in pieces": {
    server: http((_, response) => {
      response.write("in ")
      setImmediate(() => response.end("pieces"))
    }),
    result: { response: [200, "in pieces"] }
  },
  "a body as large as the limit": {
    server: http((_, response) => response.end(large)),
    result: { response: [200, large] }
  },
  "an empty body of known length": {
    server: http((_, response) => response.writeHead(200, { "content-length": "0" }).end()),
    result: { response: [200, ""] }
  },
  "an empty body of unknown length": {
    server: http((_, response) => {
      response.flushHeaders()
      response.end()
    }),
    result: { response: [200, ""] }
  },
  "the response to HEAD": {
    server: http((_, response) => response.writeHead(200, { "content-length": "999999999" }).end()),
    request: HttpClientRequest.head,
    result: { response: [200, ""] }
  },
  "a 204": { server: http((_, response) => response.writeHead(204).end()), result: { response: [204, ""] } },
  "a 304": { server: tcp("HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n"), result: { response: [304, ""] } },
  "an error with a body in pieces": {
    server: http((_, response) => {
      response.writeHead(503).write("so")
      setImmediate(() => response.end("rry"))
    }),
    result: { response: [503, "sorry"] }
  },
  "an invalid URL": {
    server: echo,
    request: () => HttpClientRequest.get("http://a b/"),
    result: invalid("Url")
  },
  "a URL of another scheme": {
    server: echo,
    request: () => HttpClientRequest.get("ftp://a.test/"),
    result: invalid("Url")
  },
  "a header that could break the framing": {
    server: echo,
    request: (url) => HttpClientRequest.setHeader(HttpClientRequest.get(url), "x", "a\r\nb: c"),
    result: invalid("Header")
  },
  "a content-length that is not the body's": {
    server: echo,
    request: (url) => HttpClientRequest.setHeader(HttpClientRequest.get(url), "content-length", "x"),
    result: invalid("Header")
  },
  "a connection that is refused": { server: closedServer, result: wire("ConnectionRefused", "no") },
  "a connection that is reset in the header": {
    server: tcp(`${ok}content-le`, "resets"),
    result: wire("ConnectionReset", "maybe")
  },
  "a connection that is reset in a short body": {
    server: tcp(`${ok}content-length: 10\r\n\r\nhalf`, "resets"),
    result: wire("Truncated", "maybe")
  },
  "a connection that is reset in a long body": {
    server: tcp(`${ok}content-length: ${limit}\r\n\r\n${"x".repeat(500)}`, "resets"),
    result: wire("Truncated", "maybe")
  },
  "a connection that ends in a chunk": {
    server: tcp(`${ok}transfer-encoding: chunked\r\n\r\na\r\nhalf`, "ends"),
    result: wire("Truncated", "maybe")
  },
  "a response that is not HTTP": {
    server: tcp("SSH-2.0-OpenSSH\r\n", "ends"),
    result: wire("InvalidHttpResponse", "maybe")
  },
  "a body that is longer than the limit, with content-length": {
    server: http((_, response) => void response.writeHead(200, { "content-length": String(limit * 50) }).write(large)),
    result: { failure: expect.objectContaining({ _tag: "BodyTooLarge", limit }) as Record<string, unknown> }
  },
  "a body that is longer than the limit, without content-length": {
    server: http((_, response) => void response.write(`${large}x`)),
    result: { failure: expect.objectContaining({ _tag: "BodyTooLarge", limit }) as Record<string, unknown> }
  },
  "a header that does not arrive in time": { server: http(() => undefined), ms: 40, result: late },
  "a short body that does not end in time": {
    server: http((_, response) => void response.writeHead(200, { "content-length": "10" }).write("x")),
    ms: 40,
    result: late
  },
  "a body in pieces that does not end in time": {
    server: http((_, response) => void response.write("x")),
    ms: 40,
    result: late
  },
  "a request with text": {
    server: echo,
    request: post(HttpClientRequest.bodyText("text")),
    result: { response: [200, "POST text"] }
  },
  "a request with a form": {
    server: echo,
    request: post(HttpClientRequest.bodyFormData(form())),
    result: { response: [200, expect.stringContaining("value ü") as string] }
  },
  "a request with a stream": {
    server: echo,
    request: post(HttpClientRequest.bodyStream(Stream.make(new TextEncoder().encode("stream")))),
    result: { response: [200, "POST stream"] }
  }
}

const read = (client: Bounded, request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(client.execute(request), (response) =>
    Effect.map(response.text, (body): readonly [number, string] => [response.status, body])
  )

/** undici keeps a connection after a complete response. After an error the connection has to be closed. */
const isKept = ({ result }: Scenario): boolean => result.response !== undefined

describe("NodeTransport", () => {
  for (const [what, scenario] of Object.entries(scenarios)) {
    it.live(`gives the same result with callbacks and with Effects for ${what}`, () =>
      Effect.gen(function* () {
        const seen: Record<string, Result> = {}
        for (const [name, run] of Object.entries(modes)) {
          const server = yield* scenario.server
          const client = bounded(yield* NodeTransport.make(), scenario.ms ?? 5000)
          const request = scenario.request?.(server.url) ?? HttpClientRequest.get(server.url)
          seen[name] = resultOf(yield* Effect.exit(run(read(client, request))))
          expect(seen[name], name).toEqual(scenario.result)
          if (!isKept(scenario)) yield* until(() => server.sockets.size === 0)
        }
        expect(seen["callbacks"]).toEqual(seen["effects"])
      }).pipe(Effect.scoped)
    )
  }
})

/** What the server has sent when the request is interrupted. */
const interruptions: Record<string, (response: ServerResponse) => void> = {
  "before the header": () => undefined,
  "in a short body": (response) => void response.writeHead(200, { "content-length": "10" }).write("x"),
  "in a long body": (response) => void response.write("x".repeat(50_000)),
  "in the body of an error, which its caller reads": (response) => void response.writeHead(503).write("x")
}

describe("NodeTransport", () => {
  for (const [when, respond] of Object.entries(interruptions)) {
    it.live(`closes the connection of a request that is interrupted ${when}, with callbacks and with Effects`, () =>
      Effect.gen(function* () {
        for (const [name, run] of Object.entries(modes)) {
          const server = yield* serve((_, response) => respond(response))
          const client = bounded(yield* NodeTransport.make(), 5000)
          const fiber = yield* Effect.fork(run(read(client, HttpClientRequest.get(server.url))))
          yield* until(() => server.paths.length === 1)
          yield* Effect.sleep(20)
          expect(server.sockets.size, name).toBe(1)
          expect(resultOf(yield* Fiber.interrupt(fiber)), name).toEqual({ failure: { interrupted: true } })
          yield* until(() => server.sockets.size === 0)
        }
      }).pipe(Effect.scoped)
    )
  }

  it.live(
    "does not send a request that is interrupted while it waits for a connection, and gives that connection to the next",
    () =>
      Effect.gen(function* () {
        for (const [name, run] of Object.entries(modes)) {
          const responses: Array<ServerResponse> = []
          const server = yield* serve((_, response) => void responses.push(response))
          const client = bounded(yield* NodeTransport.make({ connections: 1 }), 5000)
          const send = (path: string) => Effect.fork(run(read(client, HttpClientRequest.get(`${server.url}/${path}`))))
          const first = yield* send("first")
          yield* until(() => responses.length === 1)
          const second = yield* send("second")
          yield* Effect.sleep(20)
          expect(resultOf(yield* Fiber.interrupt(second)), name).toEqual({ failure: { interrupted: true } })
          responses[0]?.end("1")
          expect(yield* Fiber.join(first)).toEqual([200, "1"])
          const third = yield* send("third")
          yield* until(() => responses.length === 2)
          responses[1]?.end("3")
          expect(yield* Fiber.join(third)).toEqual([200, "3"])
          expect(server.paths, name).toEqual(["/first", "/third"])
        }
      }).pipe(Effect.scoped)
  )
})
