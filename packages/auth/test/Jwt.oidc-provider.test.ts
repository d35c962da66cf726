import * as Jwks from "@countersign/auth/Jwks"
import * as Jwt from "@countersign/auth/Jwt"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { provided } from "./support/provider.js"

const secret = "canary-secret"

const resource = "https://api.test/"

const running = provided({
  clients: [
    {
      client_id: "client",
      client_secret: secret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: []
    }
  ],
  cookies: { keys: ["unused"] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ scope: "read", accessTokenFormat: "jwt", accessTokenTTL: 60 })
    }
  },
  scopes: ["read"]
})

describe("Jwt.verify with oidc-provider", () => {
  it.live("accepts an access token by the published keys, and rejects it for another audience or issuer", () =>
    Effect.gen(function* () {
      const { issuer } = running
      const plain: Pick<OAuth2.Client, "transport"> = { transport: OAuth2.dangerouslyAllowHttpOnLoopback }
      const clientSecret = Redacted.make(secret)
      const client = yield* OAuth2.make({ issuer, clientId: "client", clientSecret, ...plain })
      const { accessToken } = yield* client.clientCredentials({ resource })
      const options: Jwt.Options = {
        issuer,
        audience: resource,
        algorithms: ["RS256"],
        typ: "at+jwt",
        keys: yield* Jwks.make({ uri: `${issuer}/jwks`, ...plain })
      }
      const { claims } = yield* Jwt.verify(accessToken, options)
      expect(claims).toMatchObject({ iss: issuer, aud: resource, client_id: "client" })
      const why = (more: Partial<Jwt.Options>, token = accessToken) =>
        Effect.map(Effect.flip(Jwt.verify(token, { ...options, ...more })), ({ reason }) => reason)
      expect(yield* why({ audience: "https://other.test/" })).toBe("Audience")
      expect(yield* why({ issuer: "https://auth.test" })).toBe("Issuer")
      expect(yield* why({ algorithms: ["ES256"] })).toBe("Algorithm")
      const [header, body, signature = ""] = Redacted.value(accessToken).split(".")
      const changed = `${header}.${body}.AAAAAAAA${signature.slice(8)}`
      expect(yield* why({}, Redacted.make(changed))).toBe("Signature")
      expect(running.paths.filter((path) => path === "/jwks")).toHaveLength(1)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici))
  )
})
