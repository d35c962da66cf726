import * as Basic from "@countersign/auth/Basic"
import * as Dpop from "@countersign/auth/Dpop"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as ApiClient from "@countersign/client/ApiClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { afterAll, beforeAll, describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

const secret = Redacted.make("canary-secret")

const configuration = {
  clients: [
    {
      client_id: "client",
      client_secret: Redacted.value(secret),
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: []
    }
  ],
  cookies: { keys: ["of no use here"] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    introspection: { enabled: true }
  }
}

let issuer = ""
const server = Http.createServer()

const paths: Array<string | undefined> = []

// It warns of Node 20, on which it works, and of keys and an adapter that are only for development.
const quiet = [vi.spyOn(console, "warn"), vi.spyOn(console, "info")]

beforeAll(async () => {
  for (const spy of quiet) spy.mockImplementation(() => undefined)
  const { default: Provider } = await import("oidc-provider")
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // An address of a listener on TCP is one with a port.
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const answer = new Provider(issuer, configuration).callback()
  server.on("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    paths.push(request.url)
    answer(request, response)
  })
})

afterAll(async () => {
  await new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
  for (const spy of quiet) spy.mockRestore()
})

const Introspected = Schema.Struct({
  active: Schema.Literal(true),
  token_type: Schema.String,
  cnf: Schema.Struct({ jkt: Schema.String })
})

const introspected = (token: Redacted.Redacted<string>) =>
  Effect.gen(function* () {
    const auth = Basic.make({ username: "client", password: secret })
    const api = yield* ApiClient.make({ baseUrl: issuer, auth })
    const form = new URLSearchParams({ token: Redacted.value(token) }).toString()
    const body = HttpBody.text(form, "application/x-www-form-urlencoded")
    return yield* api.post("/token/introspection", { body, schema: Introspected })
  })

describe("oidc-provider, which demands a nonce in every proof", () => {
  it.live("binds the tokens to the client's key, and is asked twice only while no nonce is known", () =>
    Effect.gen(function* () {
      const dpop = yield* Dpop.generate
      const client = yield* OAuth2.make({
        issuer,
        clientId: "client",
        clientSecret: secret,
        dpop,
        transport: OAuth2.dangerouslyPlainHttpOnLoopback
      })
      const token = yield* client.clientCredentials({})
      expect(token.tokenType).toBe("DPoP")
      expect(yield* introspected(token.accessToken)).toMatchObject({
        token_type: "DPoP",
        cnf: { jkt: yield* Dpop.thumbprint(dpop) }
      })
      yield* client.clientCredentials({})
      expect(paths.filter((path) => path === "/token")).toHaveLength(3)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici))
  )
})
