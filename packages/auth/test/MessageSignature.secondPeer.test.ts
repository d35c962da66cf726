// HTTP Message Signatures against http-message-signatures, a second implementation of RFC 9421 by other authors.
//
// It knows `@query-param`, `sf` and `bs`, which http-message-sig does not. Where it differs from the RFC, the last block shows the
// difference, with a control that has none.
import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Protocol from "@countersign/protocol/MessageSignature"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Peer from "http-message-signatures"
import * as Crypto from "node:crypto"
import { clientOf, ok } from "./support/client.js"

const secret = Crypto.randomBytes(32)

interface Keys {
  readonly sign: Crypto.KeyObject
  readonly verify: Crypto.KeyObject
}

const pairOf = ({ privateKey, publicKey }: Crypto.KeyPairKeyObjectResult): Keys => ({
  sign: privateKey,
  verify: publicKey
})

const rsa = (): Keys => pairOf(Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }))
const curve = (namedCurve: string): Keys => pairOf(Crypto.generateKeyPairSync("ec", { namedCurve }))
const shared = Crypto.createSecretKey(secret)

/** Keys of each algorithm that both have, which are all of RFC 9421. */
const algorithms: ReadonlyArray<readonly [algorithm: MessageSignature.Algorithm, keys: Keys]> = [
  ["hmac-sha256", { sign: shared, verify: shared }],
  ["ed25519", pairOf(Crypto.generateKeyPairSync("ed25519"))],
  ["ecdsa-p256-sha256", curve("P-256")],
  ["ecdsa-p384-sha384", curve("P-384")],
  ["rsa-v1_5-sha256", rsa()],
  ["rsa-pss-sha512", rsa()]
]

const ownKey = (algorithm: MessageSignature.Algorithm, key: Crypto.KeyObject) =>
  algorithm === "hmac-sha256"
    ? MessageSignature.fromSecret(Redacted.make(new Uint8Array(secret)), { keyId: "k" })
    : MessageSignature.fromJwk(Redacted.make(JSON.stringify(key.export({ format: "jwk" }))), { algorithm, keyId: "k" })

/** What the peer says about a signed request: true, false, or the name of its error. */
const verdictOf = (
  { headers, method, url }: Pick<MockClient.Sent, "headers" | "method" | "url">,
  key: Peer.VerifyingKey
) =>
  Effect.promise(() =>
    Peer.httpbis
      .verifyMessage(
        {
          keyLookup: ({ keyid }) => Promise.resolve(keyid === "k" ? key : null),
          requiredParams: ["created", "keyid"],
          requiredFields: ["@method", "@target-uri"],
          maxAge: 60,
          tolerance: 5
        },
        { method, url, headers: { ...headers } }
      )
      .catch((error: unknown) => (error instanceof Error ? error.name : "unknown"))
  )

const query = (name: string) => Protocol.component("@query-param", { name })

// The peer reads the clock of the machine.
describe("MessageSignature.make", () => {
  it.live.each(algorithms)(
    "signs with %s as http-message-signatures verifies, and it rejects changes",
    ([algorithm, keys]) =>
      Effect.gen(function* () {
        const auth = MessageSignature.make({
          key: yield* ownKey(algorithm, keys.sign),
          components: [
            ...["@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"],
            ...[query("q"), query("empty"), "content-type", Protocol.component("x-text", { bs: true })],
            ...[Protocol.component("x-dict", { sf: true }), Protocol.component("x-dict", { key: "b" })]
          ],
          fieldTypes: { "x-dict": "dictionary" },
          ...{ alg: true, nonce: true, tag: 'a"\\b', expiresIn: "1 minute" }
        })
        const { api, mock } = yield* clientOf(auth, () => ok)
        yield* api.post("/ä/b;c?q=a+b&empty=&r=%20", {
          json: { text: "ü" },
          headers: { "x-dict": 'a=1,  b="x;y";p=?0', "x-text": "a, b" }
        })
        const [sent] = yield* mock.sent
        const key: Peer.VerifyingKey = {
          id: "k",
          algs: [algorithm],
          verify: Peer.createVerifier(algorithm === "hmac-sha256" ? secret : keys.verify, algorithm)
        }
        expect(yield* verdictOf(sent!, key)).toBe(true)
        for (const changed of [
          { ...sent!, method: "PUT" },
          { ...sent!, url: sent!.url.replace("q=a+b", "q=a+c") },
          { ...sent!, headers: { ...sent!.headers, "content-digest": "sha-256=:AAAA:" } },
          { ...sent!, headers: { ...sent!.headers, "x-text": "a,b" } }
        ]) {
          expect(yield* verdictOf(changed, key)).toBe(false)
        }
      })
  )
})

