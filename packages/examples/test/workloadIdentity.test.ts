/** Runs the example of workload identity, with tokens that rotate. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import type * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { generateKeyPairSync, sign } from "node:crypto"
import * as Workload from "../src/workload-identity.js"
import { config } from "./support/shownOutput.js"

const { respond } = MockClient

const gitHub = {
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://actions.test/token?v=2",
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "request"
}

const granted = { access_token: "access", token_type: "Bearer", expires_in: 3600 }

const sent = Effect.flatMap(MockClient.MockClient, (mock) => mock.sent)

/** The parameters of a form that was sent to this host. */
const formTo = (host: string) =>
  Effect.map(sent, (all) => {
    const found = all.find(({ body, url }) => body !== undefined && new URL(url).host === host)
    return Object.fromEntries(new URLSearchParams(found?.body))
  })

/** The platform gives a token for the requested audience. */
const idToken = ({ url }: MockClient.Sent) => {
  const audience = new URL(url).searchParams.get("audience") ?? ""
  return respond(200, { value: `e30.${Buffer.from(audience).toString("base64url")}.c2ln` })
}

const audienceOf = (token = "") => Buffer.from(token.split(".")[1] ?? "", "base64url").toString()

const memory = TokenStore.layerMemory

describe("workload-identity.ts with GitHub Actions", () => {
  it.effect("signs requests to AWS with the credentials of a role", () =>
    Effect.gen(function* () {
      yield* Effect.provide(Workload.report, Workload.ReportsLive)
      const { WebIdentityToken: token } = yield* formTo("sts.amazonaws.com")
      expect(audienceOf(token)).toBe("sts.amazonaws.com")
      expect((yield* sent).at(-1)?.headers["authorization"]).toContain("Credential=ASIA1/")
    }).pipe(
      config(gitHub),
      Effect.provide(
        MockClient.layer((request) => {
          const { host } = new URL(request.url)
          if (host === "actions.test") return idToken(request)
          return host === "sts.amazonaws.com"
            ? respond(
                200,
                "<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>1970-01-01T01:00:00Z</Expiration></Credentials>"
              )
            : respond(200, "year")
        })
      )
    )
  )

  it.effect("exchanges the token at Google", () =>
    Effect.gen(function* () {
      yield* Effect.provide(Workload.buckets, Workload.StorageLive)
      const { audience, subject_token: token } = yield* formTo("sts.googleapis.com")
      expect(audienceOf(token)).toBe(`https:${audience}`)
      expect((yield* sent).at(-1)?.headers["authorization"]).toBe("Bearer access")
    }).pipe(
      config(gitHub),
      Effect.provide(
        MockClient.layer((request) => (request.url.includes("actions.test") ? idToken(request) : respond(200, granted)))
      ),
      Effect.provide(memory)
    )
  )
})

/** A token file that Kubernetes replaces. */
const tokenFile = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const path = `${yield* files.makeTempDirectoryScoped()}/token`
  const rotate = (token: string) =>
    Effect.zipRight(files.writeFileString(`${path}.new`, `${token}\n`), files.rename(`${path}.new`, path))
  return { path, rotate }
})

describe("workload-identity.ts with Kubernetes", () => {
  it.scoped("authenticates at Entra with the token file", () =>
    Effect.gen(function* () {
      const { path, rotate } = yield* tokenFile
      yield* rotate("first.token.x")
      const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
      const variables = { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: "app", AZURE_FEDERATED_TOKEN_FILE: path }
      yield* Workload.users.pipe(Effect.provide(Workload.GraphLive), config(variables))
      expect(yield* formTo("login.microsoftonline.com")).toEqual({
        grant_type: "client_credentials",
        client_id: "app",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: "first.token.x",
        scope: "https://graph.microsoft.com/.default"
      })
    }).pipe(
      Effect.provide(
        MockClient.layer(({ url }) => {
          const issuer = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
          return respond(200, url.includes("/.well-known/") ? { issuer, token_endpoint: `${issuer}/token` } : granted)
        })
      ),
      Effect.provide([memory, NodeFileSystem.layer])
    )
  )

  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const keys = [publicKey.export({ format: "jwk" })]
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

  /** A token of the process for the time of the test clock. The server accepts each `jti` once. */
  const issued = (jti: number) =>
    Effect.map(TestClock.currentTimeMillis, (now) => {
      const claims = { iss: "orders", sub: "orders", aud: "https://oauth.test", exp: now / 1000 + 600, jti: `${jti}` }
      const text = `${encoded({ alg: "ES256" })}.${encoded(claims)}`
      const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" })
      return `${text}.${signature.toString("base64url")}`
    })

  type Source = Layer.Layer<
    Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
    unknown,
    HttpClient.HttpClient | TokenStore.TokenStore | FileSystem.FileSystem
  >

  const getTwice = (live: Source, rotate: (index: number) => Effect.Effect<void, unknown>) =>
    Effect.gen(function* () {
      const source = Context.get(yield* Layer.build(live), TokenSource.TokenSource)
      for (const index of [1, 2]) {
        yield* rotate(index)
        yield* source.get
        yield* TestClock.adjust("61 minutes")
      }
    })

  it.scoped("authenticates at an embedded server with each rotated token, and calls its API", () =>
    Effect.gen(function* () {
      const { path, rotate } = yield* tokenFile
      const server = OAuthServer.layerMemory({ clients: { orders: { jwks: { keys } } }, scopes: ["read"] })
      yield* Effect.gen(function* () {
        const api = yield* Layer.build(Workload.OrdersLive)
        for (const index of [1, 2]) {
          yield* rotate(yield* issued(index))
          const response = yield* Effect.provide(Workload.orders, api)
          expect(yield* response.json).toEqual({ ok: true, client_id: "orders", scope: "read" })
          yield* TestClock.adjust("61 minutes")
        }
        const { tokenCalls } = yield* OAuthServer.OAuthServer
        expect(yield* tokenCalls).toBe(2)
      }).pipe(config({ TOKEN_FILE: path }), Effect.provide([server, memory]))
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.scoped("gets a token of an embedded server for each rotated assertion", () =>
    Effect.gen(function* () {
      const { path, rotate } = yield* tokenFile
      const server = OAuthServer.layerMemory({ clients: { orders: { jwks: { keys }, public: true } } })
      yield* Effect.gen(function* () {
        yield* getTwice(Workload.BearerLive, (index) => Effect.flatMap(issued(index), rotate))
        const { tokenCalls } = yield* OAuthServer.OAuthServer
        expect(yield* tokenCalls).toBe(2)
      }).pipe(config({ TOKEN_FILE: path }), Effect.provide([server, memory]))
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.scoped("exchanges each rotated token", () =>
    Effect.gen(function* () {
      const { path, rotate } = yield* tokenFile
      yield* config({ TOKEN_FILE: path })(getTwice(Workload.ExchangeLive, (index) => rotate(`token.${index}.x`)))
      const subjects = (yield* sent).flatMap(({ body }) =>
        body === undefined ? [] : [new URLSearchParams(body).get("subject_token")]
      )
      expect(subjects).toEqual(["token.1.x", "token.2.x"])
    }).pipe(
      Effect.provide(
        MockClient.layer(({ url }) =>
          respond(
            200,
            url.includes("/.well-known/")
              ? { issuer: "https://oauth.test", token_endpoint: "https://oauth.test/token" }
              : granted
          )
        )
      ),
      Effect.provide([memory, NodeFileSystem.layer])
    )
  )
})
