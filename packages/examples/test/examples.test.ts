/** Runs every example and compares its output with the documents, below `<!-- output: file.ts -->`. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Timeout from "@countersign/client/Timeout"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import { format } from "node:util"
import { afterEach, describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { existsSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as CallFlow from "../src/call-flow.js"
import * as ClientCredentials from "../src/client-credentials.js"
import * as Report from "../src/demo/Report.js"
import * as Scenario from "../src/demo/Scenario.js"
import { retryBackoff } from "../src/demo/scenarios/retryBackoff.js"
import { tokenRefreshed } from "../src/demo/scenarios/tokenRefreshed.js"
import * as Target from "../src/demo/Target.js"
import * as Downloads from "../src/downloads.js"
import * as Errors from "../src/errors.js"
import * as HttpApiClient from "../src/http-api-client.js"
import * as CustomPipeline from "../src/custom-pipeline.js"
import * as CustomPolicy from "../src/custom-policy.js"
import * as CustomAuthScheme from "../src/custom-auth-scheme.js"
import * as Promises from "../src/promises.js"
import * as Logging from "../src/logging.js"
import * as Proxy from "../src/proxy.js"
import * as Retry from "../src/retry.js"
import * as Session from "../src/session.js"
import * as SharedAccount from "../src/shared-account.js"
import * as Testing from "../src/testing.js"
import { config, expectShown, printed, root, shown } from "./support/shownOutput.js"

const sent = Effect.flatMap(MockClient.MockClient, (mock) => mock.sent)

it("names an existing program in each output marker", () => {
  for (const { program, where } of shown) {
    // A part of the output is named after the file: `streams.ts#events`.
    const [file = ""] = program.split("#")
    expect(existsSync(join(root, "packages/examples/src", file)), where).toBe(true)
  }
})

describe("the first programs", () => {
  afterEach(() => {
    vi.doUnmock("@countersign/node/NodeTransport")
    vi.doUnmock("@effect/platform/FetchHttpClient")
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  /** An embedded httpbin instead of the public one. */
  const embedded = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) =>
      HttpClient.mapRequest(client, (request) =>
        HttpClientRequest.setUrl(request, request.url.replace("https://httpbin.org", "http://httpbin.test"))
      )
    )
  ).pipe(Layer.provide(HttpBin.layerMemory))

  it.each([
    ["first-call.ts", () => import("../src/first-call.js")],
    ["readme-client.ts", () => import("../src/readme-client.js")],
    ["readme-protocol.ts", () => import("../src/readme-protocol.js")]
  ])("print the output in the documents: %s", async (name, load) => {
    vi.doMock("@countersign/node/NodeTransport", () => ({ layer: embedded }))
    vi.doMock("@effect/platform/FetchHttpClient", () => ({ layer: embedded }))
    vi.stubEnv("API_TOKEN", "anything")
    const log = vi.spyOn(console, "log").mockReturnValue()
    await load()

    expectShown(name, log.mock.calls.map((values) => format(...values)).join("\n"))
  })
})

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "countersign-examples-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

describe("client-credentials.ts", () => {
  it.scoped("acquires one token for two runs, in a file that only its owner can read", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "tokens.json")
      const run = ClientCredentials.program.pipe(
        Effect.provide(Layer.fresh(ClientCredentials.ApiLive)),
        config({ ISSUER: "https://oauth.test", CLIENT_ID: "client", CLIENT_SECRET: "secret", TOKEN_FILE: path })
      )
      for (const response of [yield* run, yield* run]) {
        expect(yield* response.json).toEqual({ ok: true, client_id: "client", scope: "read" })
      }
      const { tokenCalls } = yield* OAuthServer.OAuthServer
      expect(yield* tokenCalls).toBe(1)
      const { mode } = yield* Effect.promise(() => stat(path))
      expect((mode & 0o777).toString(8)).toBe("600")
    }).pipe(Effect.provide(OAuthServer.layerMemory({ scopes: ["read"] })))
  )
})

it("needs fewer than 25 lines for client credentials", () => {
  const program = readFileSync(join(root, "packages/examples/src/client-credentials.ts"), "utf8")
  expect(program.trimEnd().split("\n").length).toBeLessThan(25)
})

