import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as Introspection from "@countersign/auth/Introspection"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Registration from "@countersign/auth/Registration"
import * as Revocation from "@countersign/auth/Revocation"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { userAgent } from "./support/userAgent.js"
import { allRenderings } from "./support/allRenderings.js"
import { provided } from "./support/provider.js"

const redirectUri = "https://app.test/callback"

const running = provided({
  cookies: { keys: ["of no use here"] },
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true, initialAccessToken: "canary-initial" },
    revocation: { enabled: true }
  },
  issueRefreshToken: () => true,
  rotateRefreshToken: true
})

const register = (metadata: Registration.Metadata, initialAccessToken = "canary-initial") =>
  Registration.register(
    {
      issuer: running.issuer,
      transport: OAuth2.dangerouslyAllowHttpOnLoopback,
      initialAccessToken: Redacted.make(initialAccessToken)
    },
    metadata
  )

const metadata: Registration.Metadata = {
  redirect_uris: [redirectUri],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"]
}

/** A user signed in with a newly registered client. */
const signedIn = Effect.gen(function* () {
  const registered = yield* register(metadata)
  const options: RefreshToken.Options = {
    ...Registration.toClient(registered),
    scopes: ["openid"],
    propagationDelay: 0,
    transport: OAuth2.dangerouslyAllowHttpOnLoopback
  }
  const { start, complete } = yield* AuthorizationCode.make({ ...options, redirectUri })
  const transaction = yield* start()
  const callback = yield* Effect.promise(() => userAgent().signsIn(transaction.url))
  const done = yield* complete(transaction, callback)
  yield* AuthorizationCode.storeToken(options, done)
  const { introspect } = yield* Introspection.make(options)
  const { accessToken, refreshToken = Redacted.make("none") } = done.token
  return { accessToken, introspect, options, refreshToken }
})

const live = Effect.provide(Layer.merge(NodeHttpClient.layerUndici, TokenStore.layerMemory))

describe("Registration at oidc-provider", () => {
  it.live("introspects the tokens of a registered client, and revokes them with a sign-out", () =>
    Effect.gen(function* () {
      const { accessToken, introspect, options, refreshToken } = yield* signedIn
      const said = yield* introspect(accessToken, "access_token")
      expect(said).toMatchObject({ active: true, clientId: options.clientId, subject: "ada", scope: "openid" })
      expect(said.active && Math.abs((said.expiresAt ?? 0) - (said.issuedAt ?? 0))).toBe(3_600_000)
      expect(yield* introspect(refreshToken, "refresh_token")).toMatchObject({ active: true })
      yield* Revocation.signOut(options)
      expect(yield* introspect(accessToken)).toEqual({ active: false })
      expect(yield* introspect(refreshToken)).toEqual({ active: false })
      const store = yield* TokenStore.TokenStore
      expect(Option.isNone(yield* store.get(RefreshToken.keyOf(options)))).toBe(true)
    }).pipe(live)
  )

  it.live("revokes a token, also when it is revoked again, and ignores an unknown token", () =>
    Effect.gen(function* () {
      const { introspect, options, refreshToken } = yield* signedIn
      const { revoke } = yield* Revocation.make(options)
      yield* revoke(Redacted.make("made-up"))
      yield* revoke(refreshToken, "access_token")
      yield* revoke(refreshToken, "refresh_token")
      expect(yield* introspect(refreshToken)).toEqual({ active: false })
    }).pipe(live)
  )

  it.live("fails with ReauthorizationRequired in a running process after a sign-out", () =>
    Effect.gen(function* () {
      const { options } = yield* signedIn
      const built = yield* Layer.build(RefreshToken.layer(options))
      const { get, onRejected } = yield* Effect.provide(TokenSource.TokenSource, built)
      const { generation } = yield* get
      yield* Revocation.signOut(options)
      expect(yield* Effect.flip(onRejected(generation))).toMatchObject({ reason: "ReauthorizationRequired" })
    }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None), live)
  )

  it.live("returns the registered metadata and the management URI, and prints no secret", () =>
    Effect.gen(function* () {
      const registered = yield* register({ ...metadata, client_name: "a program" })
      expect(registered).toMatchObject({ method: "client_secret_basic", secretExpiresAt: undefined })
      expect(registered.metadata).toMatchObject({ client_name: "a program", redirect_uris: [redirectUri] })
      expect(registered.registrationUri?.startsWith(`${running.issuer}/`)).toBe(true)
      const { clientSecret, registrationToken } = registered
      for (const secret of [clientSecret, registrationToken]) {
        expect(allRenderings(registered)).not.toContain(Redacted.value(secret ?? Redacted.make("")))
      }
    }).pipe(live)
  )

  it.live.each<readonly [string, Registration.Metadata, string]>([
    ["an invalid redirect URI", { ...metadata, redirect_uris: ["http://app.test/#a"] }, "invalid_redirect_uri"],
    ["unsupported metadata", { ...metadata, token_endpoint_auth_method: "magic" }, "invalid_client_metadata"]
  ])("rejects %s with an OAuth error code", ([_, wrong, code]) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(register(wrong))).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: code })
    }).pipe(live)
  )

  it.live("rejects a wrong initial access token, and does not show it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(register(metadata, "canary-wrong"))
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_token" })
      expect(allRenderings(error)).not.toContain("canary-")
    }).pipe(live)
  )
})
