/** An exchange goes one of two ways, directly or stepwise, and nobody can tell which from what comes of it. */
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
import { afterReading, raw, serve, until } from "./support/server.js"

type Bounded = HttpClient.HttpClient.With<Errors.SendError>

const limit = 100_000
const bounded = (transport: HttpClient.HttpClient, ms: number): Bounded =>
  Timeout.exchange(ms)(Transport.bufferBodies(limit)(Transport.fromHttpClient(transport)))

/** The way that a client goes by itself, and the one that it goes where somebody listens. */
const ways = {
  directly: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => effect,
  stepwise: Timeline.observe(() => undefined)
}

interface Outcome {
  readonly answer?: readonly [status: number, body: string]
  readonly failure?: Record<string, unknown>
}

/** What can be told of an outcome, without the port that each server has of its own. */
const told = (exit: Exit.Exit<readonly [number, string], unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return { answer: exit.value }
  const [failure] = Cause.failures(exit.cause)
  if (failure === undefined) return { failure: { interrupted: Cause.isInterruptedOnly(exit.cause) } }
  const { _tag, code, limit, reason, scope, sent } = failure as Record<string, unknown> // Any of the errors above.
  // Node sends FIN before the RST of `resetAndDestroy`: on a busy machine either may be read first.
  const ended = code === "UND_ERR_SOCKET" ? "ECONNRESET" : code
  return { failure: { _tag, reason, sent, code: ended, scope, limit } }
}

type Server = Effect.Effect<TestServer, never, Scope.Scope>

const ok = "HTTP/1.1 200 OK\r\n"
const http = (answer: (request: IncomingMessage, response: ServerResponse) => void): Server =>
  Effect.suspend(() => serve(answer))
const tcp = (text: string, then: "stays" | "ends" | "resets" = "stays"): Server =>
  Effect.suspend(() =>
    raw((socket) => {
      socket.write(text, "latin1")
      if (then === "resets") afterReading(() => socket.resetAndDestroy())
      if (then === "ends") socket.end()
    })
  )
/** A server that is gone. */
const nobody: Server = Effect.suspend(() => Effect.scoped(serve(() => undefined)))
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
  readonly outcome: Outcome
}

/** @param code - `undefined` where it has none; any, where nothing is said. */
const wire = (reason: string, sent: "no" | "maybe"): Outcome => ({
  failure: {
    _tag: "TransportError",
    reason,
    sent,
    code: expect.any(String) as string,
    scope: undefined,
    limit: undefined
  }
})
const invalid = (reason: string): Outcome => ({
  failure: expect.objectContaining({ _tag: "InvalidRequest", reason }) as Record<string, unknown>
})
const late: Outcome = {
  failure: expect.objectContaining({ _tag: "Timeout", scope: "exchange" }) as Record<string, unknown>
}
const post =
  (body: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest) => (url: string) =>
    body(HttpClientRequest.post(url))
const large = "x".repeat(limit)

const scenarios: Record<string, Scenario> = {
  "a whole body": { server: http((_, response) => response.end("whole")), outcome: { answer: [200, "whole"] } },
  "a body in pieces": {
    server: http((_, response) => {
      response.write("in ")
      setImmediate(() => response.end("pieces"))
    }),
    outcome: { answer: [200, "in pieces"] }
  },
  "a body of as many bytes as are read": {
    server: http((_, response) => response.end(large)),
    outcome: { answer: [200, large] }
  },
  "an empty body of known length": {
    server: http((_, response) => response.writeHead(200, { "content-length": "0" }).end()),
    outcome: { answer: [200, ""] }
  },
  "an empty body of unknown length": {
    server: http((_, response) => {
      response.flushHeaders()
      response.end()
    }),
    outcome: { answer: [200, ""] }
  },
  "the answer to HEAD": {
    server: http((_, response) => response.writeHead(200, { "content-length": "999999999" }).end()),
    request: HttpClientRequest.head,
    outcome: { answer: [200, ""] }
  },
  "a 204": { server: http((_, response) => response.writeHead(204).end()), outcome: { answer: [204, ""] } },
  "a 304": { server: tcp("HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n"), outcome: { answer: [304, ""] } },
  "an error with a body in pieces": {
    server: http((_, response) => {
      response.writeHead(503).write("so")
      setImmediate(() => response.end("rry"))
    }),
    outcome: { answer: [503, "sorry"] }
  },
  "a URL that is none": {
    server: echo,
    request: () => HttpClientRequest.get("http://a b/"),
    outcome: invalid("Url")
  },
  "a URL of another scheme": {
    server: echo,
    request: () => HttpClientRequest.get("ftp://a.test/"),
    outcome: invalid("Url")
  },
  "a header that could break the framing": {
    server: echo,
    request: (url) => HttpClientRequest.setHeader(HttpClientRequest.get(url), "x", "a\r\nb: c"),
    outcome: invalid("Header")
  },
  "a content-length that is not the body's": {
    server: echo,
    request: (url) => HttpClientRequest.setHeader(HttpClientRequest.get(url), "content-length", "x"),
    outcome: invalid("Header")
  },
  "a connection that is refused": { server: nobody, outcome: wire("ConnectionRefused", "no") },
  "a connection that is reset in the header": {
    server: tcp(`${ok}content-le`, "resets"),
    outcome: wire("ConnectionReset", "maybe")
  },
  "a connection that is reset in a short body": {
    server: tcp(`${ok}content-length: 10\r\n\r\nhalf`, "resets"),
    outcome: wire("Truncated", "maybe")
  },
  "a connection that is reset in a long body": {
    server: tcp(`${ok}content-length: ${limit}\r\n\r\n${"x".repeat(500)}`, "resets"),
    outcome: wire("Truncated", "maybe")
  },
  "a connection that ends in a chunk": {
    server: tcp(`${ok}transfer-encoding: chunked\r\n\r\na\r\nhalf`, "ends"),
    outcome: wire("Truncated", "maybe")
  },
  "an answer that is not HTTP": {
    server: tcp("SSH-2.0-OpenSSH\r\n", "ends"),
    outcome: wire("InvalidHttpResponse", "maybe")
  },
  "a body that is longer than what is read, and says so": {
    server: http((_, response) => void response.writeHead(200, { "content-length": String(limit * 50) }).write(large)),
    outcome: { failure: expect.objectContaining({ _tag: "BodyTooLarge", limit }) as Record<string, unknown> }
  },
  "a body that is longer than what is read, and does not say so": {
    server: http((_, response) => void response.write(`${large}x`)),
    outcome: { failure: expect.objectContaining({ _tag: "BodyTooLarge", limit }) as Record<string, unknown> }
  },
  "no header in time": { server: http(() => undefined), ms: 40, outcome: late },
  "no end of a short body in time": {
    server: http((_, response) => void response.writeHead(200, { "content-length": "10" }).write("x")),
    ms: 40,
    outcome: late
  },
  "no end of a body in pieces in time": {
    server: http((_, response) => void response.write("x")),
    ms: 40,
    outcome: late
  },
  "a text that is sent": {
    server: echo,
    request: post(HttpClientRequest.bodyText("text")),
    outcome: { answer: [200, "POST text"] }
  },
  "a form that is sent": {
    server: echo,
    request: post(HttpClientRequest.bodyFormData(form())),
    outcome: { answer: [200, expect.stringContaining("value ü") as string] }
  },
  "a stream that is sent": {
    server: echo,
    request: post(HttpClientRequest.bodyStream(Stream.make(new TextEncoder().encode("stream")))),
    outcome: { answer: [200, "POST stream"] }
  }
}

