/** Every example runs, and the documents show what it prints: `<!-- output: file.ts -->` stands above such a fence. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import { afterEach, describe, expect, it, vi } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { format } from "node:util"
import { parse } from "../../../.config/docs/markdown.js"
import * as ClientCredentials from "../src/client-credentials.js"
import * as Report from "../src/demo/Report.js"
import * as Scenario from "../src/demo/Scenario.js"
import { retryBackoff } from "../src/demo/scenarios/retryBackoff.js"
import { tokenRefreshed } from "../src/demo/scenarios/tokenRefreshed.js"
import * as Target from "../src/demo/Target.js"
import * as Downloads from "../src/downloads.js"
import * as Errors from "../src/errors.js"
import * as HttpApiClient from "../src/http-api-client.js"
import * as OwnOrder from "../src/own-order.js"
import * as OwnPolicy from "../src/own-policy.js"
import * as OwnScheme from "../src/own-scheme.js"
import * as Proxy from "../src/proxy.js"
import * as Retry from "../src/retry.js"
import * as Session from "../src/session.js"
import * as SharedAccount from "../src/shared-account.js"
import * as Testing from "../src/testing.js"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const marker = /^<!--\s*output:\s*(\S+)\s*-->$/

const documents = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).flatMap((file) =>
    file.endsWith(".md") ? [join("docs", file)] : []
  )
]

/** What the documents say that a program prints, and where they say it. */
const shown = documents.flatMap((file) =>
  parse(readFileSync(join(root, file), "utf8")).fences.flatMap(({ above, line, lines }) => {
    const program = marker.exec(above)?.[1]
    return program === undefined ? [] : [{ program, where: `${file}:${line}`, output: lines.join("\n") }]
  })
)

/** Holds what a program printed against the documents; at least one of them has to show it. */
const expectShown = (program: string, output: string, seen: (text: string) => string = (text) => text) => {
  const places = shown.filter((one) => one.program === program)
  expect(places.length, `a document with <!-- output: ${program} -->`).toBeGreaterThan(0)
  for (const place of places) expect(seen(place.output), place.where).toBe(seen(output))
}

/** What an effect writes to the console, as Node writes it. */
const printed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, E, R> =>
  Effect.consoleWith((current) => {
    const lines: Array<string> = []
    const log = (...args: ReadonlyArray<unknown>) => Effect.sync(() => void lines.push(format(...args)))
    const recorded = Console.withConsole(effect, { ...current, log, error: log })
    return Effect.map(recorded, () => lines.join("\n"))
  })

const config = (entries: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries))))

const sent = Effect.flatMap(MockClient.MockClient, (mock) => mock.sent)

it("every marker names a program that is there", () => {
  for (const { program, where } of shown)
    expect(existsSync(join(root, "packages/examples/src", program)), where).toBe(true)
})

describe("first-call.ts", () => {
  afterEach(() => {
    vi.doUnmock("@effect/platform-node/NodeRuntime")
    vi.doUnmock("@countersign/node/NodeTransport")
  })

  it("prints what the README says, with an embedded httpbin in the place of the public one", async () => {
    const programs: Array<Effect.Effect<unknown, unknown>> = []
    const embedded = Layer.effect(
      HttpClient.HttpClient,
      Effect.map(HttpClient.HttpClient, (client) =>
        HttpClient.mapRequest(client, (request) =>
          HttpClientRequest.setUrl(request, request.url.replace("https://httpbin.org", "http://httpbin.test"))
        )
      )
    )
    vi.doMock("@countersign/node/NodeTransport", () => ({ layer: Layer.provide(embedded, HttpBin.layerMemory) }))
    vi.doMock("@effect/platform-node/NodeRuntime", () => ({
      runMain: (program: Effect.Effect<unknown, unknown>) => programs.push(program)
    }))
    await import("../src/first-call.js")

    expect(programs).toHaveLength(1)
    const output = await Effect.runPromise(config({ API_TOKEN: "anything" })(printed(programs[0]!)))
    expectShown("first-call.ts", output)
  })
})

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "countersign-examples-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

