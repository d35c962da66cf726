import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Protocol from "@countersign/protocol/MessageSignature"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Crypto from "node:crypto"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf, ok } from "./support/client.js"

// RFC 9421, B.1.4 and B.1.5.
const ed25519 = {
  kty: "OKP",
  crv: "Ed25519",
  kid: "test-key-ed25519",
  d: "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU",
  x: "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"
}
const sharedSecret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="

const jwk = (value: object) => Redacted.make(JSON.stringify(value))

const secretKey = MessageSignature.fromSecret(Redacted.make(new Uint8Array(Buffer.from(sharedSecret, "base64"))), {
  keyId: "test-shared-secret"
})

/** The request of RFC 9421, B.2. */
const testRequest = HttpClientRequest.post("https://example.com/foo?param=Value&Pet=dog").pipe(
  HttpClientRequest.setHeaders({ date: "Tue, 20 Apr 2021 02:07:55 GMT" }),
  HttpClientRequest.bodyText('{"hello": "world"}', "application/json")
)

/** Key pairs of every algorithm, made by node:crypto. */
const pairs: ReadonlyArray<readonly [MessageSignature.Algorithm, Crypto.KeyPairKeyObjectResult]> = [
  ["ed25519", Crypto.generateKeyPairSync("ed25519")],
  ["ecdsa-p256-sha256", Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" })],
  ["ecdsa-p384-sha384", Crypto.generateKeyPairSync("ec", { namedCurve: "P-384" })],
  ["rsa-pss-sha512", Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })],
  ["rsa-v1_5-sha256", Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })]
]

