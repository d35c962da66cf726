import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { userAgent } from "./support/userAgent.js"
import { allRenderings } from "./support/allRenderings.js"
import { provided } from "./support/provider.js"

const redirectUri = "https://app.test/callback"

const clientOf = (client_id: string, more: object = {}) => ({
  client_id,
  client_secret: "canary-secret",
  grant_types: ["authorization_code", "refresh_token"],
  redirect_uris: [redirectUri],
  response_types: ["code"],
  ...more
})

const running = provided({
  clients: [
    clientOf("web"),
    clientOf("public", { client_secret: undefined, token_endpoint_auth_method: "none" }),
    clientOf("pushing", { require_pushed_authorization_requests: true })
  ],
  cookies: { keys: ["unused"] },
  features: {
    devInteractions: { enabled: true },
    dPoP: { enabled: true },
    pushedAuthorizationRequests: { enabled: true }
  },
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true
})

const optionsOf = (more: Partial<AuthorizationCode.Options> = {}): AuthorizationCode.Options => ({
  issuer: running.issuer,
  clientId: "web",
  clientSecret: Redacted.make("canary-secret"),
  redirectUri,
  scopes: ["openid"],
  transport: OAuth2.dangerouslyAllowHttpOnLoopback,
  ...more
})

/** A sign-in, up to the callback URL that the browser receives. */
const begun = (more: Partial<AuthorizationCode.Options> = {}) =>
  Effect.gen(function* () {
    const service = yield* AuthorizationCode.make(optionsOf(more))
    const transaction = yield* service.start()
    const callback = yield* Effect.promise(() => userAgent().signsIn(transaction.url))
    return { ...service, transaction, callback }
  })

const live = Effect.provide(NodeHttpClient.layerUndici)

const changedTo = (transaction: AuthorizationCode.Transaction, more: Partial<AuthorizationCode.Transaction>) =>
  new AuthorizationCode.Transaction({ ...transaction, ...more })

describe("AuthorizationCode with oidc-provider", () => {
  it.live.each<readonly [string, () => Partial<AuthorizationCode.Options>]>([
    ["a client with a secret", () => ({})],
    [
      "a public client",
      () => ({ clientId: "public", clientSecret: undefined, clientAuthentication: ClientAuthentication.none })
    ],
    ["a client that pushes its requests", () => ({ clientId: "pushing", usePar: true })]
  ])("completes a sign-in for %s, and returns the user's claims", ([_, more]) =>
    Effect.gen(function* () {
      const { callback, complete, transaction } = yield* begun(more())
      expect(callback).toContain("iss=")
      const { claims, token } = yield* complete(transaction, callback)
      expect(claims).toMatchObject({ sub: "ada", iss: running.issuer, nonce: transaction.nonce })
      expect(token.refreshToken).toBeDefined()
    }).pipe(live)
  )

  it.live("stores a token that RefreshToken refreshes", () =>
    Effect.gen(function* () {
      const { callback, complete, transaction } = yield* begun()
      const signedIn = yield* complete(transaction, callback)
      const of = { ...optionsOf(), propagationDelay: 0 }
      yield* AuthorizationCode.storeToken(of, signedIn)
      const { get, onRejected } = yield* Effect.provide(
        TokenSource.TokenSource,
        yield* Layer.build(RefreshToken.layer(of))
      )
      const first = yield* get
      expect(Redacted.value(first.token.accessToken)).toBe(Redacted.value(signedIn.token.accessToken))
      expect(yield* onRejected(first.generation)).toBe(true)
      const second = yield* get
      expect(Redacted.value(second.token.accessToken)).not.toBe(Redacted.value(first.token.accessToken))
    }).pipe(Effect.scoped, Effect.provide(TokenStore.layerMemory), live)
  )

  it.live("returns a DPoP token when the client has a DPoP key", () =>
    Effect.gen(function* () {
      const { callback, complete, transaction } = yield* begun({ dpop: yield* Dpop.generateKey })
      expect((yield* complete(transaction, callback)).token.tokenType).toBe("DPoP")
    }).pipe(live)
  )

  it.live("requires a new sign-in when the code was used before", () =>
    Effect.gen(function* () {
      const { callback, complete, transaction } = yield* begun()
      yield* complete(transaction, callback)
      // Like another process, this client does not know that the code was used.
      const other = yield* AuthorizationCode.make(optionsOf())
      const error = yield* Effect.flip(other.complete(transaction, callback))
      expect(error).toMatchObject({ reason: "ReauthorizationRequired", error: "invalid_grant" })
    }).pipe(live)
  )

  it.live("rejects the code of another sign-in, which has another verifier", () =>
    Effect.gen(function* () {
      const mine = yield* begun()
      const theirs = yield* begun()
      const code = new URL(theirs.callback).searchParams.get("code") ?? ""
      const injected = new URL(mine.callback)
      injected.searchParams.set("code", code)
      const error = yield* Effect.flip(mine.complete(mine.transaction, injected))
      expect(error).toMatchObject({ reason: "ReauthorizationRequired", error: "invalid_grant" })
      expect(allRenderings(error)).not.toContain(code)
    }).pipe(live)
  )

  it.live("rejects an ID token with the nonce of another sign-in", () =>
    Effect.gen(function* () {
      const { callback, complete, transaction } = yield* begun()
      const error = yield* Effect.flip(complete(changedTo(transaction, { nonce: "another" }), callback))
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(error.detail).toContain("nonce")
    }).pipe(live)
  )

  it.live("rejects a callback without state, and accepts the right callback afterwards", () =>
    Effect.gen(function* () {
      const { callback, complete, transaction } = yield* begun()
      const without = new URL(callback)
      without.searchParams.delete("state")
      expect(yield* Effect.flip(complete(transaction, without))).toMatchObject({ reason: "InvalidResponse" })
      expect((yield* complete(transaction, callback)).claims?.sub).toBe("ada")
    }).pipe(live)
  )

  it.live.each([undefined, "https://evil.test"])("rejects a callback with the issuer %s, and sends no code", (iss) =>
    Effect.gen(function* () {
      const { callback, complete, transaction } = yield* begun()
      const changed = new URL(callback)
      changed.searchParams.delete("iss")
      if (iss !== undefined) changed.searchParams.set("iss", iss)
      const before = running.paths.length
      expect(yield* Effect.flip(complete(transaction, changed))).toMatchObject({ reason: "InvalidResponse" })
      expect(running.paths.slice(before)).not.toContain("/token")
    }).pipe(live)
  )

  it.live("fails with Rejected when the user declines", () =>
    Effect.gen(function* () {
      const { start, complete } = yield* AuthorizationCode.make(optionsOf())
      const transaction = yield* start()
      const callback = yield* Effect.promise(() => userAgent().declines(transaction.url))
      expect(yield* Effect.flip(complete(transaction, callback))).toMatchObject({
        reason: "Rejected",
        error: "access_denied"
      })
    }).pipe(live)
  )

  it.live("fails with ReauthorizationRequired when prompt=none needs a sign-in page", () =>
    Effect.gen(function* () {
      const { start, complete } = yield* AuthorizationCode.make(optionsOf({ parameters: { prompt: "none" } }))
      const transaction = yield* start()
      const callback = yield* Effect.promise(() => userAgent().signsIn(transaction.url))
      expect(yield* Effect.flip(complete(transaction, callback))).toMatchObject({
        reason: "ReauthorizationRequired",
        error: "login_required"
      })
    }).pipe(live)
  )
})