describe("client-credentials.ts", () => {
  it.scoped("two runs get one token between them, in a file that is its owner's alone", () =>
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

it("the smallest client of a service has fewer than 25 lines", () => {
  const program = readFileSync(join(root, "packages/examples/src/client-credentials.ts"), "utf8")
  expect(program.trimEnd().split("\n").length).toBeLessThan(25)
})

describe("shared-account.ts", () => {
  /** Stores what a login would: here, tokens of which only the refresh token is still good. */
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

  it.scoped("the first process refreshes, once for a hundred requests; the next takes over what it has stored", () =>
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
      expect(outputs[1]).toBe("Adopted\n100 requests")
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
    ...[500, 502, 503].map((status) => MockClient.respond(status)),
    MockClient.respond(404, { detail: "Order 5 was deleted." }, { "content-type": "application/problem+json" }),
    ...[1, 2, 3].map(() => MockClient.fail("ENOTFOUND")),
    MockClient.respond(200, { id: "seven" }),
    // The last: it holds whatever comes after it.
    MockClient.respond(429, undefined, { "retry-after": "120" })
  ]

  it.live("each error is told by its decision", () =>
    Effect.gen(function* () {
      expectShown("errors.ts", yield* printed(Errors.program))
      expect((yield* sent).length).toBe(script.length)
    }).pipe(Effect.provide(Errors.ApiLive), Effect.provide(MockClient.layer(script)))
  )
})

describe("testing.ts", () => {
  it.effect("waits for no second", () =>
    Effect.map(printed(Testing.program), (output) => expectShown("testing.ts", output))
  )
})

describe("http-api-client.ts", () => {
  it.effect("goes through the pipeline", () =>
    printed(HttpApiClient.program).pipe(
      Effect.map((output) => expectShown("http-api-client.ts", output)),
      Effect.provide(HttpApiClient.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("own-policy.ts", () => {
  it.effect("numbers every send, the retry's as well", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(OwnPolicy.program)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      const numbers = (yield* sent).map(({ headers, url }) => `${url} ${headers["x-send"]}`)
      expect(numbers).toEqual([
        "https://api.example.com/a 1",
        "https://api.example.com/a 2",
        "https://api.example.com/b 3"
      ])
    }).pipe(
      Effect.provide(OwnPolicy.ApiLive),
      Effect.provide(MockClient.layer([503, 200, 200].map((status) => MockClient.respond(status))))
    )
  )
})

describe("own-order.ts", () => {
  it.effect("is a pipeline with a verb", () =>
    printed(OwnOrder.program).pipe(
      Effect.map((output) => expectShown("own-order.ts", output)),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("own-scheme.ts", () => {
  const challenge = MockClient.respond(401, undefined, { "www-authenticate": 'Ticket id="7"' })

  const credentials = (script: MockClient.Script) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(OwnScheme.program)
      return { exit: exit._tag, sent: (yield* sent).map(({ headers }) => headers["authorization"]) }
    }).pipe(Effect.provide(OwnScheme.ApiLive), Effect.provide(MockClient.layer(script)))

  it.effect("answers the challenge once, and keeps the ticket for the next call", () =>
    Effect.map(credentials([challenge, MockClient.respond(200), MockClient.respond(200)]), (outcome) =>
      expect(outcome).toEqual({ exit: "Success", sent: ["Ticket none:my-key", "Ticket 7:my-key", "Ticket 7:my-key"] })
    )
  )

  it.effect("gives up when the ticket is refused too", () =>
    Effect.map(credentials([challenge, challenge]), (outcome) =>
      expect(outcome).toEqual({ exit: "Failure", sent: ["Ticket none:my-key", "Ticket 7:my-key"] })
    )
  )
})

describe("retry.ts", () => {
  it.effect("the strict schedule waits a second each time, and its timeline says so", () =>
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

  it.effect("the strict schedule leaves a 500 alone, and a wait of six seconds", () =>
    Effect.gen(function* () {
      const api = yield* Retry.Strict
      const tags = [yield* Effect.flip(api.get("/a")), yield* Effect.flip(api.get("/b"))].map(({ _tag }) => _tag)
      expect(tags).toEqual(["Unavailable", "RateLimited"])
      expect((yield* sent).length).toBe(2)
    }).pipe(
      Effect.provide(MockClient.layer([MockClient.respond(500), MockClient.respond(503, "", { "retry-after": "6" })]))
    )
  )

  it.effect("the patient schedule makes six sends at most, and none after ten seconds", () =>
    Effect.gen(function* () {
      const api = yield* Retry.Patient
      const fiber = yield* Effect.fork(Effect.flip(api.get("/a")))
      yield* TestClock.adjust("1 minute")
      expect((yield* Fiber.join(fiber))._tag).toBe("Unavailable")
      expect((yield* sent).length).toBe(6)
    }).pipe(Effect.provide(MockClient.layer(() => MockClient.respond(503))))
  )
})

describe("session.ts", () => {
  it.effect("a cookie of a redirect comes back with the next call", () =>
    printed(Session.program).pipe(
      Effect.map((output) => expectShown("session.ts", output)),
      Effect.provide(Session.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("downloads.ts", () => {
  it.effect("streams to its end", () =>
    printed(Downloads.program).pipe(
      Effect.map((output) => expectShown("downloads.ts", output)),
      Effect.provide(Downloads.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

/** A proxy that rejects the credentials of each CONNECT; gives its port. */
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
  it.scopedLive("prints what a call fails with when the proxy rejects its credentials", () =>
    Effect.gen(function* () {
      const { port } = yield* rejectingProxy
      const environment = config({ APP_PROXY: `http://user:wrong@127.0.0.1:${port}` })
      expectShown("proxy.ts", yield* printed(Proxy.program).pipe(environment))
    })
  )
})

describe("the demo", () => {
  /** Times, chance and ports differ from run to run; what happens, and in which order, does not. */
  const shape = (text: string) =>
    text
      .trim()
      .replace(/░+/g, "░")
      .replace(/ *\d+/g, " 0")
      .replace(/\[[^\]]*\]/g, "[]")

  it.live.each([tokenRefreshed, retryBackoff])("shows $name as the documents do", (scenario) =>
    Effect.gen(function* () {
      const result = yield* Scenario.run(scenario)
      // The last line is for programs: the documents show what is for people.
      const lines = Report.scenarioText(result).trimEnd().split("\n").slice(0, -1)
      expectShown(
        `demo/scenarios/${scenario === tokenRefreshed ? "tokenRefreshed" : "retryBackoff"}.ts`,
        lines.join("\n"),
        shape
      )
    }).pipe(Effect.provide(Layer.merge(Target.layer(undefined), NodeTransport.layer)))
  )
})
