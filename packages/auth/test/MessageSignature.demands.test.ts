// Demands of signatures (`Accept-Signature`) in 401 responses.
import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as Protocol from "@countersign/protocol/MessageSignature"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import { clientOf, ok } from "./support/client.js"

const pair = Crypto.generateKeyPairSync("ed25519")

const key = MessageSignature.fromJwk(
  Redacted.make(JSON.stringify({ ...pair.privateKey.export({ format: "jwk" }), kid: "k" }))
)

const demanding = (field: string) => MockClient.respond(401, "", { "accept-signature": field })

const clientFor = (script: MockClient.Script, options: Partial<MessageSignature.Options> = {}) =>
  Effect.gen(function* () {
    const { api, mock } = yield* clientOf(MessageSignature.make({ key: yield* key, ...options }), script)
    const sent = Effect.map(mock.sent, (all) => all.map(({ headers }) => headers["signature-input"]))
    return { api, mock, sent }
  })

const own = 'sig1=("@method" "@target-uri");created=0;keyid="k"'

describe("MessageSignature.make after a 401 with Accept-Signature", () => {
  it.effect("sends the demanded signature once, and signs later requests to the origin in the same way", () =>
    Effect.gen(function* () {
      const { api, mock, sent } = yield* clientFor([demanding('app=("@authority" "@method");tag="t";created'), ok, ok])
      yield* api.get("/a")
      yield* api.get("/b")
      const demanded = 'app=("@authority" "@method" "@target-uri");tag="t";created=0;keyid="k"'
      expect(yield* sent).toEqual([own, demanded, demanded])
      const { headers, method, url } = (yield* mock.sent)[1]!
      const signature = Protocol.parse(headers)
      if (signature._tag === "Err") throw new Error(signature.reason)
      const { input, value } = signature.value.get("app")!
      const base = Protocol.base({ method, url, headers }, input)
      expect(base._tag === "Ok" && Crypto.verify(null, Buffer.from(base.value), pair.publicKey, value)).toBe(true)
    })
  )

  it.effect("sends no second replay, and remembers the last demand", () =>
    Effect.gen(function* () {
      const { api, sent } = yield* clientFor((_, index) => demanding(`a=("@method");nonce="${index}"`), { nonce: true })
      for (const _ of [1, 2]) expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      const nonces = (yield* sent).map((input) => /;nonce="([^"]*)"/.exec(input ?? "")?.[1])
      expect(nonces).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), "0", "1", "2"])
    })
  )

  it.effect.each<readonly [string, string, Partial<MessageSignature.Options>]>([
    ["a field that the request lacks", 'a=("x-missing")', {}],
    ["an unknown component", 'a=("@unknown")', {}],
    ["a component of a response", 'a=("@status")', {}],
    ["another tag", 'a=();tag="other"', { tag: "own" }],
    ["another key", 'a=();keyid="other"', {}],
    ["another algorithm", 'a=();alg="hmac-sha256"', {}],
    ["an expiry that the options lack", "a=();expires", {}],
    ["an unknown parameter", "a=();x", {}],
    ["a digest that the options exclude", 'a=("content-digest")', { contentDigest: false }],
    ["a digest of another hash", 'a=("content-digest";key="sha-512")', {}],
    ["a malformed field", 'a=("@method"', {}],
    ["no signature", "", {}]
  ])("leaves the 401 final for %s", ([_, field, options]) =>
    Effect.gen(function* () {
      const { api, sent } = yield* clientFor(() => demanding(field), options)
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* sent).toHaveLength(1)
    })
  )

  it.effect("fulfils the first of several demands that it can fulfil", () =>
    Effect.gen(function* () {
      const { api, sent } = yield* clientFor([demanding('a=("x-missing"), b=("@path");alg="ed25519";expires'), ok], {
        expiresIn: "1 minute"
      })
      yield* api.get("/")
      expect((yield* sent)[1]).toBe('b=("@path" "@method" "@target-uri");alg="ed25519";expires=60;created=0;keyid="k"')
    })
  )

  it.effect("adds the digest that a server demands of a request without a body", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientFor([demanding('a=("content-digest")'), ok])
      yield* api.get("/")
      const digest = Crypto.createHash("sha256").digest("base64")
      expect((yield* mock.sent).map(({ headers }) => headers["content-digest"])).toEqual([
        undefined,
        `sha-256=:${digest}:`
      ])
    })
  )

  it.effect("signs by the options a request that lacks a demanded component", () =>
    Effect.gen(function* () {
      const { api, sent } = yield* clientFor([demanding('a=("x-tenant")'), ok, ok])
      yield* api.get("/", { headers: { "x-tenant": "t" } })
      yield* api.get("/")
      const demanded = 'a=("x-tenant" "@method" "@target-uri");created=0;keyid="k"'
      expect(yield* sent).toEqual([own, demanded, own])
    })
  )

  it.effect("sends concurrent requests once more, although only one of their responses changed the signature", () =>
    Effect.gen(function* () {
      const auth = MessageSignature.make({ key: yield* key })
      const request = HttpClientRequest.get("https://api.test/")
      const all = yield* Effect.all([auth.sign(request), auth.sign(request)])
      for (const { credential, onResponse } of all) {
        onResponse?.(rejectedBy(request, 'a=("@path")'))
        expect(yield* auth.onRejected({ credential, challenges: [], at: 0 })).toBe(true)
      }
      const { credential } = yield* auth.sign(request)
      expect(yield* auth.onRejected({ credential, challenges: [], at: 0 })).toBe(false)
    })
  )

  it.effect("does not replace the signature of a replay, although the server demands another one", () =>
    Effect.gen(function* () {
      const auth = MessageSignature.make({ key: yield* key })
      const request = HttpClientRequest.get("https://api.test/")
      const first = yield* auth.sign(request)
      first.onResponse?.(rejectedBy(request, 'a=("@path")'))
      const second = yield* auth.sign(request)
      second.onResponse?.(rejectedBy(request, 'a=("@query")'))
      const { credential: initialCredentialId } = first
      const rejection = { credential: second.credential, initialCredentialId, challenges: [], at: 0 }
      expect(yield* auth.onRejected(rejection)).toBe(false)
    })
  )

  it.effect("does not sign with a demanded key id if the own key has none", () =>
    Effect.gen(function* () {
      const unnamed = yield* MessageSignature.fromSecret(Redacted.make("secret"))
      const { api, sent } = yield* clientFor(() => demanding('a=();keyid="other"'), { key: unnamed })
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* sent).toHaveLength(1)
    })
  )

  it.effect("remembers the demands of 100 origins, each for itself", () =>
    Effect.gen(function* () {
      const auth = MessageSignature.make({ key: yield* key })
      const requestTo = (index: number) => HttpClientRequest.get(`https://${index}.test/`)
      const inputTo = (index: number) =>
        Effect.map(auth.sign(requestTo(index)), ({ request }) => request.headers["signature-input"])
      for (let index = 0; index <= 100; index++) {
        const { onResponse } = yield* auth.sign(requestTo(index))
        onResponse?.(rejectedBy(requestTo(index), `a${index}=("@path")`))
      }
      expect(yield* inputTo(0)).toBe(own)
      expect(yield* inputTo(1)).toContain("a1=(")
      expect(yield* inputTo(100)).toContain("a100=(")
    })
  )

  it.effect("ignores a demand in a response that is no 401", () =>
    Effect.gen(function* () {
      const { api, sent } = yield* clientFor(() => MockClient.respond(200, {}, { "accept-signature": 'a=("@path")' }))
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* sent).toEqual([own, own])
    })
  )
})

const rejectedBy = (request: HttpClientRequest.HttpClientRequest, field: string) =>
  HttpClientResponse.fromWeb(request, new Response(null, { status: 401, headers: { "accept-signature": field } }))
