// Signed responses, and responses that are not authentic.
import * as Bearer from "@countersign/auth/Bearer"
import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Protocol from "@countersign/protocol/MessageSignature"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Crypto from "node:crypto"
import { clientOf } from "./support/client.js"

const jwk = (value: object) => Redacted.make(JSON.stringify(value))

// RFC 9421, B.1.3.
const p256 = MessageSignature.fromJwk(
  jwk({
    kty: "EC",
    crv: "P-256",
    kid: "test-key-ecc-p256",
    x: "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA",
    y: "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0"
  })
)

const clientAt = <E>(baseUrl: string, auth: Auth.Service<E>, script: MockClient.Script) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(script)
    const api = yield* Effect.provideService(ApiClient.make({ baseUrl, auth }), HttpClient.HttpClient, client)
    return { api, mock }
  })

const pair = Crypto.generateKeyPairSync("ed25519")

const serverKey = MessageSignature.fromJwk(jwk({ ...pair.publicKey.export({ format: "jwk" }), kid: "server" }))

const now = 1_618_884_473_000

const created = now / 1000

const digestOf = (body: string, algorithm = "sha256") =>
  `${algorithm.replace("sha", "sha-")}=:${Crypto.createHash(algorithm).update(body).digest("base64")}:`

interface Behaviour {
  readonly components?: ReadonlyArray<string | Protocol.Component>
  readonly metadata?: Protocol.Metadata
  /** Header fields that are signed. */
  readonly headers?: Readonly<Record<string, string>>
  /** Header fields that are changed after the signature. */
  readonly changed?: Readonly<Record<string, string | undefined>>
  readonly body?: string
  readonly changedBody?: string
  readonly status?: number
  readonly changedStatus?: number
}

type Sign = (base: Buffer) => Buffer

const padding = Crypto.constants.RSA_PKCS1_PSS_PADDING

/** A key pair of each algorithm, and how node:crypto signs with it. */
const pairs: ReadonlyArray<
  readonly [MessageSignature.Algorithm, Crypto.KeyPairKeyObjectResult, (base: Buffer, key: Crypto.KeyObject) => Buffer]
> = [
  ["ed25519", pair, (base, key) => Crypto.sign(null, base, key)],
  [
    "ecdsa-p256-sha256",
    Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }),
    (base, key) => Crypto.sign("sha256", base, { key, dsaEncoding: "ieee-p1363" })
  ],
  [
    "ecdsa-p384-sha384",
    Crypto.generateKeyPairSync("ec", { namedCurve: "P-384" }),
    (base, key) => Crypto.sign("sha384", base, { key, dsaEncoding: "ieee-p1363" })
  ],
  [
    "rsa-pss-sha512",
    Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }),
    (base, key) => Crypto.sign("sha512", base, { key, padding, saltLength: 64 })
  ],
  [
    "rsa-v1_5-sha256",
    Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }),
    (base, key) => Crypto.sign("sha256", base, key)
  ]
]

/** A server that signs its responses with node:crypto. */
const serverOf =
  (
    {
      body = '{"ok":true}',
      changed,
      changedBody,
      changedStatus,
      components,
      headers,
      metadata,
      status = 200
    }: Behaviour,
    sign: Sign = (base) => Crypto.sign(null, base, pair.privateKey)
  ) =>
  ({ headers: sent, method, url }: MockClient.Sent) => {
    const fields = { "content-type": "application/json", "content-digest": digestOf(body), ...headers }
    const input = Protocol.make(components ?? ["@status", "content-digest"], { created, keyid: "server", ...metadata })
    const base = Protocol.base({ status, headers: fields, request: { method, url, headers: sent } }, input)
    if (base._tag === "Err") throw new Error(base.reason)
    const value = new Uint8Array(sign(Buffer.from(base.value)))
    const signature = Protocol.format([["server", { input, value }]])
    if (signature._tag === "Err") throw new Error(signature.reason)
    const all = { ...fields, ...signature.value, ...changed }
    const present = Object.entries(all).filter((field): field is [string, string] => field[1] !== undefined)
    return MockClient.respond(changedStatus ?? status, changedBody ?? body, Object.fromEntries(present))
  }