describe("shared-account.ts", () => {
  /** Stores the tokens of a sign-in: the access token has expired, the refresh token is valid. */
  const signIn = Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    const store = yield* TokenStore.TokenStore
    const { access_token: text, refresh_token: refresh = "" } = yield* server.issueTokens({ clientId: "client" })
    const token = Token.bearer(Redacted.make(text), 0, 0)
    const clientSecret = Redacted.make("secret")
    const key = RefreshToken.keyOf({ issuer: server.issuer, clientId: "client", clientSecret, account: "alice" })
    yield* store.compareAndSet(key, 0, { ...token, refreshToken: Redacted.make(refresh) })
    return [text, refresh]
  })

  it.scoped("refreshes once for a hundred requests, and the next process uses the stored token", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "tokens.json")
      const environment = config({
        CLIENT_SECRET: "secret",
        TOKEN_FILE: path,
        TOKEN_KEY: Buffer.alloc(32, 7).toString("base64")
      })
      const process = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        effect.pipe(Effect.provide(Layer.fresh(SharedAccount.ApiLive)), environment)
      const secrets = yield* process(signIn)
      const outputs = [yield* printed(process(SharedAccount.program)), yield* printed(process(SharedAccount.program))]
      expect(outputs[1]).toBe("LoadedFromStore\n100 requests")
      expectShown("shared-account.ts", outputs[0] ?? "")
      const { refreshCalls, revokedFamilies } = yield* OAuthServer.OAuthServer
      expect([yield* refreshCalls, yield* revokedFamilies]).toEqual([1, 0])
      for (const secret of secrets) expect(readFileSync(path, "utf8")).not.toContain(secret)
    }).pipe(Effect.provide(OAuthServer.layerMemory()))
  )
})

describe("errors.ts", () => {
  const script = [
    MockClient.respond(200, { id: 1 }),
    MockClient.respond(401, undefined, { "www-authenticate": 'Bearer realm="orders"' }),
    MockClient.respond(403, undefined, {
      "www-authenticate": 'Bearer error="insufficient_scope", scope="orders:read"'
    }),
    ...[500, 502, 503].map((status) => MockClient.respond(status, { message: "Maintenance until noon" })),
    MockClient.respond(404, { detail: "Order 5 was deleted." }, { "content-type": "application/problem+json" }),
    ...[1, 2, 3].map(() => MockClient.fail("ENOTFOUND")),
    MockClient.respond(200, { id: "seven" }),
    // The last one, because its 429 throttles the calls after it.
    MockClient.respond(429, undefined, { "retry-after": "120" })
  ]

  // The first test, because the 429 of the other one throttles the calls after it.
  it.live("catches errors by group, and leaves the others", () =>
    Effect.gen(function* () {
      const states = yield* Effect.forEach([1, 2, 3, 4], (id) => Effect.either(Errors.state(id)))
      expect(states).toMatchObject([
        { right: "ready" },
        { right: "sign in again" },
        { left: { _tag: "ClientError" } },
        { right: "try again later" }
      ])
    }).pipe(
      Effect.provide(Errors.ApiLive),
      Effect.provide(MockClient.layer([200, 401, 404, 501].map((status) => MockClient.respond(status))))
    )
  )

  it.live("prints one line for each error, by its `_tag`", () =>
    Effect.gen(function* () {
      expectShown("errors.ts", yield* printed(Errors.program))
      expect((yield* sent).length).toBe(script.length)
    }).pipe(Effect.provide(Errors.ApiLive), Effect.provide(MockClient.layer(script)))
  )
})

describe("testing.ts", () => {
  it.effect("runs without waiting", () =>
    Effect.map(printed(Testing.program), (output) => expectShown("testing.ts", output))
  )
})

