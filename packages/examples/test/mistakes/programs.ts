/** Mistakes at run time: each with its program, and the essential parts of its message. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as RateLimit from "@countersign/client/RateLimit"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

export class Api extends ApiClient.Tag("mistakes/Api")<Api>() {}

export const baseUrl = "https://api.example.com"
const unauthorized = MockClient.respond(401, "", { "www-authenticate": 'Bearer realm="example"' })

/** A text that no message may contain. */
const secret = "canary-5f2a"

/** Options and calls of a program in plain JavaScript, which the types reject. */
export const build = (options: object) =>
  ApiClient.make(options as { readonly baseUrl: string; readonly auth: Auth.Service })

export const withMock = <A, E>(
  program: Effect.Effect<A, E, HttpClient.HttpClient>,
  step: MockClient.Step = unauthorized
) =>
  Effect.flatMap(
    MockClient.make(() => step),
    ({ client }) => Effect.provideService(program, HttpClient.HttpClient, client)
  )

/** The message of the error of a program, which does not contain the secret. */
const messageOf = <A, E>(program: Effect.Effect<A, E, HttpClient.HttpClient>): Effect.Effect<string> =>
  withMock(program).pipe(
    Effect.flip,
    Effect.map((error) => {
      const message = error instanceof Error ? error.message : String(error)
      expect(message).not.toContain(secret)
      return message
    }),
    Effect.orDieWith(() => new Error("the program succeeds"))
  )

const built = (options: object) => messageOf(build({ baseUrl, auth: Auth.none, ...options }))

const called = (url: string, options: object = {}, auth: Auth.Service = Auth.none) =>
  messageOf(Effect.flatMap(build({ baseUrl, auth }), (api) => api.post(url, options)))

const got = (options: object) =>
  // The types of `get` reject the options.
  messageOf(Effect.flatMap(build({ baseUrl, auth: Auth.none }), (api) => api.get("/x", options)))

/** The message of a defect, which is an error of plain JavaScript. */
const defectOf = (program: () => unknown): Effect.Effect<string> =>
  Effect.try({ try: program, catch: (error) => (error instanceof Error ? error.message : String(error)) }).pipe(
    Effect.flip,
    Effect.orDieWith(() => new Error("the program succeeds"))
  )

