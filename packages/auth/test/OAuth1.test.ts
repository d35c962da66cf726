import * as OAuth1 from "@countersign/auth/OAuth1"
import * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import OAuth from "oauth-1.0a"
import { createHash, createHmac } from "node:crypto"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf, ok } from "./support/client.js"

const clientSecret = "canary client &ü"
const tokenSecret = "canary token"
const options: OAuth1.Options = {
  clientId: "app",
  clientSecret: Redacted.make(clientSecret),
  token: Redacted.make("canary-token/1"),
  tokenSecret: Redacted.make(tokenSecret)
}

/** The parameters of an `Authorization` field, decoded. */
const parametersOf = ({ headers }: MockClient.Sent): Record<string, string> => {
  const [scheme, rest = ""] = (headers["authorization"] ?? "").split(/ (.*)/s)
  expect(scheme).toBe("OAuth")
  return Object.fromEntries(
    rest.split(", ").map((pair) => {
      const [, name = "", value = ""] = /^([^=]+)="(.*)"$/.exec(pair) ?? []
      return [name, decodeURIComponent(value)]
    })
  )
}

/** The signature that oauth-1.0a computes for a request with the same parameters. */
const expectedSignature = (sent: MockClient.Sent, form: Record<string, string> = {}): string => {
  const { oauth_signature: _, realm: __, ...oauth } = parametersOf(sent)
  const method = oauth["oauth_signature_method"] ?? ""
  const peer = new OAuth({
    consumer: { key: "app", secret: clientSecret },
    signature_method: method,
    hash_function: (text, key) =>
      createHmac(method === "HMAC-SHA1" ? "sha1" : "sha256", key)
        .update(text)
        .digest("base64")
  })
  // The peer does not decode a plus sign in the query.
  const data = { url: sent.url.replaceAll("+", "%20"), method: sent.method, data: form }
  // The peer signs the given parameters instead of its own nonce and time.
  return peer.getSignature(data, "oauth_token" in oauth ? tokenSecret : "", oauth as unknown as OAuth.Data)
}

const client = (changes: Partial<OAuth1.Options> = {}, script: MockClient.Script = () => ok) =>
  clientOf(OAuth1.make({ ...options, ...changes }), script)