describe("http-api-client.ts", () => {
  it.effect("decodes declared responses, and fails with typed errors for undeclared ones", () =>
    printed(HttpApiClient.program).pipe(
      Effect.map((output) => expectShown("http-api-client.ts", output)),
      Effect.provide(HttpApiClient.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )

  it.effect("sends the requests of an SDK through the pipeline", () =>
    printed(HttpApiClient.sdk).pipe(
      Effect.map((output) => expect(output).toBe("{ authenticated: true, token: 'a-token' }")),
      Effect.provide(HttpApiClient.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("promises.ts", () => {
  afterEach(() => vi.restoreAllMocks())

  /** The lines that a program prints to the console. */
  const logged = async (program: (api: Promises.PromiseApi) => Promise<void>) => {
    const lines: Array<string> = []
    vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)))
    const api = Promises.makeApi(HttpBin.layerMemory)
    await program(api).finally(() => api.close())
    return lines.join("\n")
  }

  it("prints bodies, statuses and errors", async () => {
    expectShown("promises.ts", await logged(Promises.calls))
  })

  it("ends a loop at a break", async () => {
    expect(await logged(Promises.loop)).toBe("200\n201\n202")
  })
})

describe("custom-policy.ts", () => {
  it.effect("numbers every HTTP request, retries included", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(CustomPolicy.program)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      const numbers = (yield* sent).map(({ headers, url }) => `${url} ${headers["x-send"]}`)
      expect(numbers).toEqual([
        "https://api.example.com/a 1",
        "https://api.example.com/a 2",
        "https://api.example.com/b 3"
      ])
    }).pipe(
      Effect.provide(CustomPolicy.ApiLive),
      Effect.provide(MockClient.layer([503, 200, 200].map((status) => MockClient.respond(status))))
    )
  )
})

describe("custom-pipeline.ts", () => {
  it.effect("runs a call through the custom pipeline", () =>
    printed(CustomPipeline.program).pipe(
      Effect.map((output) => expectShown("custom-pipeline.ts", output)),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("custom-auth-scheme.ts", () => {
  const challenge = MockClient.respond(401, undefined, { "www-authenticate": 'Ticket id="7"' })

  const credentials = (script: MockClient.Script) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(CustomAuthScheme.program)
      return { exit: exit._tag, sent: (yield* sent).map(({ headers }) => headers["authorization"]) }
    }).pipe(Effect.provide(CustomAuthScheme.ApiLive), Effect.provide(MockClient.layer(script)))

  it.effect("replays once after the challenge, and sends the ticket with the next call", () =>
    Effect.map(credentials([challenge, MockClient.respond(200), MockClient.respond(200)]), (outcome) =>
      expect(outcome).toEqual({ exit: "Success", sent: ["Ticket none:my-key", "Ticket 7:my-key", "Ticket 7:my-key"] })
    )
  )

  it.effect("fails if the new ticket is rejected, too", () =>
    Effect.map(credentials([challenge, challenge]), (outcome) =>
      expect(outcome).toEqual({ exit: "Failure", sent: ["Ticket none:my-key", "Ticket 7:my-key"] })
    )
  )
})

describe("retry.ts", () => {
  it.effect("waits one second before each retry, and records it in the timeline", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(printed(Retry.program))
      yield* TestClock.adjust("3 seconds")
      expectShown("retry.ts", yield* Fiber.join(fiber))
    }).pipe(
      Effect.provide(
        MockClient.layer([MockClient.respond(503), MockClient.fail("ECONNRESET"), MockClient.respond(200)])
      )
    )
  )

  it.effect("does not retry a 500, or a 503 with a `retry-after` of six seconds", () =>
    Effect.gen(function* () {
      const api = yield* Retry.Strict
      const tags = [yield* Effect.flip(api.get("/a")), yield* Effect.flip(api.get("/b"))].map(({ _tag }) => _tag)
      expect(tags).toEqual(["Unavailable", "RateLimited"])
      expect((yield* sent).length).toBe(2)
    }).pipe(
      Effect.provide(MockClient.layer([MockClient.respond(500), MockClient.respond(503, "", { "retry-after": "6" })]))
    )
  )

  it.effect("sends at most six requests, and none after ten seconds", () =>
    Effect.gen(function* () {
      const api = yield* Retry.Patient
      const fiber = yield* Effect.fork(Effect.flip(api.get("/a")))
      yield* TestClock.adjust("1 minute")
      expect((yield* Fiber.join(fiber))._tag).toBe("Unavailable")
      expect((yield* sent).length).toBe(6)
    }).pipe(Effect.provide(MockClient.layer(() => MockClient.respond(503))))
  )
})

describe("logging.ts", () => {
  const script = [
    MockClient.respond(503),
    MockClient.respond(200, [], { "x-request-id": "r-1" }),
    MockClient.respond(404, {}, { "x-request-id": "r-2" })
  ]
  const live = Layer.provideMerge(Logging.OrdersLive, MockClient.layer(script))
  const fixedJitter = Effect.withRandom(Random.fixed([1]))

  it.effect("logs each call with the chosen header fields", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      let first: unknown
      const logger = Logger.make<unknown, void>(({ annotations, logLevel, message }) => {
        const { callId, ...rest } = Object.fromEntries(HashMap.toEntries(annotations))
        // Effect logs the errors of fibers.
        if (callId === undefined) return
        first ??= callId
        const fields = Object.entries({ ...rest, callId: Number(callId) - Number(first) + 1 }).sort()
        lines.push(`${logLevel.label.padEnd(5)} ${String(message)}`)
        lines.push(`      ${fields.map(([name, value]) => `${name}=${String(value)}`).join(" ")}`)
      })
      const fiber = yield* Effect.fork(
        Logging.program.pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)), fixedJitter)
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      expectShown("logging.ts", lines.join("\n"))
    }).pipe(Effect.provide(live))
  )

  it.effect("collects the waits of all clients", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Logging.program.pipe(Effect.provide(Logging.WaitsLive), fixedJitter))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      expect(Logging.waits).toEqual(["https://orders.example.com ░ wait 50 ms (503)"])
    }).pipe(Effect.provide(live))
  )

  it.effect("names the span of an order by its path template", () =>
    Effect.gen(function* () {
      const names: Array<string> = []
      const native = yield* Effect.tracer
      const tracer = Tracer.make({
        span: (name, ...rest) => {
          names.push(name)
          return native.span(name, ...rest)
        },
        context: (f) => f()
      })
      yield* Logging.order("42").pipe(Effect.withTracer(tracer))
      expect(names).toEqual(["GET /orders/{id}"])
    }).pipe(Effect.provide(Logging.OrdersLive), Effect.provide(MockClient.layer([MockClient.respond(200, {})])))
  )
})

