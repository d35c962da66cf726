/** Workload identity: the token of the platform is the credential, and no secret is stored. */
import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as GitHubActions from "@countersign/auth/GitHubActions"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as Entra from "@countersign/auth/providers/Entra"
import * as Google from "@countersign/auth/providers/Google"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import * as ApiClient from "@countersign/client/ApiClient"
import * as TokenFile from "@countersign/node/TokenFile"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

// #region aws
class Reports extends ApiClient.Tag("app/Reports")<Reports, TokenSourceError>() {}

export const ReportsLive = Layer.unwrapScoped(
  Effect.gen(function* () {
    const credentials = yield* AwsCredentials.webIdentity({
      roleArn: "arn:aws:iam::123456789012:role/reports",
      token: GitHubActions.idToken({ audience: "sts.amazonaws.com" })
    })
    return Reports.layer({
      baseUrl: "https://reports.s3.eu-central-1.amazonaws.com",
      auth: AwsSignature.layer({ credentials })
    })
  })
)
// #endregion

// #region google
class Storage extends ApiClient.Tag("app/Storage")<Storage, TokenSourceError>() {}

const audience = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci/providers/github"

export const StorageLive = Storage.layer({
  baseUrl: "https://storage.googleapis.com",
  auth: TokenExchange.layer(
    Google.workloadIdentity({
      audience,
      token: GitHubActions.idToken({ audience: `https:${audience}` }),
      scopes: ["https://www.googleapis.com/auth/cloud-platform"]
    })
  )
})
// #endregion

// #region entra
class Graph extends ApiClient.Tag("app/Graph")<Graph, TokenSourceError>() {}

export const GraphLive = Layer.unwrapEffect(
  Effect.gen(function* () {
    const file = yield* Config.string("AZURE_FEDERATED_TOKEN_FILE")
    const client = Entra.client({
      tenant: yield* Config.string("AZURE_TENANT_ID"),
      clientId: yield* Config.string("AZURE_CLIENT_ID"),
      clientAuthentication: yield* ClientAuthentication.clientAssertion(TokenFile.read(file))
    })
    const scopes = [Entra.defaultScope("https://graph.microsoft.com")]
    return Graph.layer({
      baseUrl: "https://graph.microsoft.com/v1.0",
      auth: ClientCredentials.layer({ ...client, scopes })
    })
  })
)
// #endregion

class Orders extends ApiClient.Tag("app/Orders")<Orders, TokenSourceError>() {}

const client = { issuer: "https://oauth.test", clientId: "orders" }
const tokenFile = Config.string("TOKEN_FILE")

// #region assertion
export const OrdersLive = Layer.unwrapEffect(
  Effect.gen(function* () {
    const token = TokenFile.read(yield* tokenFile)
    const clientAuthentication = yield* ClientAuthentication.clientAssertion(token)
    return Orders.layer({
      baseUrl: "https://oauth.test",
      auth: ClientCredentials.layer({ ...client, clientAuthentication, scopes: ["read"] })
    })
  })
)
// #endregion

// #region exchange
/** RFC 8693: the token is the subject of an exchange. */
export const ExchangeLive = Layer.unwrapEffect(
  Effect.map(tokenFile, (path) =>
    TokenExchange.layer({
      ...client,
      clientAuthentication: ClientAuthentication.none,
      subject: TokenExchange.fromJwt(TokenFile.read(path))
    })
  )
)

/** RFC 7523: the token is the assertion of the JWT bearer grant. */
export const BearerLive = Layer.unwrapEffect(
  Effect.map(tokenFile, (path) => JwtBearer.layer({ ...client, assertion: TokenFile.read(path) }))
)
// #endregion

export const report = Effect.gen(function* () {
  const reports = yield* Reports
  return yield* reports.get("/2026.csv")
})

export const buckets = Effect.gen(function* () {
  const storage = yield* Storage
  return yield* storage.get("/storage/v1/b")
})

export const users = Effect.gen(function* () {
  const graph = yield* Graph
  return yield* graph.get("/users")
})

export const orders = Effect.gen(function* () {
  const api = yield* Orders
  return yield* api.get("/resource")
})