/** A signer with the salt of RFC 9421 §3.3.1, which the signer of the peer does not have. */
const saltedSigner = (key: Crypto.KeyObject): Peer.SigningKey => ({
  id: "k",
  alg: "rsa-pss-sha512",
  sign: (data) =>
    Promise.resolve(
      Crypto.sign("sha512", data, { key, padding: Crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 })
    )
})

const signerOf = (algorithm: MessageSignature.Algorithm, keys: Keys): Peer.SigningKey =>
  algorithm === "rsa-pss-sha512"
    ? saltedSigner(keys.sign)
    : Peer.createSigner(algorithm === "hmac-sha256" ? secret : keys.sign, algorithm, "k")

/** A server that signs its responses with the peer. */
const respond = (
  { headers, method, url }: MockClient.Sent,
  key: Peer.SigningKey,
  changes: { status?: number; body?: string }
) =>
  Effect.promise(async () => {
    const body = '{"ok":true}'
    const digest = Crypto.createHash("sha256").update(body).digest("base64")
    const response = { "content-type": "application/json", "content-digest": `sha-256=:${digest}:` }
    const fields = ["@status", "content-digest", '"@method";req', '"@target-uri";req', '"@query-param";name="c";req']
    const signed = await Peer.httpbis.signMessage(
      { key, name: "own", fields, params: ["created", "keyid", "alg", "tag"], paramValues: { tag: "t" } },
      { status: 200, headers: response },
      { method, url, headers: { ...headers } }
    )
    const sent = Object.fromEntries(Object.entries(signed.headers).map(([name, value]) => [name, String(value)]))
    return MockClient.respond(changes.status ?? 200, changes.body ?? body, sent)
  })

const covered = [
  ...["@status", "content-digest"],
  ...[Protocol.component("@method", { req: true }), Protocol.component("@target-uri", { req: true })]
]

/** A call to a server that signs with the peer. */
const verifiedCall = (
  key: MessageSignature.Key,
  signer: Peer.SigningKey,
  changes: { readonly status?: number; readonly body?: string } = {}
) =>
  Effect.gen(function* () {
    const auth = MessageSignature.verifyResponses(Auth.none, { keys: [key], components: covered, tag: "t" })
    const { client } = yield* MockClient.make({ "GET /*": (sent) => respond(sent, signer, changes) })
    const api = yield* Effect.provideService(
      ApiClient.make({ baseUrl: "https://api.test", auth }),
      HttpClient.HttpClient,
      client
    )
    return yield* api.get("/a%20b?c=d%20e", { headers: { accept: "application/json" } })
  })

describe("MessageSignature.verifyResponses", () => {
  it.live.each(algorithms)(
    "verifies what http-message-signatures signs with %s, and rejects changes",
    ([algorithm, keys]) =>
      Effect.gen(function* () {
        const key = yield* ownKey(algorithm, keys.verify)
        const signer = signerOf(algorithm, keys)
        expect((yield* verifiedCall(key, signer)).status).toBe(200)
        for (const changes of [{ status: 201 }, { body: '{"ok":true} ' }]) {
          expect(yield* Effect.flip(verifiedCall(key, signer, changes))).toMatchObject({ _tag: "ResponseNotAuthentic" })
        }
      })
  )
})

/** The signature base that the peer signs. */
const peerBase = (request: Peer.Request, fields: ReadonlyArray<string>) => {
  const base = Peer.httpbis.createSignatureBase({ fields: [...fields] }, request)
  return Peer.httpbis.formatSignatureBase(base)
}

/** The lines of our signature base before the parameters of the signature. */
const ownBase = (request: Protocol.Request, components: ReadonlyArray<string | Protocol.Component>) => {
  const base = Protocol.base(request, Protocol.make(components, {}), { "x-dict": "dictionary", "x-list": "list" })
  return base._tag === "Ok" ? base.value.replace(/\n?"@signature-params".*$/, "") : base
}

/** Components, and their identifiers in the form of the peer. */
const components: ReadonlyArray<readonly [own: string | Protocol.Component, peer: string]> = [
  ...["@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query", "x-text"].map(
    (name) => [name, name] as const
  ),
  [query("a"), '"@query-param";name="a"'],
  [query("b"), '"@query-param";name="b"'],
  [Protocol.component("x-text", { bs: true }), '"x-text";bs'],
  [Protocol.component("x-dict", { sf: true }), '"x-dict";sf'],
  [Protocol.component("x-dict", { key: "a" }), '"x-dict";key="a"'],
  [Protocol.component("x-list", { sf: true }), '"x-list";sf']
]

const origins = ["https://API.test", "http://api.test:8080", "https://api.test:443", "https://[::1]:1"]

