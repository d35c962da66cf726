import * as Digest from "@countersign/auth/Digest"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf } from "./support/client.js"
import type { Settings } from "./support/digestServer.js"
import { DigestServer } from "./support/digestServer.js"

const credentials = { username: "ada", password: Redacted.make("canary-password") }

const every: ReadonlyArray<Digest.Algorithm> = ["MD5", "SHA-256", "SHA-512-256"]

const setUp = (settings: Partial<Settings> = {}, options: Partial<Digest.Options> = {}) => {
  const server = new DigestServer(settings)
  return Effect.map(clientOf(Digest.make({ ...credentials, ...options }), server.script), (client) => ({
    ...client,
    server
  }))
}

const matrix = every
  .flatMap((algorithm) =>
    [false, true].flatMap((session) =>
      ["auth", "auth-int", "auth-int, auth", undefined].flatMap((qop) =>
        [false, true].map((userhash) => ({ algorithm, session, qop, userhash }))
      )
    )
  )
  .filter(({ qop, session }) => !session || qop !== undefined)

/** Challenges, and what the error names. */
const unsupported: ReadonlyArray<readonly [field: string, part: string]> = [
  ['Digest realm="r", nonce="n", algorithm=MD5', "`algorithms`"],
  ['Digest realm="r", nonce="n"', "MD5"],
  ['Digest realm="r", nonce="n", algorithm=SHA-1', "`algorithm`"],
  ['Digest realm="r", nonce=""', "`nonce`"],
  ['Digest nonce="n"', "`realm`"],
  [`Digest realm="${"r".repeat(5000)}", nonce="n"`, "`realm`"],
  ['Digest realm="r", nonce="n", algorithm=SHA-256, qop="token"', "`qop`"]
]