/** The message of the defect of an effect. */
const dies = <A, E>(program: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<string> =>
  Effect.map(Effect.flip(Effect.sandbox(Effect.scoped(program))), (cause) =>
    Array.from(Cause.defects(cause), (defect) => (defect instanceof Error ? defect.message : "no error")).join()
  ).pipe(Effect.orDieWith(() => new Error("the program succeeds")))

/** Options with names that the types reject in a literal. */
const withName = (options: object): object => options

/** A text where the types require a redacted one. */
const plain = (text: string) => text as unknown as Redacted.Redacted<string>

const layered = <E>(scheme: Layer.Layer<Auth.Auth, E>, variables: ReadonlyArray<readonly [string, string]> = []) => {
  const call = Effect.flatMap(Api, (api) => api.get("/x"))
  const program = Effect.provide(call, Api.layer({ baseUrl, auth: scheme }))
  return messageOf(Effect.withConfigProvider(program, ConfigProvider.fromMap(new Map(variables))))
}

const issued = (options: Partial<ClientCredentials.Options>) => {
  const tokens = ClientCredentials.layer({
    issuer: "https://auth.example.com",
    clientId: "app",
    clientSecret: Redacted.make(secret),
    ...options
  })
  const scheme = Layer.provide(tokens, TokenStore.layerMemory)
  return messageOf(Effect.scoped(Layer.build(scheme)))
}

const path = (value: string) => messageOf(Effect.scoped(FileTokenStore.make({ path: value })))

/** Number, name and message of each mistake. `C` are those of the SDK author. */
export const cases: ReadonlyArray<
  readonly [number | "C", string, Effect.Effect<string>, ...parts: ReadonlyArray<string>]
> = [
  [
    4,
    "a base URL without a scheme",
    built({ baseUrl: "api.github.com" }),
    'invalid `baseUrl` "api.github.com". It has no scheme. Use "https://api.github.com".'
  ],
  [
    4,
    "a loopback base URL without a scheme",
    built({ baseUrl: "localhost:3000/v1" }),
    'Use "http://localhost:3000/v1".'
  ],
  [
    4,
    "a secret as base URL",
    built({ baseUrl: `${secret}:x` }),
    "invalid `baseUrl`. The URL has a space or another character that is not allowed, or not the form https://host."
  ],
  [5, "baseURL", built({ baseURL: baseUrl }), "an API client has no option `baseURL`. Did you mean `baseUrl`?"],
  [5, "an undefined base URL", built({ baseUrl: undefined }), "`baseUrl` is undefined. Set the environment variable"],
  [6, "retries", built({ retries: 3 }), "an API client has no option `retries`. Did you mean `retry`?"],
  [
    7,
    "a number of retries",
    built({ retry: 3 }),
    "`retry` is 3. Pass a schedule such as `Retry.exponential({ times: 3 })`"
  ],
  [
    8,
    "the option times",
    built({ retry: { times: 3 } }),
    "no option `retry.times`. Pass `retry: Retry.exponential({ times: 3 })`."
  ],
  [9, "a negative timeout", built({ timeout: -1 }), "`timeout` is -1. Pass milliseconds above 0"],
  [
    9,
    "a timeout of 0",
    built({ timeout: { call: 0 } }),
    "`timeout` is an object of another kind. Pass milliseconds above 0"
  ],
  [
    4,
    "an empty base URL",
    built({ baseUrl: "" }),
    "`baseUrl` is empty. Set the environment variable that it comes from."
  ],
  [4, "a base URL with a space", built({ baseUrl: " https://a.test" }), "invalid `baseUrl`. The URL has a space"],
  [9, "a timeout without a unit", built({ timeout: "5000" }), "`timeout` is a text of another form. Pass milliseconds"],
  [
    11,
    "a wrong token",
    called("/x", {}, Bearer.make(Redacted.make(secret))),
    "POST https://api.example.com/x answered 401",
    "rejected the credentials"
  ],
  [
    12,
    "a token with a line break",
    layered(Bearer.layer(Redacted.make(`${secret}\n`))),
    "`token` begins or ends with white space"
  ],
  [
    13,
    "a token with Bearer",
    called("/x", {}, Bearer.make(Redacted.make(`Bearer ${secret}`))),
    "`token` begins with `Bearer `, which the scheme adds. Pass the token alone."
  ],
  [
    13,
    "a Layer of a token with bearer",
    layered(Bearer.layer(Redacted.make(`bearer ${secret}`))),
    "Invalid options: `token` begins"
  ],
  [14, "a missing variable", layered(Bearer.layerConfig(Config.redacted("API_TOKEN"))), "API_TOKEN"],
  [
    15,
    "an empty token variable",
    layered(Bearer.layerConfig(Config.redacted("API_TOKEN")), [["API_TOKEN", ""]]),
    "Invalid options: `token` is empty. Set the environment variable or the value that it comes from."
  ],
  [
    15,
    "an empty key variable",
    layered(ApiKey.layerConfig({ location: ApiKey.header("x-key"), key: Config.redacted("KEY") }), [["KEY", " "]]),
    "Invalid options: `key` is empty."
  ],
  [
    15,
    "an empty key of a pool",
    layered(ApiKey.layerPool({ location: ApiKey.header("x-key"), keys: [Redacted.make(secret), Redacted.make("")] })),
    "Invalid options: `keys[1]` is empty."
  ],
  [
    15,
    "an empty password variable",
    layered(Basic.layerConfig({ username: Config.string("NAME"), password: Config.redacted("PASSWORD") }), [
      ["NAME", "app"],
      ["PASSWORD", ""]
    ]),
    "Invalid options: `password` is empty. Set the environment variable that it comes from."
  ],
  [
    15,
    "an empty user name and password",
    layered(Basic.layer({ username: "", password: Redacted.make("") })),
    "Invalid options: `username` is empty."
  ],
  [
    15,
    "an empty client secret",
    issued({ clientSecret: Redacted.make("") }),
    "a credential is missing or empty. Set `clientId`"
  ],
  [
    17,
    "a base URL with a query",
    built({ baseUrl: `${baseUrl}?a=1` }),
    "The URL has a query. Remove it, or send it with"
  ],
  [
    18,
    "an absolute URL elsewhere",
    called("https://other.example.com/x"),
    "an absolute URL of another origin. Use a URL below"
  ],
  [
    22,
    "an object as body",
    called("/x", { body: { title: secret } }),
    "Use `json`, `form`, `multipart` or `text` for other"
  ],
  [
    23,
    "data of axios",
    called("/x", { data: { title: secret } }),
    "a POST call has no option `data`. Did you mean `json`?"
  ],
  [
    22,
    "the body in the place of the options",
    called("/x", { title: secret }),
    "a POST call has no option `title`. If it is a member of the body, use `json`."
  ],
  [9, "a timeout of got", called("/x", { timeout: { request: 5 } }), "Did you mean `timeout.exchange`?"],
  [25, "a logger", built({ logger: console }), "no option `logger`. Provide `ApiLog.layer()`."],
  [23, "params of axios", called("/x", { params: { q: secret } }), "no option `params`. Did you mean `query`?"],
  [
    26,
    "true for cookies",
    built({ cookies: true }),
    "`cookies` is true. Pass a Layer such as `CookieJar.layerMemory`, or false."
  ],
  [
    10,
    "a plain text as token",
    layered(Bearer.layer(plain(secret))),
    "`token` of `Bearer` is plain text. Pass `Redacted.make(…)`"
  ],
  [
    10,
    "a plain text as key",
    layered(ApiKey.layer({ location: ApiKey.header("x-key"), key: plain(secret) })),
    "`key` of `ApiKey` is plain text. Pass `Redacted.make(…)`, so that no log shows it."
  ],
  [
    10,
    "a plain text in a pool of keys",
    layered(ApiKey.layerPool({ location: ApiKey.header("x-key"), keys: [plain(secret)] })),
    "`keys` of `ApiKey.pool` is plain text."
  ],
  [
    10,
    "a plain text as password",
    layered(Basic.layer({ username: "ada", password: plain(secret) })),
    "`password` of `Basic` is plain text."
  ],
  [
    10,
    "a plain text as client secret",
    issued({ clientSecret: plain(secret) }),
    "`clientSecret` of an OAuth client is plain text."
  ],
  [
    10,
    "a plain text as secret of a method",
    defectOf(() => ClientAuthentication.clientSecretPost(plain(secret))),
    "`secret` of `ClientAuthentication` is plain text."
  ],
  [
    10,
    "a plain text as passphrase",
    dies(EncryptionKey.passphrase(plain(secret))),
    "`text` of `EncryptionKey` is plain text."
  ],
  [22, "a misspelt option of a GET", got({ jsn: 1 }), "a GET call has no option `jsn`. Remove it."],
  [22, "a body for a GET, misspelt", got({ data: { q: 1 } }), "a GET call has no option `data`. Remove it."],
  [25, "an AbortSignal", got({ signal: AbortSignal.abort() }), "Interrupt the fiber, or use `PromiseClient`."],
  [25, "throwHttpErrors of ky", got({ throwHttpErrors: false }), "Use `Effect.either` or `Effect.catchTag`."],
  [25, "a proxy of one call", got({ proxy: baseUrl }), "a GET call has no option `proxy`. Set it on the transport."],
  [
    25,
    "a proxy of a client",
    built({ proxy: baseUrl }),
    "an API client has no option `proxy`. Set it on the transport."
  ],
  [25, "baseURL of one call", got({ baseURL: baseUrl }), "a GET call has no option `baseURL`. Set it on the client."],
  [23, "maxRedirects of axios", built({ maxRedirects: 2 }), "no option `maxRedirects`. Did you mean `redirects`?"],
  [
    6,
    "client_id",
    issued(withName({ client_id: "app" })),
    "Invalid options: an OAuth client has no option `client_id`. Did you mean `clientId`?"
  ],
  [6, "scope", issued(withName({ scope: "read" })), "an OAuth client has no option `scope`. Did you mean `scopes`?"],
  [6, "tokenUrl", issued(withName({ tokenUrl: "x" })), "no option `tokenUrl`. Did you mean `tokenEndpoint`?"],
  [
    6,
    "a misspelt compliance fix",
    issued(withName({ complianceFixes: { pkse: false } })),
    "no option `complianceFixes.pkse`. Did you mean `complianceFixes.pkce`?"
  ],
  [
    6,
    "user for username",
    layered(Basic.layer({ username: "ada", password: Redacted.make(secret), ...withName({ user: "ada" }) })),
    "`Basic` has no option `user`. Did you mean `username`?"
  ],
  [
    6,
    "rejectUnauthorized",
    dies(NodeTransport.make({ tls: withName({ rejectUnauthorized: false }) })),
    "`NodeTransport` has no option `tls.rejectUnauthorized`. Did you mean `tls.ca`?"
  ],
  [
    6,
    "proxyUrl",
    dies(NodeTransport.make(withName({ proxyUrl: baseUrl }))),
    "`NodeTransport` has no option `proxyUrl`. Did you mean `proxy`?"
  ],
  [
    6,
    "a misspelt lock timeout",
    dies(FileTokenStore.make({ path: "tokens.json", ...withName({ lockTimeoutt: 1 }) })),
    "`FileTokenStore` has no option `lockTimeoutt`. Did you mean `lockTimeout`?"
  ],
  [38, "a misspelt option of a call", called("/x", { header: {} }), "no option `header`. Did you mean `headers`?"],
  [
    39,
    "an Effect for a rate limit",
    built({ rateLimit: RateLimit.make({ limits: [] }) }),
    "`rateLimit` is an Effect. Write `yield*` before it, or pass a Layer such as `RateLimit.layerMemory({ limits })`, or false."
  ],
  [39, "a number for a rate limit", built({ rateLimit: 5 }), "`rateLimit` is 5. Pass a Layer such as `RateLimit.layer"],
  [
    39,
    "an Effect for a circuit breaker",
    built({ circuitBreaker: CircuitBreaker.make() }),
    "`circuitBreaker` is an Effect."
  ],
  [
    39,
    "a function for a circuit breaker",
    built({ circuitBreaker: CircuitBreaker.layer }),
    "is a function. Call it, or pass"
  ],
  [
    39,
    "an Effect for a scheme",
    built({ auth: Effect.succeed(Auth.none) }),
    "`auth` is an Effect. Write `yield*` before it"
  ],
  [
    39,
    "a token for a scheme",
    built({ auth: secret }),
    "`auth` is a text of another form. Pass a Layer such as `Bearer.layer"
  ],
  [
    39,
    "a Layer for the scheme of a call",
    called("/x", { auth: Auth.layerNone }),
    "`auth` is a Layer. Pass a scheme, such as"
  ],
  [
    40,
    "true for idempotencyKey",
    built({ idempotencyKey: true }),
    "`idempotencyKey` is true. Pass `IdempotencyKey.make()`."
  ],
  [40, "true for metrics", built({ metrics: true }), "`metrics` is true. Pass `Telemetry.metrics`."],
  [40, "true for hedge", built({ hedge: true }), "`hedge` is true. Pass `Hedge.make("],
  [
    "C",
    "a plain-http issuer on loopback",
    issued({ issuer: "http://localhost:8080" }),
    "the issuer is invalid: http://localhost:8080 is not https",
    "set `transport: OAuth2.dangerouslyAllowHttpOnLoopback`"
  ],
  [
    "C",
    "a plain-http issuer elsewhere",
    issued({ issuer: "http://10.0.0.1", transport: OAuth2.dangerouslyAllowHttpOnLoopback }),
    "Use https. Plain http is allowed on loopback only"
  ],
  [
    "C",
    "an issuer without a scheme",
    issued({ issuer: "auth.example.com" }),
    'the issuer is invalid. "auth.example.com" has no scheme. Use "https://auth.example.com".'
  ],
  [
    "C",
    "a token file in ~",
    path("~/tokens.json"),
    '`path` "~/tokens.json" begins with ~, which only a shell replaces.'
  ],
  ["C", "an empty path of a token file", path(""), "`path` is empty. Set the environment variable"]
]
