/** Schemes that send a credential as it is. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { Received, Scheme } from "./received.js"
import { equal } from "./received.js"

export const account = { username: "ada", password: Redacted.make("canary-password") }

const secret = "canary key/1"
const key = Redacted.make(secret)

const authorization = (expected: string) => (received: Received) =>
  equal("authorization", received.headers["authorization"], expected)

/** A source of the tokens `canary-token-1`, `canary-token-2` and so on. */
export const tokens = (tokenType = "Bearer") => {
  let count = 0
  return TokenSource.make({
    key: "key",
    propagationDelay: 0,
    acquireToken: () => Effect.sync(() => ({ ...Token.bearer(Redacted.make(`canary-token-${++count}`), 0), tokenType }))
  }).pipe(Effect.provideServiceEffect(TokenStore.TokenStore, TokenStore.makeMemory))
}

/** Tokens of a scripted authorization server. Its requests do not pass through the client. */
const clientCredentials = Effect.suspend(() => {
  let count = 0
  const auth = ClientCredentials.layer({
    issuer: "https://id.test",
    clientId: "client",
    clientSecret: Redacted.make("canary-client"),
    tokenEndpoint: "https://id.test/token",
    propagationDelay: 0
  })
  const server = MockClient.layer(() =>
    MockClient.respond(200, { access_token: `canary-token-${++count}`, token_type: "Bearer", expires_in: 3600 })
  )
  return Effect.map(Layer.build(Layer.provide(auth, [TokenStore.layerMemory, server])), (context) =>
    Context.get(context, Auth.tag<TokenSourceError>())
  )
})

const bearerOf = ({ headers }: Received): string => headers["authorization"] ?? ""

const checkBearer = (received: Received): void => {
  if (!/^Bearer canary-token-\d+$/.test(bearerOf(received))) throw new Error(`authorization is ${bearerOf(received)}`)
}

const basic = `Basic ${Buffer.from("ada:canary-password").toString("base64")}`

export const credentials: ReadonlyArray<Scheme> = [
  {
    name: "Basic",
    make: Effect.sync(() => Basic.make(account)),
    verify: authorization(basic),
    secrets: ["canary-password", basic]
  },
  {
    name: "Bearer",
    make: Effect.sync(() => Bearer.make(Redacted.make("canary-token"))),
    verify: authorization("Bearer canary-token"),
    secrets: ["canary-token"]
  },
  {
    name: "Bearer of a token source",
    make: Effect.map(tokens(), Bearer.fromSource),
    verify: checkBearer,
    renewal: { "www-authenticate": 'Bearer error="invalid_token"' },
    secrets: ["canary-token"]
  },
  {
    name: "ClientCredentials",
    make: clientCredentials,
    verify: checkBearer,
    renewal: { "www-authenticate": 'Bearer error="invalid_token"' },
    secrets: ["canary"]
  },
  {
    name: "Auth.negotiate with Bearer",
    make: Effect.map(tokens(), (source) => Auth.negotiate([Bearer.fromSource(source), Basic.make(account)])),
    verify: checkBearer,
    challenge: 'Basic realm="r", Bearer realm="r"',
    renewal: { "www-authenticate": 'Bearer realm="r", error="invalid_token"' },
    secrets: ["canary"]
  },
  {
    name: "ApiKey in a header",
    make: Effect.sync(() => ApiKey.make({ location: ApiKey.header("x-api-key", "Key "), key })),
    verify: ({ headers }) => equal("x-api-key", headers["x-api-key"], `Key ${secret}`),
    secrets: [secret]
  },
  {
    name: "ApiKey in the query",
    make: Effect.sync(() => ApiKey.make({ location: ApiKey.query("api_key"), key })),
    verify: ({ url }) => equal("api_key", new URL(url).searchParams.getAll("api_key").join(), secret),
    secrets: [secret, encodeURIComponent(secret), "canary+key"]
  },
  {
    name: "ApiKey in a cookie",
    make: Effect.sync(() => ApiKey.make({ location: ApiKey.cookie("sid"), key })),
    verify: ({ headers }) => equal("cookie", headers["cookie"], `sid=${encodeURIComponent(secret)}`),
    secrets: [encodeURIComponent(secret)]
  },
  {
    name: "ApiKey.pool",
    make: ApiKey.pool({ location: ApiKey.header("x-api-key"), keys: [key, Redacted.make("canary-2")] }),
    verify: ({ headers }) => {
      if (![secret, "canary-2"].includes(headers["x-api-key"] ?? "")) throw new Error("x-api-key is no key of the pool")
    },
    renewal: {},
    secrets: [secret, "canary-2"]
  }
]
