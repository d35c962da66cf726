/** The token of a platform as the client assertion at oidc-provider, which verifies its signature, audience and `jti`. */
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as Dpop from "@countersign/auth/Dpop"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import { allRenderings } from "./support/allRenderings.js"
import { provided } from "./support/provider.js"

const [platform, stranger] = await Promise.all([jose.generateKeyPair("ES256"), jose.generateKeyPair("ES256")])

const configuration = {
  clients: [
    {
      client_id: "job",
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [{ ...(await jose.exportJWK(platform.publicKey)), use: "sig" }] },
      grant_types: ["client_credentials"],
      scope: "read",
      redirect_uris: [],
      response_types: []
    }
  ],
  cookies: { keys: ["unused"] },
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  scopes: ["read"],
  // Each token is refreshed at its next use.
  ttl: { ClientCredentials: 1 }
}

const running = provided(configuration)

const withNonces = provided({
  ...configuration,
  features: {
    ...configuration.features,
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true }
  }
})

/** Makes a JWT of the platform. Each one has its own `jti`, and the server accepts a `jti` once. */
const issue = (key: CryptoKey, audience: string): Promise<string> =>
  new jose.SignJWT({})
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer("job")
    .setSubject("job")
    .setAudience(audience)
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .setExpirationTime("5 minutes")
    .sign(key)

/** A source of the client, with the JWTs that it read. */
const sourceOf = (key: CryptoKey, audience: () => string, dpop?: Dpop.Key) => {
  const read: Array<string> = []
  const assertion = Effect.promise(async () => {
    const jwt = await issue(key, audience())
    read.push(jwt)
    return Redacted.make(jwt)
  })
  const live: Layer.Layer<TokenSource.TokenSource, unknown> = Layer.unwrapEffect(
    Effect.map(ClientAuthentication.clientAssertion(assertion), (clientAuthentication) =>
      ClientCredentials.layer({
        issuer: dpop === undefined ? running.issuer : withNonces.issuer,
        dpop,
        clientId: "job",
        clientAuthentication,
        scopes: ["read"],
        transport: OAuth2.dangerouslyAllowHttpOnLoopback
      })
    )
  ).pipe(Layer.provide(TokenStore.layerMemory), Layer.provide(NodeHttpClient.layerUndici))
  return { read, live }
}

describe("ClientAuthentication.clientAssertion at oidc-provider", () => {
  it.live("gets a token for each JWT of the platform, and reads a new JWT for each request", () => {
    const { live, read } = sourceOf(platform.privateKey, () => running.issuer)
    return Effect.gen(function* () {
      const source = yield* TokenSource.TokenSource
      const tokens = [yield* source.get, yield* Effect.delay(source.get, "1100 millis")]
      expect(new Set(tokens.map(({ token }) => Redacted.value(token.accessToken))).size).toBe(2)
      expect(new Set(read).size).toBe(2)
    }).pipe(Effect.provide(live))
  })

  it.live("reads a new JWT for the request that a DPoP nonce causes", () =>
    Effect.gen(function* () {
      const { live, read } = sourceOf(platform.privateKey, () => withNonces.issuer, yield* Dpop.generateKey)
      const get = Effect.flatMap(TokenSource.TokenSource, (source) => source.get)
      const { token } = yield* Effect.provide(get, live)
      expect(token.tokenType).toBe("DPoP")
      expect(withNonces.paths.filter((path) => path === "/token")).toHaveLength(2)
      expect(new Set(read).size).toBe(2)
    })
  )

  it.live.each([
    ["another key", () => sourceOf(stranger.privateKey, () => running.issuer)],
    ["another audience", () => sourceOf(platform.privateKey, () => "https://other.example")]
  ] as const)("fails with Rejected for a JWT of %s, and prints none", ([, make]) =>
    Effect.gen(function* () {
      const { live, read } = make()
      const get = Effect.flatMap(TokenSource.TokenSource, (source) => source.get)
      const error = yield* Effect.flip(Effect.provide(get, live))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_client" })
      expect(read).toHaveLength(1)
      for (const jwt of read) expect(allRenderings(error)).not.toContain(jwt)
    })
  )
})