describe("call-flow.ts", () => {
  const script = [
    MockClient.respond(307, undefined, { location: "/v2/orders/42" }),
    MockClient.respond(503),
    MockClient.respond(401),
    MockClient.respond(200, { id: 42 })
  ]

  it.effect("follows a redirect, retries a 503, replays a 401, and sends the time left with each request", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(printed(CallFlow.program))
      yield* TestClock.adjust("1 second")
      expectShown("call-flow.ts", yield* Fiber.join(fiber))
      expect((yield* sent).map(({ headers }) => headers["x-time-left"])).toEqual(["30000", "30000", "30000", "30000"])
    }).pipe(Effect.provide(CallFlow.ApiLive), Effect.provide(MockClient.layer(script)))
  )

  it.effect("ends the wait of a policy at the deadline of the call", () =>
    Effect.gen(function* () {
      const transport = yield* HttpClient.HttpClient
      const client = Timeout.call("1 second")(CallFlow.afterStart(Effect.never)(transport))
      const fiber = yield* Effect.fork(Effect.flip(client.execute(HttpClientRequest.get("https://api.example.com/"))))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect(yield* sent).toEqual([])
    }).pipe(Effect.provide(MockClient.layer([])))
  )
})

describe("session.ts", () => {
  it.effect("sends the cookie of a redirect with the next call", () =>
    printed(Session.program).pipe(
      Effect.map((output) => expectShown("session.ts", output)),
      Effect.provide(Session.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("downloads.ts", () => {
  it.effect("streams the whole body", () =>
    printed(Downloads.program).pipe(
      Effect.map((output) => expectShown("downloads.ts", output)),
      Effect.provide(Downloads.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

/** A proxy that rejects the credentials of each CONNECT. Returns its port. */
const rejectingProxy = Effect.acquireRelease(
  Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer()
    server.on("connect", (_, socket) => void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"))
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ port, close: () => void server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

describe("proxy.ts", () => {
  it.scopedLive("prints the error of a call if the proxy rejects its credentials", () =>
    Effect.gen(function* () {
      const { port } = yield* rejectingProxy
      const environment = config({ APP_PROXY: `http://user:wrong@127.0.0.1:${port}` })
      expectShown("proxy.ts", yield* printed(Proxy.program).pipe(environment))
    })
  )
})

describe("the demo", () => {
  /** Replaces times, random values and ports, which differ between runs. The order of events is stable. */
  const shape = (text: string) =>
    text
      .trim()
      .replace(/░+/g, "░")
      .replace(/ *\d+/g, " 0")
      .replace(/\[[^\]]*\]/g, "[]")

  it.live.each([tokenRefreshed, retryBackoff])("prints $name as documented", (scenario) =>
    Effect.gen(function* () {
      const result = yield* Scenario.run(scenario)
      // Without the last line, which has the observed values as JSON.
      const lines = Report.scenarioText(result).trimEnd().split("\n").slice(0, -1)
      expectShown(
        `demo/scenarios/${scenario === tokenRefreshed ? "tokenRefreshed" : "retryBackoff"}.ts`,
        lines.join("\n"),
        shape
      )
    }).pipe(Effect.provide(Layer.merge(Target.layer(undefined), NodeTransport.layer)))
  )
})
