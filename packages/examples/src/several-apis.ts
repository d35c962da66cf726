/** Several APIs, each with its own credentials. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

// #region option
class GitHub extends ApiClient.Tag("app/GitHub")<GitHub>() {}
class Weather extends ApiClient.Tag("app/Weather")<Weather>() {}

const GitHubLive = GitHub.layer({
  baseUrl: "https://api.github.com",
  auth: Bearer.layerConfig(Config.redacted("GITHUB_TOKEN"))
})

const WeatherLive = Weather.layer({
  baseUrl: "https://weather.example.com",
  auth: ApiKey.layerConfig({ location: ApiKey.header("x-api-key"), key: Config.redacted("WEATHER_KEY") })
})

// Both still need a transport: Layer.provide(NodeTransport.layer).
export const ApisLive = Layer.merge(GitHubLive, WeatherLive)

export const program = Effect.gen(function* () {
  const github = yield* GitHub
  const weather = yield* Weather
  yield* Console.log(yield* (yield* github.get("/user")).json)
  yield* Console.log(yield* (yield* weather.get("/today")).json)
})
// #endregion

// #region outside
/** Without the option `auth`, the client requires the credentials of its API. */
const GitHubOpen = GitHub.layer({ baseUrl: "https://api.github.com" })

const Login = GitHub.auth(Bearer.layerConfig(Config.redacted("GITHUB_TOKEN")))
const TestLogin = GitHub.auth(Bearer.layer(Redacted.make("token-of-a-test")))

export const GitHubFor = {
  production: Layer.provide(GitHubOpen, Login),
  test: Layer.provide(GitHubOpen, TestLogin)
}
// #endregion

// #region shared
class Orders extends ApiClient.Tag("app/Orders")<Orders, TokenSourceError>() {}
class Invoices extends ApiClient.Tag("app/Invoices")<Invoices, TokenSourceError>() {}

const Company = ClientCredentials.layerConfig({
  issuer: Config.string("ISSUER"),
  clientId: Config.string("CLIENT_ID"),
  clientSecret: Config.redacted("CLIENT_SECRET")
})

// One value of a Layer is built once: one token for both APIs.
const CompanyLive = Layer.mergeAll(
  Orders.layer({ baseUrl: "https://oauth.test/resource", auth: Company }),
  Invoices.layer({ baseUrl: "https://oauth.test/resource", auth: Company })
)
// #endregion

// #region source
/** The clients, and the `TokenSource` of their credentials. */
export const WithSource = Layer.merge(CompanyLive, Company).pipe(Layer.provide(TokenStore.layerMemory))

export const signedIn = Effect.gen(function* () {
  const orders = yield* Orders
  const invoices = yield* Invoices
  yield* orders.get("/")
  yield* invoices.get("/")
  const source = yield* TokenSource.TokenSource
  const { token } = yield* source.get
  yield* Console.log(token.accessToken)
})
// #endregion

// #region missing
const run = (_live: Layer.Layer<GitHub | Weather, unknown, HttpClient.HttpClient>) => undefined

const Both = Layer.merge(GitHubOpen, Weather.layer({ baseUrl: "https://weather.example.com" }))

/** A scheme without an API is for no API. */
// @ts-expect-error -- the credentials of both APIs are missing
export const withoutApi = () => run(Layer.provide(Both, Bearer.layer(Redacted.make("secret"))))

/** The credentials of one API are not those of the other. */
// @ts-expect-error -- the credentials of Weather are missing
export const forGitHubOnly = () => run(Layer.provide(Both, Login))
// #endregion

export const user = Effect.gen(function* () {
  const github = yield* GitHub
  return yield* github.get("/user")
})

/** Tests replace the credentials, or leave them out. */
export const Without = Layer.provide(GitHubOpen, GitHub.auth(Auth.layer(Auth.none)))
