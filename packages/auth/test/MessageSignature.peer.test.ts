// HTTP Message Signatures against http-message-sig, an implementation of RFC 9421 by other authors.
//
// It implements neither `@query-param` nor the component parameters `sf`, `bs` and `tr`. `@request-target` needs a value that
// the caller gives. These parts are skipped, and the last test verifies that they are still missing.
import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as Auth from "@countersign/client/Auth"
import * as Protocol from "@countersign/protocol/MessageSignature"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Peer from "http-message-sig"
import * as Crypto from "node:crypto"
import { clientOf, ok } from "./support/client.js"

const now = 1_618_884_473

const padding = Crypto.constants.RSA_PKCS1_PSS_PADDING

interface Pair extends Crypto.KeyPairKeyObjectResult {
  /** Parameters of node:crypto for the algorithm. */
  readonly hash: string | null
  readonly parameters: object
}

const ec = { dsaEncoding: "ieee-p1363" }

/** A key pair of each algorithm. */
const pairs: ReadonlyArray<readonly [MessageSignature.Algorithm, Pair]> = [
  ["ed25519", { ...Crypto.generateKeyPairSync("ed25519"), hash: null, parameters: {} }],
  [
    "ecdsa-p256-sha256",
    { ...Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }), hash: "sha256", parameters: ec }
  ],
  [
    "ecdsa-p384-sha384",
    { ...Crypto.generateKeyPairSync("ec", { namedCurve: "P-384" }), hash: "sha384", parameters: ec }
  ],
  [
    "rsa-pss-sha512",
    {
      ...Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }),
      hash: "sha512",
      parameters: { padding, saltLength: 64 }
    }
  ],
  ["rsa-v1_5-sha256", { ...Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }), hash: "sha256", parameters: {} }]
]

const ownKey = (algorithm: MessageSignature.Algorithm, key: Crypto.KeyObject) =>
  MessageSignature.fromJwk(Redacted.make(JSON.stringify(key.export({ format: "jwk" }))), { algorithm, keyId: "k" })

const signerOf = (algorithm: string, { hash, parameters, privateKey }: Pair): Peer.SignerSync => ({
  algorithm,
  sign: (data) => new Uint8Array(Crypto.sign(hash, data, { key: privateKey, ...parameters }))
})

const verifierOf = (algorithm: string, { hash, parameters, publicKey }: Pair): Peer.Verifier => ({
  algorithm,
  verify: (data, signature) => Crypto.verify(hash, data, { key: publicKey, ...parameters }, signature)
})

const fieldsOf = (headers: Readonly<Record<string, string>>) =>
  Object.entries(headers).map(([name, value]) => ({ name, value }))

const requestOf = ({ headers, method, url }: Pick<MockClient.Sent, "headers" | "method" | "url">) =>
  ({ kind: "request", method, targetUri: url, fields: fieldsOf(headers) }) as const

/** What the peer says about a signed request: undefined, or the code of its error. */
const rejectionOf = (request: Pick<MockClient.Sent, "headers" | "method" | "url">, verifier: Peer.Verifier) =>
  Effect.promise(() =>
    Peer.verifySignature(requestOf(request), {
      policy: {
        algorithms: [verifier.algorithm],
        requiredComponents: ["@method", "@target-uri"],
        requiredParameters: ["created", "keyid"],
        maxAge: 60,
        now
      },
      resolveVerifier: () => verifier
    }).then(
      () => undefined,
      (error: unknown) => (Peer.isSignatureError(error) ? error.code : String(error))
    )
  )

