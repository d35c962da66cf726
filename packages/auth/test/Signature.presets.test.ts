import * as QuerySignature from "@countersign/auth/QuerySignature"
import * as Signature from "@countersign/auth/Signature"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createHmac } from "node:crypto"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf, ok } from "./support/client.js"

const secret = "canary-ü"
const redacted = Redacted.make(secret)

const only = (sent: ReadonlyArray<MockClient.Sent>): MockClient.Sent => sent[0] ?? expect.fail("nothing was sent")

describe("Signature presets", () => {
  it.effect("signs time and body for timestampedBody, binary bodies included", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_500)
      const options = Signature.timestampedBody({ header: "x-hook", secret: redacted })
      const { api, mock } = yield* clientOf(Signature.make(options), () => ok)
      yield* api.post("/", { json: { text: "ü" } })
      const bytes = new Uint8Array([0, 255, 128, 10])
      yield* api.post("/", { body: HttpBody.uint8Array(bytes) })
      const expected = [new TextEncoder().encode('{"text":"ü"}'), bytes].map((body) => {
        const hmac = createHmac("sha256", secret).update("1700000000.").update(body).digest("hex")
        return `t=1700000000,v1=${hmac}`
      })
      expect((yield* mock.sent).map(({ headers }) => headers["x-hook"])).toEqual(expected)
      expect(only(yield* mock.sent).headers).not.toHaveProperty("x-api-key")
    })
  )

  it.effect("makes the signature of the Standard Webhooks libraries for their example", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_614_265_330_000)
      for (const prefix of ["whsec_", ""]) {
        const options = Signature.standardWebhooks(Redacted.make(`${prefix}MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`))
        const { api, mock } = yield* clientOf(Signature.make(options), () => ok)
        const headers = { "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek" }
        yield* api.post("/", { body: HttpBody.text('{"test": 2432232314}', "application/json"), headers })
        expect(only(yield* mock.sent).headers).toMatchObject({
          ...headers,
          "webhook-timestamp": "1614265330",
          "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        })
        yield* api.post("/", { json: {} })
        expect((yield* mock.sent)[1]?.headers["webhook-id"]).toMatch(/^[0-9a-f-]{36}$/)
      }
    })
  )

  it.effect("signs time, method, path, query and body for prehash, with a secret in Base64", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      const bytes = Buffer.from([1, 2, 250, 0])
      for (const [encoding, hash, name] of [
        ["base64", "SHA-256", "sha256"],
        ["hex", "SHA-512", "sha512"]
      ] as const) {
        const auth = Signature.make({
          keyId: "key",
          secret: Redacted.make(bytes.toString(encoding)),
          secretEncoding: encoding,
          encoding,
          hash,
          canonical: Signature.prehash,
          headers: { keyId: "access-key", timestamp: "access-timestamp", signature: "access-sign" }
        })
        const { api, mock } = yield* clientOf(auth, () => ok)
        yield* api.post("/orders?a=1", { json: { size: "0.01" } })
        const text = '1700000000POST/orders?a=1{"size":"0.01"}'
        expect(only(yield* mock.sent).headers).toMatchObject({
          "access-key": "key",
          "access-timestamp": "1700000000",
          "access-sign": createHmac(name, bytes).update(text).digest(encoding)
        })
      }
    })
  )

  it.effect.each(["base64", "hex"] as const)("rejects a secret that is not %s, without a request", (secretEncoding) =>
    Effect.gen(function* () {
      const auth = Signature.make({ keyId: "key", secret: redacted, secretEncoding })
      const { api, mock } = yield* clientOf(auth, () => ok)
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(allRenderings(error)).not.toContain("canary")
      expect(yield* mock.sent).toEqual([])
    })
  )
})

describe("QuerySignature.make", () => {
  it.effect("makes the signature of the documented example of an exchange", () =>
    Effect.gen(function* () {
      // https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
      yield* TestClock.setTime(1_499_827_319_559)
      const auth = QuerySignature.make({
        keyId: "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
        keyIdHeader: "x-mbx-apikey",
        secret: Redacted.make("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
      })
      const { api, mock } = yield* clientOf(auth, () => ok)
      const query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
      yield* api.post(`/api/v3/order?${query}`)
      const { headers, url } = only(yield* mock.sent)
      expect(url).toBe(
        `https://api.test/api/v3/order?${query}&timestamp=1499827319559` +
          "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
      )
      expect(headers["x-mbx-apikey"]).toBe("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A")
    })
  )

  it.effect("signs query and body as they are sent, with its own names, formats and encodings", () =>
    Effect.gen(function* () {
      const auth = QuerySignature.make({
        secret: redacted,
        encoding: "base64",
        hash: "SHA-512",
        parameters: { timestamp: "ts", signature: "sig" },
        timestamp: (ms) => `t${ms}`
      })
      const { api, mock } = yield* clientOf(auth, () => ok)
      yield* api.post("/x?flag&name=a%20b&q='#top", { query: { b: "ü 1" }, json: { c: 1 } })
      const { url } = only(yield* mock.sent)
      const query = "flag&name=a%20b&q=%27&b=%C3%BC+1&ts=t0"
      const expected = createHmac("sha512", secret).update(`${query}{"c":1}`).digest("base64")
      expect(url.startsWith(`https://api.test/x?${query}&sig=`)).toBe(true)
      expect(new URL(url).searchParams.get("sig")).toBe(expected)
    })
  )

  it.effect("signs each attempt with its own time, and shows neither secret nor signature in an error", () =>
    Effect.gen(function* () {
      const auth = yield* Effect.provide(Auth.Auth, QuerySignature.layer({ secret: redacted }))
      const { api, mock } = yield* clientOf(auth, [
        MockClient.respond(503, "busy", { "retry-after": "5" }),
        MockClient.respond(401)
      ])
      const call = yield* Effect.fork(Effect.flip(api.get("/")))
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(call)
      const sent = yield* mock.sent
      const urls = sent.map(({ url }) => new URL(url).searchParams)
      expect(urls.map((query) => query.get("timestamp"))).toEqual(sent.map(({ at }) => String(at)))
      expect(sent[1]?.at).toBeGreaterThanOrEqual(5000)
      expect(allRenderings(error)).not.toContain("canary")
      expect(allRenderings(error)).not.toContain(urls[1]?.get("signature"))
    })
  )

  it.effect("rejects an empty secret and a stream before sending", () =>
    Effect.gen(function* () {
      const empty = yield* clientOf(QuerySignature.make({ secret: Redacted.make("") }), () => ok)
      expect(yield* Effect.flip(empty.api.get("/"))).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      const { api, mock } = yield* clientOf(QuerySignature.make({ secret: redacted }), () => ok)
      const body = HttpBody.stream(Stream.make(new Uint8Array([1])))
      expect(yield* Effect.flip(api.post("/", { body }))).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect([yield* empty.mock.sent, yield* mock.sent]).toEqual([[], []])
      expectTypeOf(QuerySignature.layer).returns.toEqualTypeOf<Layer.Layer<Auth.Auth>>()
    })
  )
})
