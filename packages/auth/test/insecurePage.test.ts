/** A web page without HTTPS has `crypto.getRandomValues`, but neither `crypto.subtle` nor `crypto.randomUUID`. */
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import * as DpopKey from "@countersign/auth/DpopKey"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Signature from "@countersign/auth/Signature"
import * as TokenEvents from "@countersign/auth/TokenEvents"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as TransactionStore from "@countersign/auth/TransactionStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as HttpCache from "@countersign/client/HttpCache"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as JsonCodec from "@countersign/client/JsonCodec"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { afterEach, beforeEach, describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import { clientOf, ok } from "./support/client.js"
import { LeaseEngine } from "./support/leaseEngine.js"
import { granted, issuer } from "./support/oauth.js"
import { callbackOf, signingIn } from "./support/signIn.js"

const pair = await jose.generateKeyPair("ES256")

const client = { issuer, clientId: "page", tokenEndpoint: `${issuer}/token` }

const memory = Layer.effect(TokenStore.TokenStore, TokenStore.makeMemory)

const tokenOf = (layer: Layer.Layer<TokenSource.TokenSource, unknown, HttpClient.HttpClient | TokenStore.TokenStore>) =>
  Effect.gen(function* () {
    const { client: transport } = yield* MockClient.make([granted({ refresh_token: "canary-r" })])
    const services = Layer.mergeAll(memory, Layer.succeed(HttpClient.HttpClient, transport), TokenEvents.layer)
    const { get } = yield* Effect.provide(TokenSource.TokenSource, Layer.provide(layer, services))
    return (yield* get).token.accessToken
  })

const pendingSignIn = Effect.gen(function* () {
  const signIn = yield* signingIn({ complianceFixes: { pkce: false }, scopes: [] })
  const transaction = yield* signIn.start()
  const store = yield* TransactionStore.TransactionStore
  yield* store.put("tab", transaction)
  return yield* store.take("tab", new URL(callbackOf(transaction)).searchParams)
}).pipe(Effect.provide(Layer.provide(TransactionStore.layerKeyValueStore(), KeyValueStore.layerMemory)))

const signIn = Effect.flatMap(signingIn(), ({ start }) => start())

const signature = Effect.gen(function* () {
  const { api } = yield* clientOf(Signature.make({ keyId: "key", secret: Redacted.make("canary") }), () => ok)
  yield* api.post("/", { text: "x".repeat(10_000) })
})

const assertion = Effect.gen(function* () {
  const key = { key: pair.privateKey }
  const layer = JwtBearer.layer({ ...client, assertion: { key, subject: "ada" } })
  return yield* tokenOf(layer)
})

const cachedResponse = Effect.gen(function* () {
  const cache = yield* HttpCache.makePersistent({ account: "a" })
  const { client: transport } = yield* MockClient.make(() =>
    MockClient.respond(200, { ok: true }, { "cache-control": "max-age=60" })
  )
  const api = yield* Effect.provideService(
    ApiClient.make({ baseUrl: "https://api.test", cache, auth: Auth.none }),
    HttpClient.HttpClient,
    transport
  )
  yield* api.get("/")
  yield* api.get("/")
  yield* api.delete("/")
  yield* cache.clear
}).pipe(Effect.provide(KeyValueStore.layerMemory))

const lock = Effect.gen(function* () {
  const withLock = LeaseLock.make(new LeaseEngine(yield* Effect.clock).backing)
  yield* withLock("lock")(Effect.void)
})

const storedKey = Effect.gen(function* () {
  const store = KeyValueTokenStore.make(yield* KeyValueStore.KeyValueStore)
  yield* store.get("key")
}).pipe(Effect.provide(KeyValueStore.layerMemory))

const works: Record<string, Effect.Effect<unknown, unknown>> = {
  "a request signature over a body": signature,
  "an idempotency key": IdempotencyKey.uuid,
  "integers beyond 2^53 in JSON": Effect.sync(() => JsonCodec.bigInt.stringify({ id: 2n ** 60n })),
  "a lock of several processes": lock,
  "a token store over a KeyValueStore": storedKey,
  "a pending sign-in in a KeyValueStore": pendingSignIn,
  "a refresh token of the options, with token events": tokenOf(
    RefreshToken.layer({
      ...client,
      clientAuthentication: ClientAuthentication.none,
      refreshToken: Redacted.make("canary-r")
    })
  ),
  "a persistent HTTP cache, which then stores nothing": cachedResponse
}

const fails: Record<string, Effect.Effect<unknown, unknown>> = {
  "Dpop.generateKey": Dpop.generateKey,
  "Dpop.generateExtractableKey": Dpop.generateExtractableKey,
  "Dpop.fromJwk": Dpop.fromJwk(Redacted.make("{}")),
  "DpopKey.fromStore": DpopKey.fromStore(client).pipe(Effect.provide(memory)),
  "a sign-in, which hashes the PKCE verifier": signIn
}

describe("a page without HTTPS", () => {
  beforeEach(() => {
    const { crypto } = globalThis
    vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes) })
  })
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it.effect.each(Object.keys(works))("supports %s", (name) => works[name] ?? Effect.die(name))

  it.effect.each(Object.keys(fails))("fails with an error that names `crypto.subtle`: %s", (name) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(fails[name] ?? Effect.die(name))
      expect(error).toMatchObject({
        _tag: "InvalidRequest",
        detail: expect.stringContaining("`crypto.subtle`") as string
      })
    })
  )

  it.effect("fails with a typed error when a JWT assertion cannot be signed", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(assertion)).toMatchObject({ _tag: "InvalidRequest" })
    })
  )

  it.effect("makes UUIDs of version 4", () =>
    Effect.gen(function* () {
      const all = yield* Effect.all(Array.from({ length: 1000 }, () => IdempotencyKey.uuid))
      expect(new Set(all).size).toBe(1000)
      for (const uuid of all)
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    })
  )
})