const verified = (behaviour: Behaviour, options: Partial<MessageSignature.VerificationOptions> = {}) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(now)
    const auth = MessageSignature.verifyResponses(Auth.none, { keys: [yield* serverKey], ...options })
    return yield* clientOf(auth, serverOf(behaviour))
  })

const reqUri = Protocol.component("@target-uri", { req: true })

const onlySha256 = Protocol.component("content-digest", { key: "sha-256" })

const twoHashes = { "content-digest": `${digestOf('{"ok":true}')}, ${digestOf("other", "sha512")}` }

const accepted: ReadonlyArray<readonly [string, Behaviour, Partial<MessageSignature.VerificationOptions>]> = [
  ["a signature of status and digest", {}, {}],
  ["an empty body", { body: "" }, {}],
  ["more components than required", { components: ["@status", "content-digest", "content-type"] }, {}],
  ["a component of the request", { components: [reqUri] }, { components: [reqUri] }],
  [
    "a signature of one hash of several",
    { components: [onlySha256], headers: twoHashes },
    { components: [onlySha256] }
  ],
  ["a signature of no digest, if none is required", { components: ["@status"] }, { components: ["@status"] }],
  ["the required tag and algorithm", { metadata: { tag: "t", alg: "ed25519" } }, { tag: "t" }],
  ["an expiry in the future", { metadata: { expires: created + 1 } }, {}],
  ["a clock that is 30 seconds fast", { metadata: { created: created + 30 } }, {}],
  ["an age of 5 minutes and the tolerance", { metadata: { created: created - 330 } }, {}],
  ["an unsigned field that was changed", { changed: { "content-type": "text/plain" } }, {}]
]

const rejected: ReadonlyArray<readonly [string, Behaviour, Partial<MessageSignature.VerificationOptions>, RegExp]> = [
  ["another body", { changedBody: '{"ok":1}' }, {}, /not the digest of its body/],
  [
    "another body and digest",
    { changedBody: "1", changed: { "content-digest": digestOf("1") } },
    {},
    /signature is wrong/
  ],
  [
    "another body, with a hash that is not signed",
    {
      components: [onlySha256],
      headers: twoHashes,
      changedBody: "1",
      changed: { "content-digest": `${twoHashes["content-digest"]}, ${digestOf("1", "sha512")}` }
    },
    { components: [onlySha256] },
    /not the digest of its body/
  ],
  ["another status", { changedStatus: 201 }, {}, /signature is wrong/],
  ["another signature", { changed: { signature: "server=:AAEC:" } }, {}, /signature is wrong/],
  ["no signature", { changed: { signature: undefined, "signature-input": undefined } }, {}, /has no signature/],
  ["no signature value", { changed: { signature: undefined } }, {}, /UnpairedLabel/],
  ["a malformed field", { changed: { signature: "server=" } }, {}, /MalformedField/],
  ["an unknown key", { metadata: { keyid: "other" } }, {}, /names a known key/],
  ["another tag", { metadata: { tag: "t" } }, { tag: "u" }, /`tag`/],
  ["another algorithm", { metadata: { alg: "hmac-sha256" } }, {}, /`alg`/],
  ["no time", { metadata: { created: undefined } }, {}, /no `created`/],
  ["a time in the future", { metadata: { created: created + 31 } }, {}, /future/],
  ["an old signature", { metadata: { created: created - 331 } }, {}, /`maxAge`/],
  ["an expired signature", { metadata: { expires: created - 31 } }, {}, /expired/],
  ["a digest that is not signed", { components: ["@status"] }, {}, /does not cover "content-digest"/],
  [
    "a component without req",
    { components: ["content-type"] },
    { components: [Protocol.component("content-type", { req: true })] },
    /does not cover/
  ],
  [
    "a digest of a deprecated algorithm only",
    { headers: { "content-digest": "md5=:AAAAAAAAAAAAAAAAAAAAAA==:" } },
    {},
    /not the digest of its body/
  ]
]

