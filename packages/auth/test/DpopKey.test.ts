import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import * as DpopKey from "@countersign/auth/DpopKey"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenKey from "@countersign/auth/TokenKey"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { allRenderings } from "./support/allRenderings.js"
import { times, token } from "./support/tokenSource.js"

const options = { issuer: "https://oauth.test", clientId: "cli", account: "ada" }

const recordKey = TokenKey.format({ issuer: "https://oauth.test", client: "cli", account: "ada", resource: "#dpop" })

const thumbprint = Effect.flatMap(DpopKey.fromStore(options), Dpop.thumbprint)

describe("DpopKey.fromStore", () => {
  it.effect("returns the same key to concurrent and later callers", () =>
    Effect.gen(function* () {
      const all = yield* times(20, thumbprint)
      expect(new Set([...all, yield* thumbprint]).size).toBe(1)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("returns another key for another account, client or issuer", () =>
    Effect.gen(function* () {
      const others = [{ account: "grace" }, { clientId: "web" }, { issuer: "https://other.test" }, {}]
      const all = yield* Effect.forEach(others, (other) =>
        Effect.flatMap(DpopKey.fromStore({ ...options, ...other }), Dpop.thumbprint)
      )
      expect(new Set(all).size).toBe(4)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("returns a key that is not extractable, and prints no private key", () =>
    Effect.gen(function* () {
      const key = yield* DpopKey.fromStore(options)
      expect(yield* Effect.flip(Dpop.toJwk(key))).toMatchObject({ _tag: "InvalidRequest" })
      const store = yield* TokenStore.TokenStore
      const { token } = Option.getOrThrow(yield* store.get(recordKey))
      const { d } = JSON.parse(Redacted.value(token.accessToken)) as { readonly d: string }
      expect(d.length).toBeGreaterThan(40)
      expect(allRenderings(token)).not.toContain(d)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect.each<readonly [string, string, string, object]>([
    ["a token", "Bearer", "canary", { _tag: "TokenStoreError", reason: "UnsupportedFormat" }],
    ["a malformed JWK", "JWK", "canary", { _tag: "InvalidRequest", reason: "Credentials" }],
    ["a public key", "JWK", '{"kty":"EC","crv":"P-256","x":"canary","y":"canary"}', { _tag: "InvalidRequest" }]
  ])("fails when the record holds %s, and keeps the record", ([_, tokenType, text, expected]) =>
    Effect.gen(function* () {
      const store = yield* TokenStore.TokenStore
      const record = { ...(yield* token(1)), accessToken: Redacted.make(text), tokenType }
      yield* store.compareAndSet(recordKey, 0, record)
      const error = yield* Effect.flip(DpopKey.fromStore(options))
      expect(error).toMatchObject(expected)
      expect(allRenderings(error)).not.toContain("canary")
      expect(Option.getOrThrow(yield* store.get(recordKey)).token).toEqual(record)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("fails when the key cannot be stored, because tokens bound to it would end with the process", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const full = new TokenStoreError({ reason: "WriteFailed", detail: "as scripted" })
      const broken = { ...store, compareAndSet: () => Effect.fail(full) }
      const error = yield* Effect.flip(Effect.provideService(thumbprint, TokenStore.TokenStore, broken))
      expect(error).toBe(full)
    })
  )

  it.effect("refreshes a token that an earlier run bound to the key", () =>
    Effect.gen(function* () {
      const redirectUri = "http://127.0.0.1/callback"
      const client = {
        ...options,
        clientAuthentication: ClientAuthentication.none,
        transport: OAuth2.dangerouslyAllowHttpOnLoopback
      }
      const run = Effect.map(DpopKey.fromStore(options), (dpop) => ({ ...client, dpop, redirectUri, scopes: ["read"] }))
      const { start, complete } = yield* AuthorizationCode.make(yield* run)
      const transaction = yield* start()
      const { headers } = yield* HttpClient.get(transaction.url)
      const { token } = yield* complete(transaction, headers["location"] ?? "")
      const { refresh } = yield* OAuth2.make(yield* run)
      const refreshToken = token.refreshToken ?? Redacted.make("")
      const stranger = yield* OAuth2.make({ ...(yield* run), dpop: yield* Dpop.generateKey })
      expect(yield* Effect.flip(stranger.refresh(refreshToken))).toMatchObject({ error: "invalid_grant" })
      expect((yield* refresh(refreshToken)).tokenType).toBe("DPoP")
    }).pipe(
      Effect.provide(
        Layer.merge(
          OAuthServer.layerMemory({
            clients: { cli: { public: true, redirectUris: ["http://127.0.0.1/callback"] } },
            dpop: { required: true, nonce: true }
          }),
          TokenStore.layerMemory
        )
      )
    )
  )
})

it("declares the type of fromStore", () => {
  expectTypeOf(DpopKey.fromStore).returns.toEqualTypeOf<
    Effect.Effect<Dpop.Key, InvalidRequest | TokenStoreError, TokenStore.TokenStore>
  >()
})