describe("MessageSignature.make", () => {
  it.effect.each(pairs)("signs with %s as http-message-sig verifies, and it rejects changes", ([algorithm, pair]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const key = yield* ownKey(algorithm, pair.privateKey)
      const auth = MessageSignature.make({ key, alg: true, nonce: true, tag: 'a"\\b', expiresIn: "1 minute" })
      const { api, mock } = yield* clientOf(auth, () => ok)
      yield* api.post("/ä/b;c?q='x'&q=%20", { json: { text: "ü" } })
      const [sent] = yield* mock.sent
      const verifier = verifierOf(algorithm, pair)
      expect(yield* rejectionOf(sent!, verifier)).toBeUndefined()
      const other = { ...sent!.headers, "content-digest": "sha-256=:AAAA:" }
      for (const changed of [
        { ...sent!, method: "PUT" },
        { ...sent!, url: `${sent!.url}&r` },
        { ...sent!, headers: other }
      ]) {
        expect(yield* rejectionOf(changed, verifier)).toBe("VerificationFailed")
      }
    })
  )

  it.effect("signs as a bot so that the WebCrypto verifier of http-message-sig accepts it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const pair = pairs[0]![1]
      const agent = Protocol.component("signature-agent", { key: "bot" })
      const auth = MessageSignature.make({
        key: yield* ownKey("ed25519", pair.privateKey),
        components: ["@method", "@target-uri", "@authority", agent],
        tag: "web-bot-auth",
        nonce: true,
        expiresIn: "1 minute"
      })
      const { api, mock } = yield* clientOf(auth, () => ok)
      yield* api.get("/", { headers: { "signature-agent": 'other="x", bot="https://bot.example.com";a' } })
      const [sent] = yield* mock.sent
      const publicKey = yield* ownKey("ed25519", pair.publicKey)
      expect(yield* rejectionOf(sent!, Peer.webcrypto.verifier(publicKey.key))).toBeUndefined()
      const headers = { ...sent!.headers, "signature-agent": 'other="y", bot="https://bot.example.org";a' }
      expect(yield* rejectionOf({ ...sent!, headers }, Peer.webcrypto.verifier(publicKey.key))).toBe(
        "VerificationFailed"
      )
    })
  )
})

const components = [
  "@status",
  "content-digest",
  Protocol.component("@method", { req: true }),
  Protocol.component("@target-uri", { req: true }),
  Protocol.component("@query", { req: true }),
  Protocol.component("accept", { req: true })
]

const required = ["@method", "@target-uri", "@query", "accept"].map((name) => Peer.component(name, { req: true }))

type Change = (body: string, fields: Readonly<Record<string, string>>) => MockClient.Step

/** A server that signs its responses with http-message-sig. */
const serverOf = (signer: Peer.SignerSync, change: Change) => (sent: MockClient.Sent) => {
  const body = '{"ok":true}'
  const digest = Crypto.createHash("sha256").update(body).digest("base64")
  const fields = { "content-type": "application/json", "content-digest": `sha-256=:${digest}:` }
  const { signature, signatureInput } = Peer.createSignatureSync(
    { kind: "response", status: 200, fields: fieldsOf(fields), request: requestOf(sent) },
    {
      components: ["@status", "content-digest", ...required],
      parameters: { created: now, keyid: "k", alg: signer.algorithm, tag: "t" },
      signer
    }
  )
  return change(body, { ...fields, signature, "signature-input": signatureInput })
}

const changes: ReadonlyArray<Change> = [
  (body, fields) => MockClient.respond(201, body, fields),
  (body, fields) => MockClient.respond(200, `${body} `, fields)
]

describe("MessageSignature.verifyResponses", () => {
  it.effect.each(pairs)("verifies what http-message-sig signs with %s, and rejects changes", ([algorithm, pair]) =>
    Effect.gen(function* () {
      const key = yield* ownKey(algorithm, pair.publicKey)
      const auth = MessageSignature.verifyResponses(Auth.none, { keys: [key], components, tag: "t" })
      yield* TestClock.setTime(now * 1000)
      const call = (change: Change) =>
        Effect.gen(function* () {
          const { api } = yield* clientOf(auth, serverOf(signerOf(algorithm, pair), change))
          return yield* api.get("/a%20b?c=d", { headers: { accept: "application/json" } })
        })
      expect((yield* call((body, fields) => MockClient.respond(200, body, fields))).status).toBe(200)
      for (const change of changes) {
        expect(yield* Effect.flip(call(change))).toMatchObject({ _tag: "ResponseNotAuthentic" })
      }
    })
  )
})

