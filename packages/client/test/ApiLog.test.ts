import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as ApiLog from "@countersign/client/ApiLog"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import { inspect } from "node:util"
import { api, run, withJitter } from "./support/mockApi.js"

const { delay, fail, never, respond } = MockClient
const ok = respond(200, {})
const canary = "canary-0123456789abcdef"

interface Entry {
  readonly level: string
  readonly text: string
  readonly annotations: Readonly<Record<string, unknown>>
  readonly whole: string
}

/** Runs an effect with the log, and returns its lines. */
const logged = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: ApiLog.Options,
  minimum: LogLevel.LogLevel = LogLevel.All
): Effect.Effect<ReadonlyArray<Entry>, never, R> =>
  Effect.gen(function* () {
    const entries: Array<Entry> = []
    const logger = Logger.make<unknown, void>(({ annotations, logLevel, message, spans }) => {
      entries.push({
        level: logLevel.label,
        text: String(message),
        annotations: Object.fromEntries(HashMap.toEntries(annotations)),
        whole: inspect([message, annotations, spans], { depth: 9, showHidden: true })
      })
    })
    const layers = Layer.mergeAll(
      ApiLog.layer(options),
      Logger.replace(Logger.defaultLogger, logger),
      Logger.minimumLogLevel(minimum)
    )
    // Effect logs the error of the fiber in which the test runs the call.
    yield* Effect.exit(run(effect)).pipe(Effect.provide(layers), Effect.withUnhandledErrorLogLevel(Option.none()))
    return entries
  })

const linesOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  entries.map(({ level, text }) => `${level} ${text}`)