const requests = FastCheck.record({
  method: FastCheck.constantFrom("GET", "POST", "M-SEARCH"),
  url: FastCheck.tuple(
    FastCheck.constantFrom(...origins),
    FastCheck.array(FastCheck.constantFrom("a", "%2F", "%c3%a4", "ä", "b;c", "..", "'"), { maxLength: 4 }),
    FastCheck.constantFrom("?a=b&b=%20", "?a=1+2&b=", "?b=%C3%BC&a=%26&c='", "?a=ü%2F&b=x/y?z&c")
  ).map(([origin, path, search]) => new URL(`${origin}/${path.join("/")}${search}`).href),
  headers: FastCheck.record({
    "x-text": FastCheck.tuple(
      FastCheck.constantFrom("", " ", "\t "),
      FastCheck.string({ minLength: 1, maxLength: 12, unit: FastCheck.constantFrom(...' !"#\\aZ09,;=:()~') })
    ).map(([space, text]) => space + text + space),
    "x-dict": FastCheck.constantFrom(
      'a=1,  b="x;y";p=?0',
      "a=1.50;q, c",
      "a=:AAEC:, b=tok/en",
      'a=("x"  y;z);w=2 ,\tb=?1'
    ),
    "x-list": FastCheck.constantFrom('1,  "b";x=?1', "(a  b);c=1.50, d", ":AAEC:;k=tok")
  }),
  covered: FastCheck.shuffledSubarray([...components], { minLength: 1 })
})

describe("MessageSignature.base of protocol", () => {
  it("makes the signature base of http-message-signatures, byte for byte", () => {
    FastCheck.assert(
      FastCheck.property(requests, ({ covered: chosen, headers, method, url }) => {
        const own = ownBase(
          { method, url, headers },
          chosen.map(([one]) => one)
        )
        const peer = peerBase(
          { method, url, headers },
          chosen.map(([, one]) => one)
        )
        expect(own).toBe(peer)
      }),
      { numRuns: 500 }
    )
  })
})

describe("http-message-signatures", () => {
  const request = { method: "get", url: "https://api.test/?a=it's(1)!&b=1&b=2", headers: {} }

  it.live("signs rsa-pss-sha512 with the longest salt, and not with the 64 bytes of RFC 9421 §3.3.1", () =>
    Effect.gen(function* () {
      const [, keys] = algorithms[5]!
      const key = yield* ownKey("rsa-pss-sha512", keys.verify)
      const signer = Peer.createSigner(keys.sign, "rsa-pss-sha512", "k")
      expect(yield* Effect.flip(verifiedCall(key, signer))).toMatchObject({ _tag: "ResponseNotAuthentic" })
      // The control: the same call with that salt.
      expect((yield* verifiedCall(key, saltedSigner(keys.sign))).status).toBe(200)
    })
  )

  it("changes the method to upper case, although RFC 9421 §2.2.1 calls it case-sensitive", () => {
    expect([ownBase(request, ["@method"]), peerBase(request, ["@method"])]).toEqual([
      '"@method": get',
      '"@method": GET'
    ])
    expect(ownBase({ ...request, method: "GET" }, ["@method"])).toBe(peerBase(request, ["@method"]))
  })

  it("leaves some characters of a query parameter, which RFC 9421 §2.2.8 percent-encodes", () => {
    const peer = ['"@query-param";name="a"']
    expect(ownBase(request, [query("a")])).toBe('"@query-param";name="a": it%27s%281%29%21')
    expect(peerBase(request, peer)).toBe(`"@query-param";name="a": it's(1)!`)
    const plain = { ...request, url: "https://api.test/?a=it%20s" }
    expect(ownBase(plain, [query("a")])).toBe(peerBase(plain, peer))
  })

  it("serializes the Decimal 1.0 as the Integer 1, although RFC 9651 §4.1.5 keeps a digit after the point", () => {
    const own = Protocol.component("x-list", { sf: true })
    const of = (field: string) => ({ ...request, headers: { "x-list": field } })
    expect(ownBase(of("a;q=1.0"), [own])).toBe('"x-list";sf: a;q=1.0')
    expect(peerBase(of("a;q=1.0"), ['"x-list";sf'])).toBe('"x-list";sf: a;q=1')
    expect(ownBase(of("a;q=1.5"), [own])).toBe(peerBase(of("a;q=1.5"), ['"x-list";sf']))
  })

  it("signs a parameter that occurs twice, which RFC 9421 §2.2.8 forbids", () => {
    expect(ownBase(request, [query("b")])).toMatchObject({ _tag: "Err" })
    expect(peerBase(request, ['"@query-param";name="b"'])).toContain('name="b": 1\n')
  })
})