const read = (client: Bounded, request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(client.execute(request), (response) =>
    Effect.map(response.text, (body): readonly [number, string] => [response.status, body])
  )

/** undici keeps a connection for the next request; one that was cut, or that nobody reads, has to be gone. */
const isKept = ({ outcome }: Scenario): boolean => outcome.answer !== undefined

describe("directly and stepwise alike", () => {
  for (const [what, scenario] of Object.entries(scenarios)) {
    it.live(what, () =>
      Effect.gen(function* () {
        const seen: Record<string, Outcome> = {}
        for (const [name, way] of Object.entries(ways)) {
          const server = yield* scenario.server
          const client = bounded(yield* NodeTransport.make(), scenario.ms ?? 5000)
          const request = scenario.request?.(server.url) ?? HttpClientRequest.get(server.url)
          seen[name] = told(yield* Effect.exit(way(read(client, request))))
          expect(seen[name], name).toEqual(scenario.outcome)
          if (!isKept(scenario)) yield* until(() => server.sockets.size === 0)
        }
        expect(seen["directly"]).toEqual(seen["stepwise"])
      }).pipe(Effect.scoped)
    )
  }
})

/** What is interrupted, and when: the server tells that it has got so far. */
const interruptions: Record<string, (response: ServerResponse) => void> = {
  "before the header": () => undefined,
  "in a short body": (response) => void response.writeHead(200, { "content-length": "10" }).write("x"),
  "in a long body": (response) => void response.write("x".repeat(50_000)),
  "in the body of an error, which its caller reads": (response) => void response.writeHead(503).write("x")
}

describe("directly and stepwise alike, an interruption", () => {
  for (const [when, answer] of Object.entries(interruptions)) {
    it.live(`${when} closes the connection, and leaves nothing`, () =>
      Effect.gen(function* () {
        for (const [name, way] of Object.entries(ways)) {
          const server = yield* serve((_, response) => answer(response))
          const client = bounded(yield* NodeTransport.make(), 5000)
          const fiber = yield* Effect.fork(way(read(client, HttpClientRequest.get(server.url))))
          yield* until(() => server.paths.length === 1)
          yield* Effect.sleep(20)
          expect(server.sockets.size, name).toBe(1)
          expect(told(yield* Fiber.interrupt(fiber)), name).toEqual({ failure: { interrupted: true } })
          yield* until(() => server.sockets.size === 0)
        }
      }).pipe(Effect.scoped)
    )
  }

  it.live("before there is a connection for it sends nothing, and the next one gets that", () =>
    Effect.gen(function* () {
      for (const [name, way] of Object.entries(ways)) {
        const answers: Array<ServerResponse> = []
        const server = yield* serve((_, response) => void answers.push(response))
        const client = bounded(yield* NodeTransport.make({ connections: 1 }), 5000)
        const send = (path: string) => Effect.fork(way(read(client, HttpClientRequest.get(`${server.url}/${path}`))))
        const first = yield* send("first")
        yield* until(() => answers.length === 1)
        const second = yield* send("second")
        yield* Effect.sleep(20)
        expect(told(yield* Fiber.interrupt(second)), name).toEqual({ failure: { interrupted: true } })
        answers[0]?.end("1")
        expect(yield* Fiber.join(first)).toEqual([200, "1"])
        const third = yield* send("third")
        yield* until(() => answers.length === 2)
        answers[1]?.end("3")
        expect(yield* Fiber.join(third)).toEqual([200, "3"])
        expect(server.paths, name).toEqual(["/first", "/third"])
      }
    }).pipe(Effect.scoped)
  )
})