const ascii = FastCheck.string({ minLength: 1, maxLength: 12, unit: FastCheck.constantFrom(...' !"#\\aZ09,;=:()~') })

const url = FastCheck.tuple(
  FastCheck.constantFrom("https://API.test", "http://api.test:8080", "https://api.test:443", "https://[::1]:1"),
  FastCheck.array(FastCheck.constantFrom("a", "%2F", "%c3%a4", "ä", "b;c", "..", "'"), { maxLength: 4 }),
  FastCheck.constantFrom("", "?", "?a=b&a=%20", "?x='y'&ü", "?a=b?c/d")
).map(([origin, path, query]) => new URL(`${origin}/${path.join("/")}${query}`).href)

const names = ["@method", "@target-uri", "@authority", "@scheme", "@path", "@query", "x-text", "x-empty"] as const

const dictionary = FastCheck.constantFrom(
  'a=1, b="x;y";p=?0',
  "a=1.50;q, c",
  "a=:AAEC:, a=tok/en",
  'a=("x" y;z);w=2 ,\tb=?1',
  "a;n=-7"
)

const inputs = FastCheck.record({
  method: FastCheck.constantFrom("GET", "POST", "M-SEARCH"),
  url,
  headers: FastCheck.record({
    "x-text": FastCheck.tuple(FastCheck.constantFrom("", " ", "\t "), ascii).map(
      ([space, text]) => space + text + space
    ),
    "x-empty": FastCheck.constant(""),
    "x-dict": dictionary
  }),
  covered: FastCheck.shuffledSubarray([...names, "x-dict", "key"]),
  metadata: FastCheck.record(
    { created: FastCheck.nat(), keyid: ascii, nonce: ascii, tag: ascii, expires: FastCheck.nat() },
    { requiredKeys: ["created"] }
  )
})

describe("MessageSignature.base of protocol", () => {
  it("makes the signature base that http-message-sig signs, byte for byte", () => {
    FastCheck.assert(
      FastCheck.property(inputs, ({ covered, headers, metadata, method, url: target }) => {
        const key = { key: "a" }
        const input = Protocol.make(
          covered.map((name) => (name === "key" ? Protocol.component("x-dict", key) : name)),
          metadata
        )
        const base = Protocol.base({ method, url: target, headers }, input)
        let signed = ""
        const fields = Peer.createSignatureSync(requestOf({ method, url: target, headers }), {
          components: covered.map((name) => (name === "key" ? Peer.component("x-dict", key) : name)),
          parameters: metadata,
          signer: {
            algorithm: "ed25519",
            sign: (data) => {
              signed = Buffer.from(data).toString()
              return new Uint8Array([0])
            }
          }
        })
        expect(base).toEqual({ _tag: "Ok", value: signed })
        const written = Protocol.format([["sig1", { input, value: new Uint8Array([0]) }]])
        expect(written).toMatchObject({
          value: { "signature-input": fields.signatureInput, signature: fields.signature }
        })
      }),
      { numRuns: 500 }
    )
  })
})

describe("http-message-sig", () => {
  it("implements no @query-param, sf, bs and tr, which these tests skip", () => {
    const skipped: ReadonlyArray<readonly [string, Peer.ComponentParameters]> = [
      ["@query-param", { name: "a" }],
      ["x-dict", { sf: true }],
      ["x-dict", { bs: true }],
      ["x-dict", { tr: true }]
    ]
    for (const [name, parameters] of skipped) {
      expect(() => Peer.component(name, parameters)).toThrow(/not supported/)
    }
  })
})
