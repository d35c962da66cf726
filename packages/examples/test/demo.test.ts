/** The demo: its results, its failures and its command line. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { build } from "esbuild"
import { createServer } from "node:http"
import * as Report from "../src/demo/Report.js"
import * as Scenario from "../src/demo/Scenario.js"
import { scenarios } from "../src/demo/scenarios.js"
import * as Target from "../src/demo/Target.js"

const names = [
  "unauthenticated",
  "inspect-challenge",
  "basic-auth",
  "wrong-credentials",
  "fallback-credentials",
  "digest-auth",
  "token-stored",
  "token-refreshed",
  "retry-backoff",
  "session",
  "custom-signature",
  "rate-limited",
  "complete-client",
  "beyond",
  "stream-resumed",
  "paginated",
  "download-resumed"
]

const runAll = (chosen: ReadonlyArray<Scenario.Scenario>) => Effect.forEach(chosen, Scenario.run)

const outcomes = (results: ReadonlyArray<Scenario.Result>) =>
  results.map(({ name, observed, ok }) => (ok ? `${name}: ok` : `${name}: ${JSON.stringify(observed)}`))

const named = (...wanted: ReadonlyArray<string>) => scenarios.filter(({ name }) => wanted.includes(name))

const embedded = (options: HttpBin.Options) =>
  Layer.effect(
    Target.Target,
    Effect.map(Effect.all([HttpBin.HttpBin, OAuthServer.OAuthServer]), ([httpBin, oauth]) => ({
      baseUrl: httpBin.baseUrl,
      isEmbedded: true,
      embedded: httpBin,
      oauth
    }))
  ).pipe(
    Layer.provide(HttpBin.layerWith(options).pipe(Layer.provide(NodeHttpServer.layer(createServer, { port: 0 })))),
    Layer.provide(OAuthServer.layer().pipe(Layer.provide(NodeHttpServer.layer(createServer, { port: 0 }))))
  )

// Concurrent, because the scenarios and processes wait most of the time.
describe.concurrent("The demo", () => {
  it.live("runs all scenarios in order, and all succeed", () =>
    Effect.gen(function* () {
      const results = yield* runAll(scenarios)
      expect(outcomes(results)).toEqual(names.map((name) => `${name}: ok`))
      const parsed: unknown = JSON.parse(Report.json("http://127.0.0.1", results))
      expect(parsed).toMatchObject({ passed: names.length, failed: 0, baseUrl: "http://127.0.0.1" })
    }).pipe(Effect.provide(Layer.merge(Target.layer(undefined), NodeTransport.layer)))
  )

  it.live("fails exactly the scenarios with a password if the server has another password", () =>
    Effect.gen(function* () {
      const results = yield* runAll(
        named("unauthenticated", "basic-auth", "wrong-credentials", "fallback-credentials", "session")
      )
      expect(results.map(({ name, ok }) => [name, ok])).toEqual([
        ["unauthenticated", true],
        ["basic-auth", false],
        ["wrong-credentials", true],
        ["fallback-credentials", false],
        ["session", false]
      ])
    }).pipe(Effect.provide(Layer.merge(embedded({ password: "another" }), NodeTransport.layer)))
  )

  it.live("counts the connections of one session while another session runs in the same process", () =>
    Effect.gen(function* () {
      const [session] = named("session")
      if (session === undefined) throw new Error("no scenario is named session")
      const results = yield* Effect.all([Scenario.run(session), Scenario.run(session)], { concurrency: 2 })
      expect(results.map(({ observed, ok }) => [ok, observed["connections"]])).toEqual([
        [true, 1],
        [true, 1]
      ])
    }).pipe(Effect.provide(Layer.merge(Target.layer(undefined), NodeTransport.layer)))
  )

  it.live("fails the last scenario if the server has no API keys and no refresh token rotation", () =>
    Effect.gen(function* () {
      const results = yield* runAll(named("beyond"))
      expect(results.map(({ ok }) => ok)).toEqual([false])
    }).pipe(Effect.provide(Layer.merge(embedded({ apiKeys: [] }), NodeTransport.layer)))
  )

  it.live("prints requests and waits, and no secret of the demo", () =>
    Effect.gen(function* () {
      const results = yield* runAll(named("basic-auth", "retry-backoff"))
      const text = results.map(Report.scenarioText).join("\n")
      expect(text).toContain("✓ basic-auth")
      expect(text).toMatch(/→ GET \/status\/503 {2}← 503/)
      expect(text).toMatch(/░+ wait \d+ ms \(503\)/)
      expect(text).not.toContain("Redacted.make")
      expect(text).not.toContain(Buffer.from("user:pass").toString("base64"))
    }).pipe(Effect.provide(Layer.merge(Target.layer(undefined), NodeTransport.layer)))
  )

  const httpbin = process.env["COUNTERSIGN_HTTPBIN"]
  it.live.skipIf(httpbin === undefined)("succeeds against a real httpbin", () =>
    Effect.gen(function* () {
      const results = yield* runAll(scenarios)
      expect(outcomes(results)).toEqual(names.map((name) => `${name}: ok`))
    }).pipe(Effect.provide(Layer.merge(Target.layer(httpbin), NodeTransport.layer)))
  )
})

describe.concurrent("The demo's command line", () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url))
  const room = mkdtempSync(join(tmpdir(), "countersign-demo-"))
  const program = join(room, "demo.cjs")
  // One file starts in a fifth of the time of the modules with a TypeScript loader.
  beforeAll(() =>
    build({
      entryPoints: [join(root, "packages/examples/src/demo/main.ts")],
      outfile: program,
      bundle: true,
      platform: "node",
      target: "node20",
      logLevel: "error"
    })
  )
  afterAll(() => rmSync(room, { recursive: true }))

  /** Runs the demo in a separate process and collects its output. */
  const demo = (...args: ReadonlyArray<string>) =>
    Effect.async<{ readonly status: number | null; readonly out: string; readonly err: string }>((resume) => {
      const child = spawn(process.execPath, [program, ...args], { cwd: root })
      let out = ""
      let err = ""
      child.stdout.on("data", (data: Buffer) => (out += data.toString()))
      child.stderr.on("data", (data: Buffer) => (err += data.toString()))
      child.on("close", (status) => resume(Effect.succeed({ status, out, err })))
    })

  it.live("rejects a base URL with a password, without stack trace and without the password", () =>
    Effect.gen(function* () {
      const { err, out, status } = yield* demo("--base-url", "http://user:hunter2@127.0.0.1/")
      expect(status).toBe(1)
      expect(out).toBe("")
      expect(err).toContain("user name or a password")
      expect(err).not.toMatch(/^\s+at /m)
      expect(err).not.toContain("hunter2")
    })
  )

  it.live("prints the usage for an unknown option", () =>
    Effect.gen(function* () {
      const { err, status } = yield* demo("--bogus")
      expect(status).toBe(1)
      expect(err).toContain("Usage:")
      expect(err).not.toMatch(/^\s+at /m)
    })
  )

  const Result = Schema.parseJson(
    Schema.Struct({
      passed: Schema.Number,
      failed: Schema.Number,
      scenarios: Schema.Array(Schema.Struct({ name: Schema.String, ok: Schema.Boolean, observed: Schema.Object }))
    })
  )

  it.live("fails every scenario that needs the port, each with a reason, if the port is closed", () =>
    Effect.gen(function* () {
      const { err, out, status } = yield* demo("--json", "--base-url", "http://127.0.0.1:1")
      expect(status).toBe(1)
      const { failed, scenarios: shown } = yield* Schema.decodeUnknown(Result)(out)
      expect(shown.map(({ name }) => name)).toEqual(names)
      expect(failed).toBe(13)
      expect(JSON.stringify(shown[2]?.observed)).toContain("the connection was refused")
      expect(err).not.toMatch(/^\s+at /m)
    })
  )

  it("has the names of the tutorial in order", () => {
    expect(scenarios.map(({ name }) => name)).toEqual(names)
  })
})