describe("OAuth1.make", () => {
  it.effect("signs method, URL, query and form as oauth-1.0a does, with its own time and nonce", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("90500 millis")
      const { api, mock } = yield* client()
      yield* api.get("/ä b", { query: { b: "2 3", a: "ü&=" } })
      yield* api.post("/form?x=1", { form: { c2: "", a: "r b", emoji: "😀" } })
      yield* api.post("/json", { json: { not: "signed" } })
      const [get, form, json] = yield* mock.sent
      if (get === undefined || form === undefined || json === undefined) return expect.fail("three requests")
      expect(parametersOf(get)).toMatchObject({
        oauth_consumer_key: "app",
        oauth_token: "canary-token/1",
        oauth_signature_method: "HMAC-SHA1",
        oauth_timestamp: "90",
        oauth_version: "1.0"
      })
      expect(parametersOf(get)["oauth_signature"]).toBe(expectedSignature(get))
      expect(parametersOf(form)["oauth_signature"]).toBe(expectedSignature(form, { c2: "", a: "r b", emoji: "😀" }))
      expect(parametersOf(json)["oauth_signature"]).toBe(expectedSignature(json))
      expect(new Set([get, form, json].map((one) => parametersOf(one)["oauth_nonce"])).size).toBe(3)
    })
  )

  it.effect("signs with HMAC-SHA256, without a token, and with a realm", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(
        OAuth1.make({
          clientId: "app",
          clientSecret: Redacted.make(clientSecret),
          signatureMethod: "HMAC-SHA256",
          realm: "Photos"
        }),
        () => ok
      )
      yield* api.get("/")
      const [sent] = yield* mock.sent
      if (sent === undefined) return expect.fail("one request")
      const parameters = parametersOf(sent)
      expect(parameters).toMatchObject({ realm: "Photos", oauth_signature_method: "HMAC-SHA256" })
      expect(parameters["oauth_token"]).toBeUndefined()
      expect(parameters["oauth_signature"]).toBe(expectedSignature(sent))
    })
  )

  it.effect("sends the secrets with PLAINTEXT over https only", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* client({ signatureMethod: "PLAINTEXT" })
      yield* api.get("/")
      const [sent] = yield* mock.sent
      expect(sent && parametersOf(sent)["oauth_signature"]).toBe("canary%20client%20%26%C3%BC&canary%20token")
      const auth = OAuth1.make({ ...options, signatureMethod: "PLAINTEXT" })
      const error = yield* Effect.flip(auth.sign(HttpClientRequest.get("http://api.test/")))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    })
  )

  it.effect("sends the hash of a body that is not a form with bodyHash", () =>
    Effect.gen(function* () {
      for (const [signatureMethod, name] of [
        ["HMAC-SHA1", "sha1"],
        ["HMAC-SHA256", "sha256"]
      ] as const) {
        const { api, mock } = yield* client({ bodyHash: true, signatureMethod })
        yield* api.post("/", { json: { a: "ü" } })
        yield* api.get("/")
        yield* api.post("/", { form: { a: "1" } })
        const hashOf = (body: string) => createHash(name).update(body).digest("base64")
        const sent = yield* mock.sent
        expect(sent.map((one) => parametersOf(one)["oauth_body_hash"])).toEqual([
          hashOf('{"a":"ü"}'),
          hashOf(""),
          undefined
        ])
        for (const one of sent.slice(0, 2)) {
          expect(parametersOf(one)["oauth_signature"]).toBe(expectedSignature(one))
        }
      }
    })
  )

  it.effect("sends a stream without bodyHash, and rejects it with bodyHash or as a form", () =>
    Effect.gen(function* () {
      const stream = (contentType: string) => HttpBody.stream(Stream.make(new TextEncoder().encode("a=1")), contentType)
      const { api, mock } = yield* client()
      yield* api.post("/", { body: stream("text/plain") })
      const hashing = yield* client({ bodyHash: true })
      const errors = [
        yield* Effect.flip(api.post("/", { body: stream("application/x-www-form-urlencoded; charset=utf-8") })),
        yield* Effect.flip(hashing.api.post("/", { body: stream("text/plain") }))
      ]
      for (const error of errors) expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect(yield* mock.sent).toHaveLength(1)
      expect(yield* hashing.mock.sent).toEqual([])
    })
  )

  it.effect("signs each attempt with its own time and nonce", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* client({}, [MockClient.respond(503, "busy", { "retry-after": "5" }), ok])
      const call = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(call)
      const [first = {}, second = {}] = (yield* mock.sent).map(parametersOf)
      expect([first["oauth_timestamp"], second["oauth_timestamp"]]).toEqual(["0", "5"])
      expect(second["oauth_nonce"]).not.toBe(first["oauth_nonce"])
    })
  )

  it.effect("sends one request for a 401, and shows no secret and no token", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* client({}, () => MockClient.respond(401))
      const error = yield* Effect.flip(api.get("/"))
      expect(yield* mock.sent).toHaveLength(1)
      expect(allRenderings(error) + allRenderings(OAuth1.make(options))).not.toContain("canary")
    })
  )
})

