import * as Basic from "@countersign/auth/Basic"
import * as Dpop from "@countersign/auth/Dpop"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as ApiClient from "@countersign/client/ApiClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import { provided } from "./support/provider.js"

const secret = Redacted.make("canary-secret")

const running = provided({
  clients: [
    {
      client_id: "client",
      client_secret: Redacted.value(secret),
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: []
    }
  ],
  cookies: { keys: ["unused"] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    introspection: { enabled: true }
  }
})

const Introspected = Schema.Struct({
  active: Schema.Literal(true),
  token_type: Schema.String,
  cnf: Schema.Struct({ jkt: Schema.String })
})

const introspected = (token: Redacted.Redacted<string>) =>
  Effect.gen(function* () {
    const auth = Basic.make({ username: "client", password: secret })
    const api = yield* ApiClient.make({ baseUrl: running.issuer, auth })
    const form = new URLSearchParams({ token: Redacted.value(token) }).toString()
    const body = HttpBody.text(form, "application/x-www-form-urlencoded")
    return yield* api.post("/token/introspection", { body, schema: Introspected })
  })

describe("Dpop with oidc-provider", () => {
  it.live("binds tokens to the client's key, and sends a second request only while no nonce is known", () =>
    Effect.gen(function* () {
      const dpop = yield* Dpop.generateKey
      const client = yield* OAuth2.make({
        issuer: running.issuer,
        clientId: "client",
        clientSecret: secret,
        dpop,
        transport: OAuth2.dangerouslyAllowHttpOnLoopback
      })
      const token = yield* client.clientCredentials({})
      expect(token.tokenType).toBe("DPoP")
      expect(yield* introspected(token.accessToken)).toMatchObject({
        token_type: "DPoP",
        cnf: { jkt: yield* Dpop.thumbprint(dpop) }
      })
      yield* client.clientCredentials({})
      expect(running.paths.filter((path) => path === "/token")).toHaveLength(3)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici))
  )
})
