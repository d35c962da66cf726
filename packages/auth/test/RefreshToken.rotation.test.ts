// A server rotates the refresh token before it responds: the new one must be stored even if the response is invalid.
import * as Dpop from "@countersign/auth/Dpop"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fc from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { client } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

const valueOf = (secret: Redacted.Redacted<string> | undefined) => secret && Redacted.value(secret)

/** The members of the n-th response. Its refresh token is `canary-rt-<n + 1>`. */
const grantedBy = (n: number) => ({
  access_token: `canary-at-${n + 1}`,
  token_type: "bearer",
  expires_in: 600,
  refresh_token: `canary-rt-${n + 1}`
})

type Answer = (n: number) => MockClient.Step

/** A server with single-use refresh tokens: the n-th is `canary-rt-<n>`. `answer` is its response to a valid one. */
const rotating = (answer: Answer) => {
  let n = 0
  return MockClient.make(({ body = "" }) => {
    if (new URLSearchParams(body).get("refresh_token") !== `canary-rt-${n + 1}`) {
      return MockClient.respond(400, { error: "invalid_grant" })
    }
    n += 1
    return answer(n)
  })
}

const options = (more: Partial<OAuth2.Client> = {}): RefreshToken.Options => ({ ...client, ...more })

/** A store with `canary-rt-1`, and a token source over it. */
const world = (answer: Answer, more: Partial<OAuth2.Client> & { readonly empty?: boolean } = {}) =>
  Effect.gen(function* () {
    const { empty = false, ...own } = more
    const store = yield* TokenStore.makeMemory
    const transport = yield* rotating(answer)
    const all = options(own)
    const key = RefreshToken.keyOf(all)
    const first = Redacted.make("canary-rt-1")
    const old = { ...Token.bearer(Redacted.make("canary-at-1"), -600_000, 1), refreshToken: first }
    if (!empty) yield* store.compareAndSet(key, 0, old)
    const layer = RefreshToken.layer({ ...all, refreshToken: first }).pipe(
      Layer.provide(Layer.succeed(HttpClient.HttpClient, transport.client)),
      Layer.provide(Layer.succeed(TokenStore.TokenStore, store))
    )
    const { get } = yield* Effect.map(Layer.build(layer), (context) => Context.get(context, TokenSource.TokenSource))
    const stored = Effect.map(store.get(key), (found) => valueOf(Option.getOrThrow(found).token.refreshToken))
    return { get, stored, store, key, mock: transport.mock }
  })

describe("RefreshToken.layer with a rotated refresh token", () => {
  const rejected: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
    ["no access_token", { access_token: undefined }],
    ["access_token null", { access_token: null }],
    ["an access_token with control characters", { access_token: "a\r\nb" }],
    ["another token_type", { token_type: "mac" }]
  ]

  for (const empty of [false, true]) {
    const where = empty ? "an empty store" : "a store with a token"
    it.scoped.each(rejected)(
      `stores the new refresh token, and then fails, after a response with %s over ${where}`,
      ([_, more]) =>
        Effect.gen(function* () {
          const answer: Answer = (n) => MockClient.respond(200, { ...grantedBy(n), ...(n === 1 && more) })
          const { get, mock, stored } = yield* world(answer, { empty })
          const error = yield* Effect.flip(get)
          expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
          expect(allRenderings(error)).not.toContain("canary")
          expect(yield* stored).toBe("canary-rt-2")
          yield* TestClock.adjust("2 seconds")
          expect(valueOf((yield* get).token.accessToken)).toBe("canary-at-3")
          expect(yield* stored).toBe("canary-rt-3")
          expect(yield* mock.sent).toHaveLength(2)
        })
    )
  }

  it.scoped("stores the new refresh token if the access token is not bound to the DPoP key", () =>
    Effect.gen(function* () {
      const dpop = yield* Dpop.generateKey
      const answer: Answer = (n) =>
        MockClient.respond(200, { ...grantedBy(n), token_type: n === 1 ? "bearer" : "DPoP" })
      const { get, stored } = yield* world(answer, { dpop, empty: true })
      expect(yield* Effect.flip(get)).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* stored).toBe("canary-rt-2")
      yield* TestClock.adjust("2 seconds")
      expect((yield* get).token.tokenType).toBe("DPoP")
    })
  )

  it.scoped("stores the new refresh token if `complianceFixes.transformResponse` throws", () =>
    Effect.gen(function* () {
      let calls = 0
      const answer: OAuth2.ComplianceFixes["transformResponse"] = (body) => {
        calls += 1
        if (calls === 1) throw new Error("canary")
        return body
      }
      const { get, stored } = yield* world((n) => MockClient.respond(200, grantedBy(n)), {
        complianceFixes: { transformResponse: answer }
      })
      expect(yield* Effect.flip(get)).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* stored).toBe("canary-rt-2")
      yield* TestClock.adjust("2 seconds")
      expect(valueOf((yield* get).token.accessToken)).toBe("canary-at-3")
    })
  )

  it.scoped("uses the new refresh token next if the store could not be written", () =>
    Effect.gen(function* () {
      const answer: Answer = (n) => MockClient.respond(200, { ...grantedBy(n), ...(n === 1 && { access_token: null }) })
      const memory = yield* TokenStore.makeMemory
      const key = RefreshToken.keyOf(options())
      const first = {
        ...Token.bearer(Redacted.make("canary-at-1"), -600_000, 1),
        refreshToken: Redacted.make("canary-rt-1")
      }
      yield* memory.compareAndSet(key, 0, first)
      let writes = 0
      const full = new TokenStoreError({ reason: "WriteFailed", detail: "the disk is full" })
      const store: TokenStore.Service = {
        ...memory,
        // The first write is the intent. Then two writes fail.
        compareAndSet: (...write) =>
          Effect.suspend(() => ((writes += 1) > 1 && writes < 4 ? Effect.fail(full) : memory.compareAndSet(...write)))
      }
      const transport = yield* rotating(answer)
      const layer = RefreshToken.layer(options()).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, transport.client)),
        Layer.provide(Layer.succeed(TokenStore.TokenStore, store))
      )
      const context = yield* Layer.build(layer)
      const { get } = Context.get(context, TokenSource.TokenSource)
      expect(yield* Effect.flip(get)).toMatchObject({ reason: "InvalidResponse" })
      yield* TestClock.adjust("5 seconds")
      expect(valueOf((yield* get).token.accessToken)).toBe("canary-at-3")
    })
  )

  it.effect.each<readonly [string, Readonly<Record<string, unknown>>, boolean]>([
    ['scope: ["read"]', { scope: ["read"] }, true],
    ["token_type: undefined", { token_type: undefined }, true],
    ["expires_in: null", { expires_in: null }, true],
    ['id_token: "x"', { id_token: "x" }, true],
    ["access_token: undefined", { access_token: undefined }, false],
    ['token_type: "mac"', { token_type: "mac" }, false]
  ])("stores the new refresh token at a server that revokes families for reuse, after %s", ([_, change, works]) =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const store = yield* TokenStore.TokenStore
      const all = { issuer: server.issuer, clientId: "client", clientSecret: Redacted.make("secret") }
      const first = yield* server.issueTokens({ clientId: "client" })
      const refreshToken = Redacted.make(first.refresh_token ?? "")
      const http = yield* HttpClient.HttpClient
      const layer = RefreshToken.layer({ ...all, refreshToken }).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, http)),
        Layer.provide(Layer.succeed(TokenStore.TokenStore, store))
      )
      yield* server.setFaults([OAuthServer.malformed(change)])
      yield* Effect.scoped(
        Effect.gen(function* () {
          const context = yield* Layer.build(layer)
          const { get } = Context.get(context, TokenSource.TokenSource)
          expect(Either.isRight(yield* Effect.either(get))).toBe(works)
          const stored = Option.getOrThrow(yield* store.get(RefreshToken.keyOf(all))).token.refreshToken
          expect(valueOf(stored)).not.toBe(first.refresh_token)
          yield* TestClock.adjust("2 hours")
          yield* get
          expect(yield* server.revokedFamilies).toBe(0)
        })
      )
    }).pipe(Effect.provide(Layer.merge(OAuthServer.layerMemory(), TokenStore.layerMemory)))
  )
})

