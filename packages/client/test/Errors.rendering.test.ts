/** What a developer sees of a failed call: as a rejected promise, an exit, a defect and a log line. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import type { TransportError, Unavailable } from "@countersign/client/Errors"
import * as Transport from "@countersign/client/Transport"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { allRenderings } from "./support/allRenderings.js"
import { api, base, failure, get, run } from "./support/mockApi.js"

const { fail, respond, truncated } = MockClient

const calls: ReadonlyArray<readonly [string, MockClient.Step, string]> = [
  ["ClientError", respond(404, { message: "Not Found" }), 'GET https://api.test/v1/x answered 404: "Not Found"'],
  [
    "Unauthorized",
    respond(401),
    "GET https://api.test/v1/x answered 401: this client sends no credentials to that origin. Set the option `auth`, or add the origin to `origins`."
  ],
  ["Forbidden", respond(403), "GET https://api.test/v1/x answered 403: access denied. Request access."],
  [
    "RateLimited",
    respond(429),
    "GET https://api.test/v1/x answered 429: the server limits requests. The server names no time to try again."
  ],
  [
    "Unavailable",
    respond(503, "down for maintenance", { "content-type": "text/plain" }),
    'GET https://api.test/v1/x answered 503: "down for maintenance". Try again later.'
  ],
  [
    "TransportError",
    fail("ECONNREFUSED"),
    "GET https://api.test/v1/x failed: the connection was refused (ECONNREFUSED). Check the host and the port."
  ],
  [
    "InvalidResponse",
    respond(200, "<html>"),
    "GET https://api.test/v1/x answered 200: the body is not JSON but text/plain. Check the base URL and the path."
  ]
]

const call = (step: MockClient.Step) =>
  Effect.flatMap(
    api(() => step, { retry: false }),
    ({ api: client }) => client.get("/x", { schema: Schema.Unknown })
  )

/** The lines of a text without its stack frames. */
const head = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !line.startsWith("    at "))
    .join("\n")

/** `TransportError` has a redacted cause, which Effect prints below the stack. */
const withCause = (tag: string, text: string) =>
  tag === "TransportError" ? `${text}\n  [cause]: Error: <redacted>\n}` : text