describe("MessageSignature.verifyResponses", () => {
  it.effect("accepts the response of RFC 9421, B.2.4, and rejects it with another body", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      const components = ["@status", "content-type", "content-digest", "content-length"]
      const auth = MessageSignature.verifyResponses(Auth.none, { keys: [yield* p256], components })
      const respond = (body: string) =>
        MockClient.respond(200, body, {
          "content-type": "application/json",
          "content-digest":
            "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
          "content-length": "23",
          "signature-input":
            'sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
          signature:
            "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:"
        })
      const { api } = yield* clientAt("https://example.com", auth, [
        respond('{"message": "good dog"}'),
        respond('{"message": "evil dog"}')
      ])
      yield* api.post("/foo?param=Value&Pet=dog", { json: { hello: "world" } })
      expect(yield* Effect.flip(api.post("/foo", { json: 1 }))).toMatchObject({ _tag: "ResponseNotAuthentic" })
    })
  )

  it.effect.each(accepted)("accepts %s", ([_, behaviour, options]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* verified(behaviour, options)
      yield* api.get("/a?b=c")
      expect((yield* mock.sent)[0]?.headers["accept-encoding"]).toBe("identity")
    })
  )

  it.effect.each(rejected)("rejects %s with ResponseNotAuthentic, once", ([_, behaviour, options, detail]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* verified(behaviour, options)
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({
        _tag: "ResponseNotAuthentic",
        origin: "https://api.test",
        detail: expect.stringMatching(detail)
      })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect.each(pairs)(
    "verifies %s with public keys in JWK and in PEM",
    ([algorithm, { privateKey, publicKey }, sign]) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now)
        const pem = publicKey.export({ type: "spki", format: "pem" }).toString()
        for (const one of [
          yield* MessageSignature.fromJwk(jwk(publicKey.export({ format: "jwk" })), { algorithm, keyId: "server" }),
          yield* MessageSignature.fromPem(Redacted.make(pem), { algorithm, keyId: "server" })
        ]) {
          const auth = MessageSignature.verifyResponses(Auth.none, { keys: [one] })
          const { api } = yield* clientOf(auth, (sent, index) =>
            serverOf(index === 0 ? {} : { changedStatus: 201 }, (base) => sign(base, privateKey))(sent)
          )
          yield* api.get("/")
          expect(yield* Effect.flip(api.get("/"))).toMatchObject({
            detail: expect.stringContaining("signature is wrong")
          })
        }
      })
  )

  it.effect("rejects a response that was signed for another request", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      const components = ["@status", "content-digest", reqUri]
      const auth = MessageSignature.verifyResponses(Auth.none, { keys: [yield* serverKey], components })
      const sign = serverOf({ components })
      const { api } = yield* clientOf(auth, (sent) => sign({ ...sent, url: "https://api.test/other" }))
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "ResponseNotAuthentic" })
      yield* api.get("/other")
    })
  )

  it.effect("fails for open, which does not read the body first", () =>
    Effect.gen(function* () {
      const { api } = yield* verified({})
      const error = yield* Effect.flip(Effect.scoped(api.open("/")))
      expect(error).toMatchObject({ _tag: "ResponseNotAuthentic", detail: expect.stringContaining("`open`") })
    })
  )

  it.effect("verifies the responses of another scheme, which keeps its credentials", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      const bearer = Bearer.make(Redacted.make("token"))
      const auth = MessageSignature.verifyResponses(bearer, { keys: [yield* serverKey] })
      const { api, mock } = yield* clientOf(auth, (sent, index) =>
        serverOf(index === 0 ? {} : { changedBody: "1" })(sent)
      )
      yield* api.get("/")
      expect((yield* mock.sent)[0]?.headers["authorization"]).toBe("Bearer token")
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "ResponseNotAuthentic" })
    })
  )
})