const quietly = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  Logger.withMinimumLogLevel(Effect.scoped(effect), LogLevel.None)

/** Members of a token response, and others, with values of any kind. */
const members = Fc.dictionary(
  Fc.oneof(
    Fc.constantFrom(
      "scope",
      "expires_in",
      "id_token",
      "error",
      "errors",
      "error_description",
      "issued_token_type",
      "ok"
    ),
    Fc.constantFrom("__proto__", "constructor", "toString", "message", "status"),
    Fc.string()
  ),
  Fc.oneof(Fc.jsonValue(), Fc.string(), Fc.double({ noNaN: true }))
)

/** RFC 6750 §2.1. */
const tokenCharacters = Fc.stringMatching(/^[A-Za-z0-9\-._~+/]{1,40}=*$/)

/** A supported token type, or a value without a type. */
const bearer = Fc.oneof(Fc.constantFrom("bearer", "Bearer", "", null, undefined, 7, [], {}), Fc.array(Fc.string()))

describe("RefreshToken.layer with any successful response", () => {
  it("returns the token and stores the new refresh token with any other members", () =>
    Fc.assert(
      Fc.asyncProperty(
        ...([members, tokenCharacters, bearer, Fc.integer({ min: 200, max: 299 })] as const),
        async (more, access_token, token_type, status) => {
          const bodiless = status === 204 || status === 205
          const answer: Answer = (n) =>
            MockClient.respond(
              bodiless ? 200 : status,
              JSON.stringify({
                ...more,
                ...grantedBy(n),
                ...("expires_in" in more && { expires_in: more["expires_in"] }),
                access_token,
                token_type
              })
            )
          const result = await Effect.runPromise(
            quietly(
              Effect.gen(function* () {
                const { get, stored } = yield* world(answer)
                const held = yield* get
                return [valueOf(held.token.accessToken), held.token.tokenType, yield* stored]
              })
            )
          )
          expect(result).toEqual([access_token, "Bearer", "canary-rt-2"])
        }
      ),
      { numRuns: 150 }
    ))

  it("stores the new refresh token if the result is a token or an error", () =>
    Fc.assert(
      Fc.asyncProperty(members, Fc.jsonValue(), Fc.jsonValue(), async (more, access_token, token_type) => {
        const answer: Answer = (n) =>
          MockClient.respond(200, JSON.stringify({ ...more, ...grantedBy(n), access_token, token_type }))
        const [ended, stored] = await Effect.runPromise(
          quietly(
            Effect.gen(function* () {
              const { get, stored } = yield* world(answer)
              return [yield* Effect.either(get), yield* stored] as const
            })
          )
        )
        expect(stored).toBe("canary-rt-2")
        if (Either.isLeft(ended)) expect(allRenderings(ended.left)).not.toContain("canary")
      }),
      { numRuns: 150 }
    ))
})
