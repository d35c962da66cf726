import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Revocation from "@countersign/auth/Revocation"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { client } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

/** A server that rotates refresh tokens: for `rt-alice` it returns `at-of-rt-alice` and `rt-alice+`. */
const rotating = MockClient.make(({ body }) => {
  const refreshToken = new URLSearchParams(String(body ?? "")).get("refresh_token") ?? ""
  return MockClient.respond(200, {
    access_token: `at-of-${refreshToken}`,
    token_type: "Bearer",
    expires_in: 3600,
    refresh_token: `${refreshToken}+`
  })
})

type More = Partial<RefreshToken.Options>

const optionsOf = (refreshToken: string | undefined, more: More = {}): RefreshToken.Options => ({
  ...client,
  ...(refreshToken !== undefined && { refreshToken: Redacted.make(refreshToken) }),
  ...more
})

/** The access token that a new process gets from this store. */
const started = (store: TokenStore.Service, transport: HttpClient.HttpClient, options: RefreshToken.Options) =>
  Effect.flatMap(TokenSource.TokenSource, ({ get }) => get).pipe(
    Effect.map(({ token }) => Redacted.value(token.accessToken)),
    Effect.provide(
      RefreshToken.layer(options).pipe(
        Layer.provide(Layer.succeed(TokenStore.TokenStore, store)),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, transport))
      )
    ),
    Effect.either
  )

const stores = [
  ["memory", TokenStore.makeMemory],
  [
    "a key-value store",
    Effect.map(KeyValueStore.KeyValueStore, (store) => KeyValueTokenStore.make(store)).pipe(
      Effect.provide(KeyValueStore.layerMemory)
    )
  ]
] as const

const refused = { _tag: "Left", left: { _tag: "TokenStoreError", reason: "OwnerMismatch" } }

describe.each(stores)("RefreshToken.layer with two refresh tokens over %s", (_, making) => {
  it.effect("fails with OwnerMismatch, and mixes no tokens, without an account", () =>
    Effect.gen(function* () {
      for (const concurrency of [1, 2]) {
        const [store, { client: transport }] = yield* Effect.all([making, rotating])
        const names = ["alice", "bob"]
        const got = yield* Effect.forEach(names, (name) => started(store, transport, optionsOf(`rt-${name}`)), {
          concurrency
        })
        for (const [n, result] of got.entries()) {
          if (result._tag === "Right") expect(result.right).toBe(`at-of-rt-${names[n]}`)
          else expect(result).toMatchObject(refused)
        }
        expect(got.some(({ _tag }) => _tag === "Right")).toBe(true)
        expect(allRenderings(got)).toContain("`account`")
        expect(allRenderings(got)).not.toContain("rt-alice+")
      }
    })
  )

  it.effect("stores one record for each account", () =>
    Effect.gen(function* () {
      const [store, { client: transport }] = yield* Effect.all([making, rotating])
      for (const account of ["alice", "bob"]) {
        expect(yield* started(store, transport, optionsOf(`rt-${account}`, { account }))).toMatchObject({
          right: `at-of-rt-${account}`
        })
      }
    })
  )

  it.effect("uses the stored refresh token if two sources share an account", () =>
    Effect.gen(function* () {
      const [store, { client: transport }] = yield* Effect.all([making, rotating])
      for (const refreshToken of ["rt-old", "rt-new"]) {
        expect(yield* started(store, transport, optionsOf(refreshToken, { account: "alice" }))).toMatchObject({
          right: "at-of-rt-old"
        })
      }
    })
  )

  it.effect("rejects a sign-out with another refresh token, and keeps the record", () =>
    Effect.gen(function* () {
      const [store, { client: transport }] = yield* Effect.all([making, rotating])
      yield* started(store, transport, optionsOf("rt-alice"))
      const signedOut = yield* Revocation.signOut({
        ...optionsOf("rt-bob"),
        revocationEndpoint: "https://auth.test/revoke"
      }).pipe(
        Effect.provideService(TokenStore.TokenStore, store),
        Effect.provideService(HttpClient.HttpClient, transport),
        Effect.either
      )
      expect(signedOut).toMatchObject(refused)
      expect(Option.isSome(yield* store.get(RefreshToken.keyOf(optionsOf(undefined))))).toBe(true)
    })
  )
})

describe("RefreshToken.layer with one refresh token", () => {
  it.effect("uses the stored rotated token after a restart with the first refresh token", () =>
    Effect.gen(function* () {
      const [store, { client: transport, mock }] = yield* Effect.all([TokenStore.makeMemory, rotating])
      const again = started(store, transport, optionsOf("rt-alice"))
      expect([yield* again, yield* again]).toMatchObject([{ right: "at-of-rt-alice" }, { right: "at-of-rt-alice" }])
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("uses a stored sign-in of its options, and replaces it by a later sign-in", () =>
    Effect.gen(function* () {
      const [store, { client: transport }] = yield* Effect.all([TokenStore.makeMemory, rotating])
      const signIn = (name: string) =>
        AuthorizationCode.storeToken(optionsOf(undefined), {
          token: { accessToken: Redacted.make(`at-${name}`), tokenType: "Bearer", receivedAt: 0 }
        }).pipe(Effect.provideService(TokenStore.TokenStore, store))
      for (const name of ["first", "second"]) {
        yield* signIn(name)
        for (const options of [optionsOf(undefined), optionsOf("rt-alice")]) {
          expect(yield* started(store, transport, options)).toMatchObject({ right: `at-${name}` })
        }
      }
    })
  )
})