/** Verifies a signature with node:crypto, an implementation apart from WebCrypto's interface. */
const verifies = (
  algorithm: MessageSignature.Algorithm,
  key: Crypto.KeyObject,
  base: string,
  value: Uint8Array
): boolean => {
  const bytes = Buffer.from(base)
  const padding = Crypto.constants.RSA_PKCS1_PSS_PADDING
  switch (algorithm) {
    case "ed25519":
      return Crypto.verify(null, bytes, key, value)
    case "ecdsa-p256-sha256":
      return Crypto.verify("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }, value)
    case "ecdsa-p384-sha384":
      return Crypto.verify("sha384", bytes, { key, dsaEncoding: "ieee-p1363" }, value)
    case "rsa-pss-sha512":
      return Crypto.verify("sha512", bytes, { key, padding, saltLength: 64 }, value)
    case "rsa-v1_5-sha256":
      return Crypto.verify("sha256", bytes, key, value)
    case "hmac-sha256":
      return Crypto.createHmac("sha256", key).update(bytes).digest().equals(value)
  }
}

/** The signature of a sent request, its base by the fields that arrived, and its parameters. */
const received = ({ headers, method, url }: MockClient.Sent, label = "sig1") => {
  const signatures = Protocol.parse(headers)
  const signature = signatures._tag === "Ok" ? signatures.value.get(label) : undefined
  if (signature === undefined) throw new Error("no signature arrived")
  const base = Protocol.base({ method, url, headers }, signature.input)
  if (base._tag === "Err") throw new Error(base.reason)
  return { base: base.value, value: signature.value, metadata: Protocol.metadata(signature.input) }
}

const digestOf = (algorithm: string, body: string) =>
  `${algorithm.replace("sha", "sha-")}=:${Crypto.createHash(algorithm).update(body).digest("base64")}:`

const key = MessageSignature.fromJwk(jwk(ed25519))

const publicKey = Crypto.createPublicKey({ key: ed25519, format: "jwk" })

const signed = (options: Partial<MessageSignature.Options> = {}) =>
  Effect.flatMap(key, (one) => clientOf(MessageSignature.make({ key: one, ...options }), () => ok))

describe("MessageSignature.make", () => {
  it.effect.each([
    [
      "B.2.5",
      secretKey,
      ["date", "@authority", "content-type"],
      "sig-b25",
      'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
      "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"
    ],
    [
      "B.2.6",
      key,
      ["date", "@method", "@path", "@authority", "content-type", "content-length"],
      "sig-b26",
      'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
      "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
    ]
  ] as const)("makes the signature of RFC 9421, %s, byte for byte", ([_, keyOf, components, label, input, signature]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_618_884_473_000)
      const auth = MessageSignature.make({ key: yield* keyOf, components, label, contentDigest: false })
      const { request } = yield* auth.sign(testRequest)
      expect(request.headers["signature-input"]).toBe(input)
      expect(request.headers["signature"]).toBe(signature)
    })
  )

  it.effect.each(pairs)("signs with %s as node:crypto verifies, with keys in JWK and in PEM", ([algorithm, pair]) =>
    Effect.gen(function* () {
      const exported = pair.privateKey.export({ format: "jwk" })
      const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString()
      const keys = [
        yield* MessageSignature.fromJwk(jwk(exported), { algorithm, keyId: "k" }),
        yield* MessageSignature.fromPem(Redacted.make(pem), { algorithm, keyId: "k" })
      ]
      for (const one of keys) {
        const { api, mock } = yield* clientOf(MessageSignature.make({ key: one, alg: true }), () => ok)
        yield* api.post("/a?b=1", { json: { text: "ü" } })
        const { base, metadata, value } = received((yield* mock.sent)[0]!)
        expect(metadata).toEqual({ created: 0, keyid: "k", alg: algorithm })
        expect(base).toContain('"@target-uri": https://api.test/a?b=1\n"content-digest": sha-256=:')
        expect(verifies(algorithm, pair.publicKey, base, value)).toBe(true)
        expect(verifies(algorithm, pair.publicKey, `${base} `, value)).toBe(false)
      }
    })
  )

  it.effect("signs with a secret as a text, bytes or JWK", () =>
    Effect.gen(function* () {
      const secret = Crypto.createSecretKey(Buffer.from("canary"))
      const bytes = new TextEncoder().encode("canary")
      for (const keyOf of [
        MessageSignature.fromSecret(Redacted.make("canary")),
        MessageSignature.fromSecret(Redacted.make(bytes)),
        MessageSignature.fromJwk(jwk({ kty: "oct", k: Buffer.from(bytes).toString("base64url") }))
      ]) {
        const { api, mock } = yield* clientOf(MessageSignature.make({ key: yield* keyOf }), () => ok)
        yield* api.get("/")
        const { base, value } = received((yield* mock.sent)[0]!)
        expect(verifies("hmac-sha256", secret, base, value)).toBe(true)
      }
    })
  )

  it.effect("sends and signs the digest of the bytes that are sent, without a copy of them", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* signed()
      const bytes = new TextEncoder().encode("bytes")
      yield* api.post("/", { json: { text: "ü" } })
      yield* api.put("/", { body: HttpBody.uint8Array(bytes) })
      yield* api.post("/", { body: HttpBody.raw("raw", { contentType: "text/plain" }) })
      yield* api.get("/")
      const sent = yield* mock.sent
      expect(sent.map(({ headers }) => headers["content-digest"])).toEqual([
        digestOf("sha256", '{"text":"ü"}'),
        digestOf("sha256", "bytes"),
        digestOf("sha256", "raw"),
        undefined
      ])
      for (const one of sent) {
        const { base, value } = received(one)
        expect(base.includes('"content-digest"')).toBe(one.method !== "GET")
        expect(verifies("ed25519", publicKey, base, value)).toBe(true)
      }
      const request = HttpClientRequest.put("https://api.test/").pipe(HttpClientRequest.bodyUint8Array(bytes))
      const auth = MessageSignature.make({ key: yield* key })
      const { body } = (yield* auth.sign(request)).request
      expect(body._tag === "Uint8Array" && body.body).toBe(bytes)
    })
  )

  it.effect("uses sha-512 for the digest, and signs the digest of no content if it is listed", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* signed({ contentDigest: "sha-512", components: ["content-digest", "@method"] })
      yield* api.get("/")
      yield* api.post("/", { json: 1 })
      const sent = yield* mock.sent
      expect(sent.map(({ headers }) => headers["content-digest"])).toEqual([
        digestOf("sha512", ""),
        digestOf("sha512", "1")
      ])
      expect(received(sent[1]!).base.match(/"content-digest": /g)).toHaveLength(1)
    })
  )

  it.effect("signs the URL exactly as it is sent, with query parameters", () =>
    Effect.gen(function* () {
      const components = ["@request-target", "@query", Protocol.queryParam("page"), "x-tenant"]
      const { api, mock } = yield* signed({ components })
      yield* api.get("/ä?q='a'", { query: { page: "2 3" }, headers: { "x-tenant": "t" } })
      const [sent] = yield* mock.sent
      const { base, value } = received(sent!)
      expect(base).toContain('"@query-param";name="page": 2%203\n"x-tenant": t\n')
      expect(verifies("ed25519", publicKey, base, value)).toBe(true)
    })
  )

  it.effect("signs each attempt with its own time, expiry and nonce", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(5_900)
      const auth = MessageSignature.make({
        key: yield* key,
        nonce: true,
        expiresIn: "90 seconds",
        tag: "t",
        keyId: "other"
      })
      const first = yield* auth.sign(testRequest)
      yield* TestClock.adjust("10 seconds")
      const second = yield* auth.sign(testRequest)
      const [one, two] = [first, second].map(({ request }) => {
        const inputs = Protocol.parseInput(request.headers["signature-input"] ?? "")
        return inputs._tag === "Ok" ? Protocol.metadata(inputs.value.get("sig1")!) : {}
      })
      expect(one).toMatchObject({ created: 5, expires: 95, tag: "t", keyid: "other" })
      expect(two).toMatchObject({ created: 15, expires: 105 })
      expect(one?.nonce).toMatch(/^[0-9a-f-]{36}$/)
      expect(one?.nonce).not.toBe(two?.nonce)
    })
  )

  it.effect.each<readonly [string, HttpBody.HttpBody]>([
    ["a stream", HttpBody.stream(Stream.make(new Uint8Array([1])))],
    ["a form", HttpBody.formData(new FormData())]
  ])("rejects %s as the body before sending, but signs its request without a digest", ([_, body]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* signed()
      expect(yield* Effect.flip(api.post("/", { body }))).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect(yield* mock.sent).toEqual([])
      const auth = MessageSignature.make({ key: yield* key, contentDigest: false })
      const { request } = yield* auth.sign(HttpClientRequest.setBody(testRequest, body))
      expect(request.headers["content-digest"]).toBeUndefined()
      expect(request.headers["signature"]).toMatch(/^sig1=:/)
    })
  )

  it.effect.each<readonly [Partial<MessageSignature.Options>, string, RegExp]>([
    [{ components: ["x-missing"] }, "Header", /"x-missing" cannot be signed\. The message has no such field/],
    [{ components: ["@unknown"] }, "Header", /"@unknown" cannot be signed/],
    [{ components: ["@method", "@method"] }, "Header", /listed twice/],
    [{ tag: "ü" }, "Header", /printable ASCII/],
    [{ label: "A" }, "Options", /`label`/]
  ])("fails with InvalidRequest and sends nothing for %j", ([options, reason, message]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* signed(options)
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason, message: expect.stringMatching(message) })
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("fails with InvalidRequest for a public key, and shows no key", () =>
    Effect.gen(function* () {
      const { d, ...shown } = ed25519
      const { api } = yield* clientOf(
        MessageSignature.make({ key: yield* MessageSignature.fromJwk(jwk(shown)) }),
        () => ok
      )
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      const auth = MessageSignature.make({ key: yield* key })
      expect(allRenderings(auth) + allRenderings(yield* key)).not.toContain(d)
    })
  )

  const dateOf = (ms: number) => ({ date: HttpDate.format(ms) })

  const createdOf = (sent: ReadonlyArray<MockClient.Sent>) => sent.map((one) => received(one).metadata.created)

  it.effect("sends the request once more after a 401 that corrects the clock, and signs later ones with the time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const auth = MessageSignature.make({ key: yield* key })
      const { api, mock } = yield* clientOf(auth, [MockClient.respond(401, "", dateOf(1_600_000)), ok, ok])
      yield* api.post("/", { json: 1 })
      yield* api.get("/")
      expect(createdOf(yield* mock.sent)).toEqual([1000, 1600, 1600])
    })
  )

  it.effect("signs with the own clock if the server's differs by less than 5 seconds", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const auth = MessageSignature.make({ key: yield* key })
      const { api, mock } = yield* clientOf(auth, () => MockClient.respond(200, {}, dateOf(1_004_000)))
      yield* api.get("/")
      yield* api.get("/")
      expect(createdOf(yield* mock.sent)).toEqual([1000, 1000])
    })
  )

  it.effect("does not replace the signature of a replay, although the server names another time again", () =>
    Effect.gen(function* () {
      const auth = MessageSignature.make({ key: yield* key })
      const respond = (ms: number) =>
        HttpClientResponse.fromWeb(testRequest, new Response(null, { status: 401, headers: dateOf(ms) }))
      const first = yield* auth.sign(testRequest)
      first.onResponse?.(respond(600_000))
      const rejection = { credential: first.credential, challenges: [], at: 0 }
      expect(yield* auth.onRejected(rejection)).toBe(true)
      const second = yield* auth.sign(testRequest)
      second.onResponse?.(respond(1_200_000))
      const again = { ...rejection, credential: second.credential, initialCredentialId: first.credential }
      expect(yield* auth.onRejected(again)).toBe(false)
    })
  )

  it.effect("sends no second replay, and none after a 401 with the right time, without it, or from a cache", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      for (const [headers, count] of [
        [dateOf(1_600_000), 2],
        [dateOf(1_004_000), 1],
        [{}, 1],
        [{ ...dateOf(1_600_000), age: "0" }, 1]
      ] as const) {
        const auth = MessageSignature.make({ key: yield* key })
        const { api, mock } = yield* clientOf(auth, () => MockClient.respond(401, "", headers))
        expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
        expect(yield* mock.sent).toHaveLength(count)
      }
    })
  )
})