describe("Digest.make", () => {
  it.effect.each(matrix)("authenticates with %j, and then signs each request at once", (settings) =>
    Effect.gen(function* () {
      const { api, mock, server } = yield* setUp(settings, { algorithms: every })
      yield* api.get("/a?b=1&c=%20", { query: { d: "e f" } })
      yield* api.post("/a", { json: { text: "ü" } })
      yield* api.put("/a", { body: HttpBody.raw("raw", { contentType: "text/plain" }) })
      expect(server.statuses).toEqual([401, 200, 200, 200])
      expect((yield* mock.sent)[0]?.headers["authorization"]).toBeUndefined()
    })
  )

  it.effect("verifies the proof of the server, for each protection", () =>
    Effect.gen(function* () {
      for (const qop of ["auth", "auth-int"]) {
        const { api, server } = yield* setUp({ qop, info: (proof) => `rspauth="${proof}", qop=${qop}` })
        yield* api.get("/")
        expect(server.statuses).toEqual([401, 200])
      }
    })
  )

  it.effect("fails with ResponseNotAuthentic after a wrong proof, once, and shows no secret", () =>
    Effect.gen(function* () {
      for (const qop of ["auth", "auth-int"]) {
        const { api, server } = yield* setUp({ qop, info: () => `rspauth="${"0".repeat(64)}"` })
        const error = yield* Effect.flip(api.get("/"))
        expect(error).toMatchObject({ _tag: "ResponseNotAuthentic", origin: "https://api.test" })
        expect(allRenderings(error)).not.toContain("canary")
        expect(server.statuses).toEqual([401, 200])
      }
    })
  )

  it.effect("rejects a proof that covers a body which is not read yet", () =>
    Effect.gen(function* () {
      const { api } = yield* setUp({ qop: "auth-int", info: (proof) => `rspauth="${proof}"` })
      const error = yield* Effect.flip(Effect.scoped(api.open("/")))
      expect(error).toMatchObject({ _tag: "ResponseNotAuthentic", detail: expect.stringContaining("`open`") as string })
    })
  )

  it.effect("sends one request without credentials for 1000 concurrent calls, and each count once", () =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp()
      yield* Effect.all(
        Array.from({ length: 1000 }, (_, n) => api.get(`/${n}`)),
        { concurrency: "unbounded", discard: true }
      )
      expect(server.statuses.filter((status) => status === 401)).toHaveLength(1)
      expect([...server.counts.values()].map(({ size }) => size)).toEqual([1000])
    })
  )

  it.effect.each([true, false])("renews a nonce that expires under concurrent calls (stale: %s)", (saysStale) =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp({ uses: 50, saysStale })
      yield* api.get("/")
      yield* Effect.all(
        Array.from({ length: 149 }, (_, n) => api.get(`/${n}`)),
        { concurrency: 5, discard: true }
      )
      expect(server.statuses.filter((status) => status === 200)).toHaveLength(150)
      expect(Math.max(...[...server.counts.values()].map(({ size }) => size))).toBe(50)
    })
  )

  it.effect("fails with Unauthorized after two requests if the password is wrong", () =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp({}, { password: Redacted.make("canary-wrong") })
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "Unauthorized" })
      expect(allRenderings(error)).not.toContain("canary")
      expect(server.statuses).toEqual([401, 401])
    })
  )

  it.effect("ends when the server calls every nonce stale", () =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp({ uses: 0 })
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      expect(server.statuses).toEqual([401, 401, 401, 401, 401])
    })
  )

  it.effect("continues with `nextnonce`, and starts its count at 1", () =>
    Effect.gen(function* () {
      const server: DigestServer = new DigestServer({ info: () => `nextnonce="${server.nextNonce()}"` })
      const { api } = yield* clientOf(Digest.make(credentials), server.script)
      yield* api.get("/1")
      yield* api.get("/2")
      yield* api.get("/3")
      expect(server.statuses).toEqual([401, 200, 200, 200])
      expect([...server.counts.values()].map((counts) => [...counts])).toEqual([
        ["00000001"],
        ["00000001"],
        ["00000001"],
        []
      ])
    })
  )

  it.effect("lets the next call send the first request if the previous one got no response", () =>
    Effect.gen(function* () {
      const server = new DigestServer()
      const { api } = yield* clientOf(Digest.make(credentials), (sent, index) =>
        index === 0 ? MockClient.delay("1 second", MockClient.fail("ECONNRESET")) : server.script(sent)
      )
      const calls = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 20 }, () => Effect.exit(api.post("/", { json: {} }))),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("1 second")
      const outcomes = yield* Fiber.join(calls)
      expect(outcomes.filter(({ _tag }) => _tag === "Failure")).toHaveLength(1)
      expect(server.statuses.filter((status) => status === 401)).toHaveLength(1)
    })
  )

  it.effect("does not wait for an interrupted call", () =>
    Effect.gen(function* () {
      const server = new DigestServer()
      const { api } = yield* clientOf(Digest.make(credentials), (sent, index) =>
        index === 0 ? MockClient.never : server.script(sent)
      )
      const first = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("1 millis")
      const second = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.interrupt(first)
      yield* Fiber.join(second)
      expect(server.statuses).toEqual([401, 200])
    })
  )

  it.effect("sends calls without credentials to a server that wants none", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Digest.make(credentials), () => MockClient.respond(200, {}))
      yield* Effect.all(
        Array.from({ length: 10 }, () => api.get("/")),
        { concurrency: "unbounded" }
      )
      expect((yield* mock.sent).map(({ headers }) => headers["authorization"])).toEqual(Array(10).fill(undefined))
    })
  )

  it.effect("signs requests within `domain` only, and gets another challenge outside of it", () =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp({ domain: "/a/ https://other.test/" })
      for (const path of ["/a/1", "/a/2", "/b/1", "/a/3"]) yield* api.get(path)
      expect(server.statuses).toEqual([401, 200, 200, 401, 200, 200])
    })
  )

  it.effect("answers the strongest of several challenges, in one field or in several", () =>
    Effect.gen(function* () {
      const weak = 'Digest realm="r", nonce="1", qop="auth", algorithm=MD5'
      const strong = 'Digest realm="r", nonce="2", qop="auth", algorithm=SHA-512-256'
      const middle = 'Digest realm="r", nonce="3", qop="auth", algorithm=SHA-256'
      for (const field of [`${weak}, ${strong}, ${middle}`, [middle, weak, strong], `Basic realm="r", ${strong}`]) {
        const { api, mock } = yield* clientOf(Digest.make({ ...credentials, algorithms: every }), (_, index) =>
          index === 0 ? MockClient.respond(401, "", { "www-authenticate": field }) : MockClient.respond(200, {})
        )
        yield* api.get("/")
        expect((yield* mock.sent)[1]?.headers["authorization"]).toContain("SHA-512-256")
      }
    })
  )

  it.effect("fails with SchemeDowngraded when a weaker algorithm follows an accepted one, and sends nothing", () =>
    Effect.gen(function* () {
      const strong = new DigestServer({ uses: 1 })
      const weak = 'Digest realm="api", nonce="n", qop="auth", algorithm=MD5, stale=true'
      const { api, mock } = yield* clientOf(Digest.make({ ...credentials, algorithms: every }), (sent, index) =>
        index < 2 ? strong.script(sent) : MockClient.respond(401, "", { "www-authenticate": weak })
      )
      yield* api.get("/")
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "SchemeDowngraded", accepted: "Digest SHA-256", offered: "Digest MD5" })
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.effect.each(unsupported)("fails with ChallengeUnsupported for %s", ([field, part]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Digest.make(credentials), () =>
        MockClient.respond(401, "", { "www-authenticate": field })
      )
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "ChallengeUnsupported", detail: expect.stringContaining(part) as string })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("fails with Unauthorized when the server offers another scheme", () =>
    Effect.gen(function* () {
      const { api } = yield* clientOf(Digest.make(credentials), () =>
        MockClient.respond(401, "", { "www-authenticate": 'Basic realm="r"' })
      )
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
    })
  )

  it.effect("uses `auth-int` on demand, and fails if the server does not offer it", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp({ qop: "auth, auth-int" }, { qop: "auth-int" })
      yield* api.post("/", { text: "x".repeat(200_000) })
      expect((yield* mock.sent)[1]?.headers["authorization"]).toContain("qop=auth-int")
      const other = yield* setUp({ qop: "auth" }, { qop: "auth-int" })
      expect(yield* Effect.flip(other.api.get("/"))).toMatchObject({ _tag: "ChallengeUnsupported" })
    })
  )

  it.effect("fails before it sends a stream that the digest must cover", () =>
    Effect.gen(function* () {
      const { api, server } = yield* setUp({ qop: "auth-int" })
      yield* api.get("/")
      const body = HttpBody.stream(Stream.make(new Uint8Array(3)))
      expect(yield* Effect.flip(api.post("/", { body }))).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect(server.statuses).toEqual([401, 200])
    })
  )

  it.effect("sends user names, passwords and realms beyond ASCII", () =>
    Effect.gen(function* () {
      for (const userhash of [false, true]) {
        const settings = { username: "Jäsøn “Doe”", password: "Secret, ⊤?", realm: 'a "b" \\c', userhash }
        const server = new DigestServer(settings)
        const { api } = yield* clientOf(
          Digest.make({ username: settings.username, password: Redacted.make(settings.password) }),
          (sent) => {
            const extended = /username\*=UTF-8''([^,]+)/.exec(sent.headers["authorization"] ?? "")?.[1]
            const field = sent.headers["authorization"]
            const plain =
              extended === undefined || field === undefined
                ? field
                : field.replace(/username\*=[^,]+/, `username=${JSON.stringify(decodeURIComponent(extended))}`)
            return server.script({ ...sent, headers: { ...sent.headers, ...(plain && { authorization: plain }) } })
          }
        )
        yield* api.get("/")
      }
    })
  )

  it.effect("sends no credentials to another origin after a redirect", () =>
    Effect.gen(function* () {
      const server = new DigestServer()
      const { api, mock } = yield* clientOf(Digest.make(credentials), (sent) => {
        if (!sent.url.startsWith("https://api.test")) return MockClient.respond(200, {})
        const step = server.script(sent)
        return server.statuses.at(-1) === 401 ? step : MockClient.respond(302, "", { location: "https://other.test/x" })
      })
      yield* api.get("/")
      const [, signed, other] = yield* mock.sent
      expect(signed?.headers["authorization"]).toContain("Digest ")
      expect([other?.url, other?.headers["authorization"]]).toEqual(["https://other.test/x", undefined])
    })
  )

  it.effect("signs a retry with another count", () =>
    Effect.gen(function* () {
      const server = new DigestServer()
      const { api, mock } = yield* clientOf(Digest.make(credentials), (sent, index) =>
        index === 1 ? MockClient.respond(503) : server.script(sent)
      )
      const call = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(call)
      const counts = (yield* mock.sent).map(({ headers }) => /nc=\w+/.exec(headers["authorization"] ?? "")?.[0])
      expect(counts).toEqual([undefined, "nc=00000001", "nc=00000002"])
    })
  )
})