describe("ApiLog.layer", () => {
  it.effect("logs one line per call with method, URL, status, time, requests and waits", () =>
    Effect.gen(function* () {
      const client = yield* api([delay("10 millis", respond(503)), delay("5 millis", ok), delay("7 millis", ok)])
      const calls = Effect.zipRight(client.api.get("/x?page=two"), client.api.post("/y", { json: {} }))
      expect(linesOf(yield* logged(withJitter(1)(calls), {}, LogLevel.Debug))).toEqual([
        "DEBUG GET https://api.test/v1/x?page=<redacted> 200 in 65 ms (2 requests, waited 50 ms)",
        "DEBUG POST https://api.test/v1/y 200 in 7 ms"
      ])
    })
  )

  it.effect("logs a line for each event of a call at Trace, with the callId and api of the call", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(503), fail("ECONNRESET"), ok])
      const entries = yield* logged(withJitter(1)(client.api.get("/x")))
      expect(linesOf(entries)).toEqual([
        "TRACE → GET /v1/x",
        "TRACE ← 503",
        "TRACE ░ wait 50 ms (503)",
        "TRACE → GET /v1/x",
        "TRACE × ConnectionReset",
        "TRACE ░ wait 100 ms (TransportError)",
        "TRACE → GET /v1/x",
        "TRACE ← 200",
        "DEBUG GET https://api.test/v1/x 200 in 150 ms (3 requests, waited 150 ms)"
      ])
      const calls = new Set(
        entries.map(({ annotations }) => `${String(annotations["callId"])} ${String(annotations["api"])}`)
      )
      expect([...calls]).toEqual([expect.stringMatching(/^\d+ https:\/\/api\.test$/)])
    })
  )

  it.effect.each<readonly [string, MockClient.Script, Partial<ApiClient.Options<unknown>>, string, object]>([
    ["a 404", [respond(404)], {}, "ClientError 404 in 0 ms", { status: 404, outcome: "ClientError" }],
    ["a timeout", [never], { timeout: "1 second" }, "Timeout in 1000 ms", { outcome: "Timeout" }],
    [
      "an error of the scheme",
      [ok],
      { auth: { ...Auth.none, sign: () => Effect.fail(canary) } },
      "Error in 0 ms (0 requests)",
      { outcome: "Error" }
    ]
  ])("logs %s at Warning", ([, script, options, text, annotations]) =>
    Effect.gen(function* () {
      const client = yield* api(script, options)
      const entries = yield* logged(client.api.get("/x"), {}, LogLevel.Debug)
      expect(linesOf(entries)).toEqual([`WARN GET https://api.test/v1/x ${text}`])
      expect(entries[0]?.annotations).toMatchObject(annotations)
    })
  )

  it.effect("logs an error status of `httpClient` at Warning, where it is no error", () =>
    Effect.gen(function* () {
      const client = yield* api([respond(404)])
      const entries = yield* logged(client.api.httpClient.get("/x"), {}, LogLevel.Debug)
      expect(linesOf(entries)).toEqual(["WARN GET https://api.test/v1/x 404 in 0 ms"])
    })
  )

  it.effect("logs an interrupted call at Debug", () =>
    Effect.gen(function* () {
      const client = yield* api([never])
      const interrupted = client.api.get("/x").pipe(Effect.timeout("1 second"))
      expect(linesOf(yield* logged(interrupted, {}, LogLevel.Debug))).toEqual([
        "DEBUG GET https://api.test/v1/x Interrupted in 1000 ms"
      ])
    })
  )

  it.effect("uses the levels of the options, and leaves out those with None", () =>
    Effect.gen(function* () {
      const levels = { success: "Info", failure: LogLevel.Error, event: "None" } as const
      const client = yield* api([ok, respond(404)])
      const calls = Effect.zipRight(client.api.get("/a"), client.api.get("/b"))
      expect((yield* logged(calls, levels)).map(({ level }) => level)).toEqual(["INFO", "ERROR"])
    })
  )

  it.effect("annotates the chosen header fields of responses, also of errors, and no others", () =>
    Effect.gen(function* () {
      const headers = { "x-request-id": "r-1", "x-other": "o", "x-api-key": canary }
      const client = yield* api([respond(200, {}, headers), respond(404, {}, headers)])
      const calls = Effect.zipRight(client.api.get("/a"), client.api.get("/b"))
      const entries = yield* logged(calls, { headers: ["X-Request-Id", "x-api-key", "x-none"] }, LogLevel.Debug)
      for (const { annotations } of entries) {
        expect(Object.entries(annotations).filter(([name]) => name.startsWith("response."))).toEqual([
          ["response.x-request-id", "r-1"],
          ["response.x-api-key", "<redacted>"]
        ])
      }
      expect(entries).toHaveLength(2)
    })
  )

  it.effect("logs the calls of all clients, each with its API", () =>
    Effect.gen(function* () {
      const one = yield* api([ok])
      const two = yield* api([ok], { baseUrl: "https://two.test" })
      const entries = yield* logged(Effect.zipRight(one.api.get("/a"), two.api.get("/b")), {}, LogLevel.Debug)
      expect(entries.map(({ annotations }) => annotations["api"])).toEqual(["https://api.test", "https://two.test"])
    })
  )

  it.effect("shows no secret, wherever it is in a request or a response", () =>
    Effect.gen(function* () {
      const auth: Auth.Service = {
        ...Auth.none,
        sign: (request) =>
          Effect.succeed({
            request: HttpClientRequest.bearerToken(HttpClientRequest.setHeader(request, "x-sig", canary), canary),
            credential: 1
          }),
        onRejected: () => Effect.succeed(true)
      }
      const echo = { "x-request-id": canary, "set-cookie": `s=${canary}`, "x-custom": `got ${canary}` }
      const body = { message: canary, error: canary, detail: canary }
      const client = yield* api(
        [
          respond(401, body, { ...echo, "www-authenticate": `Bearer realm="${canary}"` }),
          respond(302, body, { ...echo, location: `/v1/y/${canary}?code=${canary}#${canary}` }),
          respond(503, body, { ...echo, "retry-after": "1" }),
          respond(422, body, echo)
        ],
        { auth, query: { key: canary } }
      )
      const call = client.api.post("/x", {
        json: { password: canary },
        query: { token: canary, page: canary },
        headers: { "x-own-token": canary, "idempotency-key": "k" }
      })
      const options = { headers: ["x-request-id", "set-cookie", "x-custom", "location", "www-authenticate"] }
      const entries = yield* logged(withJitter(1)(call), options)
      expect(entries.length).toBeGreaterThan(4)
      expect(entries.at(-1)?.text).toContain("ClientError 422")
      for (const { whole } of entries) expect(whole).not.toContain("canary")
    })
  )

  it.effect("shows the query values that showQuery names, in the line of a call", () =>
    Effect.gen(function* () {
      const client = yield* api(() => ok)
      const call = client.api.get("/x?q=a+b&token=canary&page=2")
      const shown = yield* logged(call, { showQuery: ["q"] }, LogLevel.Debug)
      expect(linesOf(shown)).toEqual([
        "DEBUG GET https://api.test/v1/x?q=a+b&token=<redacted>&page=<redacted> 200 in 0 ms"
      ])
      const plain = yield* logged(call, {}, LogLevel.Debug)
      expect(linesOf(plain)).toEqual([
        "DEBUG GET https://api.test/v1/x?q=<redacted>&token=<redacted>&page=2 200 in 0 ms"
      ])
    })
  )

  it.effect("shows the parameters of the option query like those of the URL, in lines and in errors", () =>
    Effect.gen(function* () {
      const client = yield* api(() => respond(404))
      const call = client.api.get("/x?a=1", { query: { page: 2, token: "canary" } })
      const shown = "GET https://api.test/v1/x?a=<redacted>&page=2&token=<redacted>"
      expect(linesOf(yield* logged(Effect.ignore(call), {}, LogLevel.Debug))).toEqual([
        `WARN ${shown} ClientError 404 in 0 ms`
      ])
      const bare = client.api.get("/x", { query: { page: 2, token: "canary" } })
      expect((yield* Effect.flip(bare)).message).toContain(
        "GET https://api.test/v1/x?page=2&token=<redacted> answered 404"
      )
    })
  )

  it.effect("keeps the log annotations of the caller", () =>
    Effect.gen(function* () {
      const client = yield* api([ok])
      const call = client.api.get("/x").pipe(Effect.annotateLogs("tenant", "t-1"))
      const [entry] = yield* logged(call, {}, LogLevel.Debug)
      expect(entry?.annotations).toMatchObject({ tenant: "t-1", status: 200 })
    })
  )
})