const short = () => Crypto.generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey

describe("MessageSignature.fromJwk, fromPem and fromSecret", () => {
  it.effect.each<
    readonly [string, Effect.Effect<unknown, { readonly reason: string; readonly detail: string }>, RegExp]
  >([
    ["no JSON", MessageSignature.fromJwk(Redacted.make("canary")), /no JWK/],
    ["null", MessageSignature.fromJwk(Redacted.make("null")), /no JWK/],
    ["another curve", MessageSignature.fromJwk(jwk({ ...ed25519, crv: "X25519" })), /algorithm of the JWK is unknown/],
    ["a wrong member", MessageSignature.fromJwk(jwk({ ...ed25519, x: "canary" })), /no JWK/],
    ["another algorithm", MessageSignature.fromJwk(jwk(ed25519), { algorithm: "hmac-sha256" }), /does not fit/],
    [
      "RSA without alg",
      MessageSignature.fromJwk(jwk(pairs[3]![1].privateKey.export({ format: "jwk" }))),
      /Set `algorithm`/
    ],
    [
      "a JWK of 1024 bits",
      MessageSignature.fromJwk(jwk(short().export({ format: "jwk" })), { algorithm: "rsa-pss-sha512" }),
      /2048/
    ],
    ["an empty secret", MessageSignature.fromSecret(Redacted.make("")), /secret is empty/],
    ["another text", MessageSignature.fromPem(Redacted.make("canary"), { algorithm: "ed25519" }), /no PEM/]
  ])("fail with InvalidRequest for %s", ([_, make, detail]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(make)
      expect(error).toMatchObject({
        _tag: "InvalidRequest",
        reason: "Credentials",
        detail: expect.stringMatching(detail)
      })
      expect(allRenderings(error)).not.toContain("canary")
    })
  )
})
