import * as Signature from "@countersign/auth/Signature"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createHash, createHmac } from "node:crypto"
import { clientOf, ok } from "./support/client.js"
import { allRenderings } from "./support/allRenderings.js"

const secret = "canary-ü"
const options: Signature.Options = { keyId: "key-1", secret: Redacted.make(secret) }

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const hmac = (text: string, encoding: "hex" | "base64" = "hex") =>
  createHmac("sha256", secret).update(text).digest(encoding)

/** The canonical string of the default scheme, implemented independently. */
const textOf = ({ body = "", headers, method, url }: MockClient.Sent) => {
  const { pathname, search } = new URL(url)
  return [method, pathname + search, headers["x-timestamp"], headers["x-nonce"], sha256(body)].join("\n")
}

const signed = (scheme: Signature.Options) => clientOf(Signature.make(scheme), () => ok)

describe("Signature.make", () => {
  it.effect("signs method, path, query, timestamp, nonce and body as node:crypto does", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("90500 millis")
      const { api, mock } = yield* signed(options)
      yield* api.get("/ä b?x=1", { query: { y: "2 3" } })
      yield* api.post("/", { json: { text: "ü" } })
      yield* api.put("/", { body: HttpBody.uint8Array(new TextEncoder().encode("bytes")) })
      yield* api.post("/", { body: HttpBody.raw("raw", { contentType: "text/plain" }) })
      const sent = yield* mock.sent
      expect(sent).toHaveLength(4)
      for (const one of sent) {
        expect(one.headers).toMatchObject({ "x-api-key": "key-1", "x-timestamp": "90" })
        expect(one.headers["x-signature"]).toBe(hmac(textOf(one)))
      }
      expect(sent[0]?.url).toBe("https://api.test/%C3%A4%20b?x=1&y=2+3")
      expect(new Set(sent.map(({ headers }) => headers["x-nonce"])).size).toBe(4)
    })
  )

  it.effect("signs the query string exactly as it is sent, with added urlParams", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* signed(options)
      yield* api.get("/x?flag&name=a%20b&f[n]=1&sig=~x", { query: { page: 2 } })
      yield* api.get("/x?q='a'#top", { query: { page: 2 } })
      yield* api.get("/x?#top")
      const sent = yield* mock.sent
      expect(sent.map(({ url }) => url)).toEqual([
        "https://api.test/x?flag&name=a%20b&f[n]=1&sig=~x&page=2",
        // The policy signs and sends a `URL`, which encodes the apostrophe and drops an empty query.
        "https://api.test/x?q=%27a%27&page=2",
        "https://api.test/x"
      ])
      for (const one of sent) {
        const target = one.url.slice("https://api.test".length)
        const text = [one.method, target, one.headers["x-timestamp"], one.headers["x-nonce"], sha256("")].join("\n")
        expect(one.headers["x-signature"]).toBe(hmac(text))
      }
    })
  )

  it.effect("signs each attempt with its own timestamp and nonce", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Signature.make(options), [
        MockClient.respond(503, "busy", { "retry-after": "5" }),
        ok
      ])
      const request = yield* Effect.fork(api.get("/"))
      // WebCrypto does not depend on the test clock, so the test polls until the first request was sent.
      yield* Effect.repeat(
        Effect.zipRight(
          Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
          mock.sent
        ),
        {
          until: (sent) => sent.length === 1
        }
      )
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(request)
      const [first, second] = yield* mock.sent
      expect(first?.headers["x-timestamp"]).toBe("0")
      // The retry is signed after the wait, and sent when WebCrypto is done. The test clock does not wait for WebCrypto.
      expect(Number(second?.headers["x-timestamp"])).toBeGreaterThanOrEqual(5)
      expect(Number(second?.headers["x-timestamp"])).toBeLessThanOrEqual((second?.at ?? 0) / 1000)
      expect(second?.headers["x-nonce"]).not.toBe(first?.headers["x-nonce"])
      for (const one of [first, second]) expect(one?.headers["x-signature"]).toBe(one && hmac(textOf(one)))
    })
  )

  it.effect("uses a custom canonical string, header names, timestamp and encoding", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* signed({
        ...options,
        canonical: ({ bodySha256, headers, method, nonce, timestamp, url }) =>
          `${method} ${url.href} ${headers["x-tenant"]} ${timestamp}/${nonce} ${bodySha256}`,
        headers: { keyId: "X-Id", timestamp: "X-Time", nonce: "X-Once", signature: "authorization" },
        timestamp: (ms) => `t${ms}`,
        encoding: "base64"
      })
      yield* TestClock.adjust("1500 millis")
      yield* api.get("/a?b=c", { headers: { "X-Tenant": "t" } })
      const { headers } = (yield* mock.sent)[0] ?? expect.fail("nothing was sent")
      const text = `GET https://api.test/a?b=c t t1500/${headers["x-once"]} ${sha256("")}`
      expect(headers).toMatchObject({ "x-id": "key-1", "x-time": "t1500", authorization: hmac(text, "base64") })
      expect(headers["x-signature"]).toBeUndefined()
    })
  )

  it.effect.each<readonly [string, HttpBody.HttpBody]>([
    ["a stream", HttpBody.stream(Stream.make(new Uint8Array([1])))],
    ["a form", HttpBody.formData(new FormData())],
    ["a raw object", HttpBody.raw({ canary: 1 })]
  ])("rejects %s as the body before sending, because its bytes are unknown", ([_, body]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* signed(options)
      const error = yield* Effect.flip(api.post("/", { body }))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("fails with InvalidRequest and sends nothing for an empty secret", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* signed({ ...options, secret: Redacted.make("") })
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("sends no replay after a 401, and errors contain neither secret nor signature", () =>
    Effect.gen(function* () {
      const auth = yield* Effect.provide(Auth.Auth, Signature.layer(options))
      const { api, mock } = yield* clientOf(auth, () => MockClient.respond(401))
      const error = yield* Effect.flip(api.get("/"))
      const sent = yield* mock.sent
      expect(sent).toHaveLength(1)
      expect(allRenderings(error)).not.toContain("canary")
      expect(allRenderings(error)).not.toContain(sent[0]?.headers["x-signature"])
      expect(allRenderings(auth) + allRenderings(options)).not.toContain("canary")
    })
  )
})