describe("the clock of OAuth1.make", () => {
  const dateOf = (ms: number) => ({ date: HttpDate.format(ms) })

  /** When each request was sent, and the time that it was signed with, in seconds. */
  const timesOf = (sent: ReadonlyArray<MockClient.Sent>) =>
    sent.map((one) => [one.at / 1000, Number(parametersOf(one)["oauth_timestamp"])])

  it.effect("sends the request once more after a 401 that corrects the clock, and signs later ones with the time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { api, mock } = yield* client({}, [MockClient.respond(401, "", dateOf(1_600_000)), ok, ok])
      yield* api.post("/", { form: { status: "Hello" } })
      yield* TestClock.adjust("1 minute")
      yield* api.get("/")
      const sent = yield* mock.sent
      expect(timesOf(sent)).toEqual([
        [1000, 1000],
        [1000, 1600],
        [1060, 1660]
      ])
      const [first, second] = sent
      if (first === undefined || second === undefined) return expect.fail("three requests")
      expect(parametersOf(second)["oauth_nonce"]).not.toBe(parametersOf(first)["oauth_nonce"])
      expect(parametersOf(second)["oauth_signature"]).toBe(expectedSignature(second, { status: "Hello" }))
    })
  )

  it.effect("keeps its clock after an accepted request, whatever the date of the response", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { api, mock } = yield* client({}, () => MockClient.respond(200, {}, dateOf(1_600_000)))
      yield* api.get("/")
      yield* api.get("/")
      expect(timesOf(yield* mock.sent)).toEqual([
        [1000, 1000],
        [1000, 1000]
      ])
    })
  )

  it.effect("corrects the clock again when the clock of this machine was set right", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const reject = (ms: number) => MockClient.respond(401, "", dateOf(ms))
      const { api, mock } = yield* client({}, [reject(1_600_000), ok, reject(1_600_000), ok])
      yield* api.get("/")
      yield* TestClock.setTime(1_600_000)
      yield* api.get("/")
      expect(timesOf(yield* mock.sent)).toEqual([
        [1000, 1000],
        [1000, 1600],
        [1600, 2200],
        [1600, 1600]
      ])
    })
  )

  it.effect.each<readonly [string, Record<string, string>, number]>([
    ["sends no second replay if the server rejects the corrected time too", dateOf(1_600_000), 2],
    ["sends one request for a 401 with the right time", dateOf(1_004_000), 1],
    ["sends one request for a 401 without a date", {}, 1],
    ["sends one request for a 401 of a cache", { ...dateOf(1_600_000), age: "0" }, 1]
  ])("%s", ([, headers, count]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { api, mock } = yield* client({}, () => MockClient.respond(401, "", headers))
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* mock.sent).toHaveLength(count)
    })
  )
})

describe("OAuth1.layer", () => {
  it.effect.each<readonly [string, Partial<OAuth1.Options>]>([
    ["clientId", { clientId: " " }],
    ["clientSecret", { clientSecret: Redacted.make("") }],
    ["token", { token: undefined }],
    ["realm", { realm: "a\n" }]
  ])("rejects an invalid %s when it is built", ([name, changes]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(Auth.Auth, OAuth1.layer({ ...options, ...changes })))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      expect(error.message).toContain(`\`${name}\``)
    })
  )

  it.effect("reads the options from the configuration", () =>
    Effect.gen(function* () {
      const live = OAuth1.layerConfig({ clientId: Config.string("ID"), clientSecret: Config.redacted("SECRET") })
      expectTypeOf(live).toEqualTypeOf<Layer.Layer<Auth.Auth, ConfigError.ConfigError | InvalidRequest>>()
      expectTypeOf(OAuth1.layer).returns.toEqualTypeOf<Layer.Layer<Auth.Auth, InvalidRequest>>()
      const values = ConfigProvider.fromMap(
        new Map([
          ["ID", "app"],
          ["SECRET", clientSecret]
        ])
      )
      const auth = yield* Effect.withConfigProvider(Effect.provide(Auth.Auth, live), values)
      const { api, mock } = yield* clientOf(auth, () => ok)
      yield* api.get("/")
      const [sent] = yield* mock.sent
      expect(sent && parametersOf(sent)["oauth_signature"]).toBe(sent && expectedSignature(sent))
    })
  )
})