/** Options, and what the error names. */
const invalidOptions: ReadonlyArray<readonly [options: Digest.Options, part: string]> = [
  [{ ...credentials, username: "a:b" }, "`username`"],
  [{ ...credentials, username: "a\n" }, "control character"],
  [{ username: " ", password: Redacted.make("") }, "`username`"],
  [{ ...credentials, algorithms: [] }, "`algorithms`"],
  // As JavaScript may pass it.
  [{ ...credentials, user: "ada" } as Digest.Options, "user"]
]

describe("Digest.layer", () => {
  it.effect.each(invalidOptions)("rejects invalid options: %#", ([options, part]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Digest.layer(options)))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      expect(error.message).toContain(part)
      expect(error.message).not.toContain("canary")
    }).pipe(Effect.scoped)
  )

  it.scoped("reads the configuration", () =>
    Effect.gen(function* () {
      const layer = Digest.layerConfig({ username: "ada", password: Config.redacted("PASSWORD") })
      const provider = (entries: ReadonlyArray<readonly [string, string]>) =>
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(entries)))
      yield* Layer.build(layer).pipe(provider([["PASSWORD", "p"]]))
      expect(yield* Layer.build(layer).pipe(provider([]), Effect.flip)).toMatchObject({ _op: "MissingData" })
    })
  )
})