describe("Errors shown to a developer", () => {
  it.each(calls)("show %s as a rejected promise with name and message first", async (tag, step, message) => {
    const rejection = await Effect.runPromise(call(step)).catch((error: unknown) => error)
    expect(rejection).toBeInstanceOf(Error)
    const shown = withCause(tag, `(FiberFailure) ${tag}: ${message}`)
    expect(head(String(rejection))).toBe(shown)
    expect(head(inspect(rejection))).toBe(shown)
    expect((rejection as Error).message).toBe(message)
    expect(head((rejection as Error).stack ?? "")).toBe(`${tag}: ${message}`)
  })

  it.each(calls)("show %s in an exit, as a failure and as a defect", async (tag, step, message) => {
    const failed = await Effect.runPromiseExit(call(step))
    const died = await Effect.runPromiseExit(Effect.catchAll(call(step), (error) => Effect.die(error)))
    for (const [exit, kind] of [[failed, "Fail"] as const, [died, "Die"] as const]) {
      if (Exit.isSuccess(exit)) throw new Error("the call succeeded")
      expect(exit.cause._tag).toBe(kind)
      expect(head(Cause.pretty(exit.cause))).toBe(`${tag}: ${message}`)
      expect(head(Cause.pretty(exit.cause, { renderErrorCause: true }))).toBe(withCause(tag, `${tag}: ${message}`))
      for (const text of [String(exit), inspect(exit, { depth: 10 }), JSON.stringify(exit)]) {
        expect(text).toContain(tag)
        expect(text.replaceAll('\\"', '"')).toContain(message)
        expect(text).not.toContain("[object")
      }
    }
  })

  it.effect("show the error in a log line of its cause, as `NodeRuntime.runMain` writes", () =>
    Effect.gen(function* () {
      for (const [tag, step, message] of calls) {
        const lines: Array<string> = []
        const logger = Logger.map(Logger.logfmtLogger, (line) => void lines.push(line))
        yield* run(call(step)).pipe(
          Effect.tapErrorCause((cause) => Effect.logError(cause)),
          Effect.ignore,
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        expect(lines.join("\n").replaceAll('\\"', '"')).toContain(`cause="${tag}: ${message}`)
      }
    })
  )

  it("show the caller's span and its place after the stack", async () => {
    const program = Effect.withSpan(call(respond(404)), "load order")
    const rejection = await Effect.runPromise(program).catch((error: unknown) => error)
    expect(String(rejection)).toMatch(/^\(FiberFailure\) ClientError: GET \S+ answered 404\n/)
    expect(String(rejection).split("\n").at(-1)).toMatch(
      /^ {4}at load order \(.*Errors\.rendering\.test\.ts:\d+:\d+\)$/
    )
  })
})

const token = `eyJ${"Ab9-".repeat(10)}`

const failing = (cause: unknown, description?: string) =>
  HttpClient.make((request) =>
    Effect.fail(
      new HttpClientError.RequestError({
        request,
        reason: "Transport",
        cause,
        ...(description === undefined ? {} : { description })
      })
    )
  )

/** The error of a call over a transport that fails with a cause, with credentials in the request. */
const failedWith = (cause: unknown, description?: string) =>
  Effect.gen(function* () {
    const auth = Auth.makeStaticEffect((request) =>
      Effect.succeed(
        request.pipe(
          HttpClientRequest.bearerToken(token),
          HttpClientRequest.setHeader("x-team", `${token}2`),
          HttpClientRequest.setUrlParam("key", `${token}3`)
        )
      )
    )
    const client = yield* ApiClient.make({ baseUrl: base, auth, retry: false }).pipe(
      Effect.provideService(HttpClient.HttpClient, failing(cause, description))
    )
    return (yield* failure(client.get("/x"))) as TransportError
  })

describe("TransportError of an unknown failure", () => {
  const chain = new TypeError("fetch failed", {
    cause: new Error("", { cause: new Error("certificate pinning failed") })
  })
  const withoutAccess = (name: string): Error =>
    Object.defineProperty(new Error("m"), name, {
      get: () => {
        throw new Error("no")
      }
    })

  it.effect.each<readonly [string, unknown, string | undefined]>([
    ["the message", new Error("no route\n  to host"), ": no route to host"],
    ["the innermost message", chain, ": certificate pinning failed"],
    ["a text", "out of sockets", ": out of sockets"],
    ["the code instead of the message", Object.assign(new Error("m"), { code: "EWEIRD" }), " (EWEIRD)"],
    ["at most 200 characters", new Error("y".repeat(500)), `: ${"y".repeat(199)}…`],
    ["no terminal escapes", new Error("a\u001b[31m"), ": a\\u{1b}[31m"],
    ["nothing of an empty cause", new Error(" "), ""],
    ["nothing of a cause without a message", { message: 42 }, ""],
    ["nothing of a message that throws", withoutAccess("message"), ""],
    ["the message beside a code that throws", withoutAccess("code"), ": m"],
    ["the message beside a list of errors that throws", withoutAccess("errors"), ": m"],
    ["the message beside a name that throws", withoutAccess("name"), ": m"],
    ["the message beside a cause that throws", withoutAccess("cause"), ": m"]
  ])("names %s", ([_name, cause, shown]) =>
    Effect.gen(function* () {
      const error = yield* failedWith(cause)
      expect(error).toMatchObject({ _tag: "TransportError", reason: "Unknown", sent: "maybe" })
      expect(error.message).toBe(`GET ${error.url} failed: the transport reported an unknown error${shown}`)
      expect(Redacted.value(error.cause!)).toBe(cause)
    })
  )

  it.effect("names the description of an error without a cause", () =>
    Effect.gen(function* () {
      const error = yield* failedWith(undefined, "the pool is closed")
      expect(error.message).toMatch(/unknown error: the pool is closed$/)
      expect(error.cause).toBeUndefined()
    })
  )

  it.effect("keeps a circular cause", () =>
    Effect.gen(function* () {
      const circular = new Error("around")
      circular.cause = circular
      expect((yield* failedWith(circular)).message).toMatch(/unknown error: around$/)
    })
  )

  it.effect("hides the request's credentials and the cause in every rendering", () =>
    Effect.gen(function* () {
      for (const text of [
        `invalid header value "Bearer ${token}"`,
        `x-team: ${token}2`,
        `cannot reach https://u:c4n4ry@api.test/v1/x?key=${token}3&k=c4n4ry#c4n4ry`,
        `${"x".repeat(190)}${token}`
      ]) {
        const cause = Object.assign(new Error(text), { request: { token }, secret: "c4n4ry" })
        const error = yield* failedWith(cause)
        expect(error.detail).toContain("<redacted")
        expect(Redacted.value(error.cause!)).toBe(cause)
        for (const shown of allRenderings(error)) {
          expect(shown).not.toContain(token.slice(0, 12))
          expect(shown).not.toContain("c4n4ry")
        }
      }
    })
  )

  it.effect("names the cause of a body that broke off", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => truncated(200, "x"), { retry: false })
      const coded = (yield* failure(client.get("/x"))) as TransportError
      expect([coded.reason, coded.detail]).toEqual(["Truncated", undefined])
    })
  )
})

describe("Errors in a span", () => {
  it.effect("keep response, body and server message", () =>
    Effect.gen(function* () {
      const auth = Auth.makeStaticEffect((request) => Effect.succeed(HttpClientRequest.bearerToken(request, token)))
      for (const [status, tag] of [
        [401, "Unauthorized"],
        [404, "ClientError"],
        [503, "Unavailable"]
      ] as const) {
        const body = { title: "words" }
        const step = respond(status, body, { "content-type": "application/problem+json", "retry-after": "0" })
        const { api: client, mock } = yield* api(() => step, { auth })
        const error = (yield* failure(client.get("/x").pipe(Effect.withSpan("load")))) as Unavailable
        expect(error).toMatchObject({ _tag: tag, serverMessage: "words", body })
        expect(yield* error.response!.json).toEqual(body)
        // Every body is read, so that no connection stays busy.
        expect((yield* mock.released).map(({ how }) => how)).toEqual((yield* mock.sent).map(() => "drained"))
      }
    })
  )

  it.effect("keep the details of the transport", () =>
    Effect.gen(function* () {
      const client = HttpClient.make((request) =>
        Effect.fail(
          Transport.describeFailure(new HttpClientError.RequestError({ request, reason: "Transport" }), {
            phase: "connecting",
            reason: "ConnectionRefused"
          })
        )
      )
      const sending = Transport.fromHttpClient(client).execute(get())
      for (const effect of [sending, Effect.withSpan(sending, "load")]) {
        expect(yield* failure(effect)).toMatchObject({ reason: "ConnectionRefused", sent: "no" })
      }
    })
  )

  it.effect("give the last response to the platform's clients", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(503, { message: "words" }, { "retry-after": "0" }))
      const response = yield* run(Effect.withSpan(client.httpClient.get("/x"), "load"))
      expect(response.status).toBe(503)
    })
  )
})
