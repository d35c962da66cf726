/** Calls with options in TypeScript. `$` stands where a wrong member is added to a literal. */

/** Declarations before each call. */
export const declarations = `
declare const secret: Redacted.Redacted<string>
declare const location: ApiKey.Location
declare const awsKey: { readonly accessKeyId: string; readonly secretAccessKey: Redacted.Redacted<string> }
declare const subjectToken: Effect.Effect<Redacted.Redacted<string>>
declare const cryptoKey: CryptoKey
declare const dpop: Dpop.Key
declare const signatureKey: MessageSignature.Key
declare const sourceService: TokenSource.Service
declare const server: OAuth2.Service
declare const encryptionKey: EncryptionKey.EncryptionKey
declare const store: TokenStore.Service
declare const keyValueStore: import("@effect/platform/KeyValueStore").KeyValueStore
declare const backing: LeaseLock.Backing
declare const keys: Jwks.Jwks
declare const token: Token.Token
declare const acquireToken: () => Effect.Effect<Token.Token, never, HttpClient.HttpClient>
declare const subject: Effect.Effect<TokenExchange.SubjectToken>
declare const assertion: Effect.Effect<Redacted.Redacted<string>, never, HttpClient.HttpClient>
declare const api: import("@countersign/client/ApiClient").ApiClient
declare const response: HttpClientResponse.HttpClientResponse
declare const place: Effect.Effect<void>
declare const open: () => Effect.Effect<TokenStore.Service>
declare const postgres: PostgresServer.Service
declare const runner: TokenStoreContract.Runner
class Login extends AuthorizationServer.Tag("app/Login")<Login>() {}
const url = "https://api.example.com"
`

/** The members of an OAuth client. */
const client = `issuer: url, clientId: "app", clientSecret: secret`

const config = `issuer: Config.string("ISSUER"), clientId: Config.string("ID"), clientSecret: secret`

const app = `clientId: "app", clientSecret: secret`

/** The endpoints of an OAuth 1.0 server. */
const endpoints = `temporaryCredentialsEndpoint: url, authorizationEndpoint: url, tokenEndpoint: url`

/** One call of each function with options. */
export const calls: ReadonlyArray<string> = [
  `ApiKey.make({ location, key: secret, $ })`,
  `ApiKey.layer({ location, key: secret, $ })`,
  `ApiKey.layerConfig({ location, key: Config.redacted("KEY"), $ })`,
  `ApiKey.pool({ location, keys: [secret], $ })`,
  `ApiKey.layerPool({ location, keys: [secret], $ })`,
  `ApiKey.poolEffect({ location, keys: Effect.succeed([secret]), $ })`,
  `ApiKey.layerPoolEffect({ location, keys: Effect.succeed([secret]), $ })`,
  `ApiKey.layerPoolConfig({ location, keys: Config.array(Config.redacted(), "KEYS"), $ })`,
  `AuthorizationCode.make({ ${client}, redirectUri: url, $ })`,
  `AuthorizationCode.storeToken({ ${client}, $ }, { token })`,
  `AuthorizationServer.make({ ${client}, $ })`,
  `Login.layer({ ${client}, $ })`,
  `Login.layerConfig({ ${config}, $ })`,
  `Digest.make({ username: "ada", password: secret, $ })`,
  `Digest.makeResponder({ username: "ada", password: secret, $ })`,
  `Digest.layer({ username: "ada", password: secret, $ })`,
  `Digest.layerConfig({ username: "ada", password: Config.redacted("PASS"), $ })`,
  `Basic.make({ username: "ada", password: secret, $ })`,
  `Basic.layer({ username: "ada", password: secret, $ })`,
  `Basic.layerConfig({ username: Config.string("USER"), password: Config.redacted("PASS"), $ })`,
  `Bearer.layerCustom({ key: "key", acquireToken, $ })`,
  `ClientAuthentication.clientSecretJwt(secret, { $ })`,
  `ClientAuthentication.privateKeyJwt({ key: cryptoKey, $ })`,
  `ClientAuthentication.privateKeyJwt({ key: cryptoKey }, { $ })`,
  `ClientCredentials.acquireToken(server, { ${client}, $ })`,
  `ClientCredentials.canSatisfy({ $ })`,
  `ClientCredentials.layer({ ${client}, $ })`,
  `ClientCredentials.layerConfig({ ${config}, $ })`,
  `DeviceCode.make({ ${client}, $ })`,
  `Dpop.fromJwk(secret, { $ })`,
  `Dpop.fromSource(sourceService, dpop, { $ })`,
  `Dpop.layerTokenSource(dpop, { $ })`,
  `Dpop.layerCustom(dpop, { key: "key", acquireToken, $ })`,
  `DpopKey.fromStore({ issuer: url, clientId: "app", $ })`,
  `DpopKey.fromIndexedDb({ open: () => null as never }, { issuer: url, clientId: "app", $ })`,
  `GitHubActions.idToken({ $ })`,
  `Introspection.make({ ${client}, $ })`,
  `Jwks.make({ uri: url, $ })`,
  `Jwt.verify("", { issuer: url, audience: url, algorithms: ["ES256"], keys, $ })`,
  `JwtBearer.layer({ ${client}, assertion, $ })`,
  `JwtBearer.layer({ ${client}, assertion: { key: { key: cryptoKey } }, $ })`,
  `JwtBearer.layerConfig({ ${config}, assertion, $ })`,
  `KeyValueTokenStore.make(keyValueStore, { $ })`,
  `LeaseLock.make(backing, { $ })`,
  `KeyValueTokenStore.layer({ $ })`,
  `MessageSignature.fromJwk(secret, { $ })`,
  `MessageSignature.fromPem(secret, { algorithm: "ed25519", $ })`,
  `MessageSignature.fromSecret(secret, { $ })`,
  `MessageSignature.make({ key: signatureKey, $ })`,
  `MessageSignature.layer({ key: signatureKey, $ })`,
  `MessageSignature.layerConfig({ jwk: Config.redacted("KEY"), $ })`,
  `MessageSignature.verifyResponses(Auth.none, { keys: [signatureKey], $ })`,
  `OAuth2.make({ ${client}, $ })`,
  `OAuth1.make({ clientId: "app", clientSecret: secret, $ })`,
  `OAuth1.layer({ clientId: "app", clientSecret: secret, $ })`,
  `OAuth1.layerConfig({ clientId: Config.string("ID"), clientSecret: Config.redacted("SECRET"), $ })`,
  `OAuth1SignIn.make({ ${app}, ${endpoints}, redirectUri: url, $ })`,
  `QuerySignature.make({ secret, $ })`,
  `QuerySignature.layer({ secret, $ })`,
  `QuerySignature.make({ secret, parameters: { timestamp: "ts", $ } })`,
  `Signature.timestampedBody({ header: "x-signature", secret, $ })`,
  `ProtectedResource.fromChallenges(url, [], { $ })`,
  `ProtectedResource.fromResponse(url, response, { $ })`,
  `ProtectedResource.discover(url, { $ })`,
  `RefreshToken.keyOf({ ${client}, $ })`,
  `RefreshToken.layer({ ${client}, $ })`,
  `RefreshToken.layerConfig({ ${config}, $ })`,
  `Registration.register({ issuer: url, $ }, {})`,
  `Revocation.make({ ${client}, $ })`,
  `Revocation.signOut({ ${client}, $ })`,
  `AwsProfile.read({ $ })`,
  `AwsProfile.source({ $ })`,
  `AwsCredentials.make({ acquire: Effect.succeed(awsKey), $ })`,
  `AwsCredentials.webIdentity({ roleArn: "arn:aws:iam::1:role/a", token: subjectToken, $ })`,
  `AwsCredentials.assumeRole({ roleArn: "arn:aws:iam::1:role/a", credentials: awsKey, $ })`,
  `AwsCredentials.container({ uri: "/x", $ })`,
  `AwsCredentials.instance({ $ })`,
  `AwsSignature.make({ credentials: awsKey, $ })`,
  `AwsSignature.layer({ credentials: awsKey, $ })`,
  `AwsSignature.layerConfig({ credentials: AwsCredentials.config, $ })`,
  `AwsSignature.presign({ credentials: awsKey, url, $ })`,
  `Signature.make({ keyId: "app", secret, $ })`,
  `Signature.layer({ keyId: "app", secret, $ })`,
  `SignedJwt.make({ key: { key: cryptoKey }, claims: {}, $ })`,
  `SignedJwt.layer({ key: { key: cryptoKey }, claims: {}, $ })`,
  `SignedJwt.githubApp({ clientId: "app", key: cryptoKey, $ })`,
  `SignedJwt.appStoreConnect({ keyId: "key", key: cryptoKey, $ })`,
  `SignedJwt.apns({ teamId: "team", keyId: "key", key: cryptoKey, $ })`,
  `TokenExchange.make({ ${client}, $ })`,
  `TokenExchange.layer({ ${client}, subject, $ })`,
  `TokenExchange.layerConfig({ ${config}, subject, $ })`,
  `TokenKey.format({ issuer: url, client: "app", $ })`,
  `TokenSource.make({ key: "key", acquireToken, $ })`,
  `TokenSource.layer({ key: "key", acquireToken, $ })`,
  `TransactionStore.makeMemory({ $ })`,
  `TransactionStore.layerMemory({ $ })`,
  `TransactionStore.layerKeyValueStore({ $ })`,
  `Auth0.client({ ${app}, domain: "example.eu.auth0.com", $ })`,
  `Entra.client({ ${app}, tenant: "common", $ })`,
  `Entra.certificate({ tenant: "common", key: cryptoKey, thumbprint: "x", $ })`,
  `Entra.onBehalfOf({ ${app}, tenant: "common", token: assertion, scopes: [], $ })`,
  `Fitbit.app({ ${app}, $ })`,
  `GitHub.app({ ${app}, $ })`,
  `Google.client({ ${app}, $ })`,
  `Google.device({ ${app}, $ })`,
  `Google.workloadIdentity({ audience: "//pool", token: subjectToken, scopes: [], $ })`,
  `Google.serviceAccount({ email: "app@example.com", key: { key: cryptoKey }, scopes: [], $ })`,
  `HubSpot.app({ ${app}, $ })`,
  `Meta.app({ ${app}, $ })`,
  `Okta.client({ ${app}, domain: "example.okta.com", $ })`,
  `OpenIdConnect.client({ ${client}, $ })`,
  `Salesforce.client({ ${app}, $ })`,
  `Salesforce.jwtBearer({ clientId: "app", key: { key: cryptoKey }, username: "ada", $ })`,
  `Slack.bot({ ${app}, $ })`,
  `Slack.user({ ${app}, userScopes: [], $ })`,
  `Spotify.app({ ${app}, $ })`,
  `Supabase.app({ ${app}, $ })`,
  `Supabase.project({ ${app}, host: "example.supabase.co", $ })`,
  `Twitch.app({ ${app}, $ })`,
  `Browser.make({ $ })`,
  `Browser.layer({ $ })`,
  `Download.toFile(api, "/file", "file", { $ })`,
  `FileBody.make("file", { $ })`,
  `Progress.bar({ $ })`,
  `EncryptedTokenStore.make(store, { storeId: "app", key: encryptionKey, $ })`,
  `EncryptedTokenStore.layer({ storeId: "app", key: encryptionKey, $ })`,
  `EncryptionKey.fromKeychain({ service: "app", lockDirectory: "/x", $ })`,
  `FileTokenStore.make({ path: "/x", $ })`,
  `FileTokenStore.layer({ path: "/x", $ })`,
  `FileTokenStore.layerConfig({ path: Config.string("FILE"), $ })`,
  `KeychainTokenStore.make({ service: "app", lockDirectory: "/x", $ })`,
  `KeychainTokenStore.layer({ service: "app", lockDirectory: "/x", $ })`,
  `LoopbackListener.make({ $ })`,
  `NodeTransport.make({ $ })`,
  `NodeTransport.layerWith({ $ })`,
  `NodeTransport.makeProxyEnv({ $ })`,
  `NodeTransport.layerProxyEnvWith({ $ })`,
  `ProcessLock.make({ $ })`,
  `ProcessLock.layer({ $ })`,
  `ProcessLock.fromContext({ $ })`,
  `SignIn.withBrowser({ ${client}, $ })`,
  `SignIn.withDevice({ ${client}, $ })`,
  `RedisClient.make({ url: "redis://127.0.0.1", $ })`,
  `RedisClient.layer({ url: "redis://127.0.0.1", $ })`,
  `RedisClient.layerConfig({ url: Config.redacted("URL"), $ })`,
  `RedisTokenStore.make({ $ })`,
  `RedisTokenStore.layer({ $ })`,
  `RedisTokenStore.layerConfig({ $ })`,
  `RedisRateLimiter.make({ $ })`,
  `RedisRateLimiter.layer({ $ })`,
  `RedisRateLimiter.layerConfig({ $ })`,
  `RedisRateLimit.make({ limits: [], $ })`,
  `RedisRateLimit.layer({ limits: [], $ })`,
  `RedisRateLimit.throttle({ $ })`,
  `RedisRateLimit.layerThrottle({ $ })`,
  `RedisReplication.make({ $ })`,
  `PostgresReplication.make({ $ })`,
  `SqlTokenStore.make({ $ })`,
  `SqlTokenStore.layer({ $ })`,
  `SqlTokenStore.layerConfig({ $ })`,
  `SqlTokenStore.migrate({ $ })`,
  `SqlTokenStore.migrations({ $ })`,
  `RedisServer.make({ $ })`,
  `RedisServer.layer({ $ })`,
  `PostgresServer.make({ $ })`,
  `PostgresServer.layer({ $ })`,
  `PostgresServer.pgbouncer(postgres, { $ })`,
  `EventServer.event({ data: "x", $ })`,
  `FileServer.make({ $ })`,
  `FileServer.layerWith({ $ })`,
  `FaultProxy.make({ port: 1, $ })`,
  `FaultProxy.layer({ port: 1, $ })`,
  `HttpBin.layerWith({ $ })`,
  `HttpBin.layerMemoryWith({ $ })`,
  `MockClient.make({ "GET /x": MockClient.respond(200) }, { $ })`,
  `MockClient.layer({ "GET /x": MockClient.respond(200) }, { $ })`,
  `MockClient.truncated(200, "", { $ })`,
  `OAuthServer.layer({ $ })`,
  `OAuthServer.layerMemory({ $ })`,
  `OAuthServer.truncated({ $ })`,
  `Recorder.make({ file: "x.json", mode: "replay", $ })`,
  `Recorder.layer({ file: "x.json", mode: "replay", $ })`,
  `Recorder.layerReplay({ file: "x.json", $ })`,
  `TokenStoreContract.cases({ place, open, $ })`,
  `TokenStoreContract.register(runner, "memory", { place, open, $ })`
]

/** Calls with options within options. */
export const nested: ReadonlyArray<string> = [
  `OAuth2.make({ ${client}, complianceFixes: { pkce: false, $ } })`,
  `ClientCredentials.layer({ ${client}, expiredWhen: { status: 403, $ } })`,
  `ClientCredentials.layerConfig({ ${config}, complianceFixes: { pkce: false, $ } })`,
  `RefreshToken.layerConfig({ ${config}, expiredWhen: { status: 403, $ } })`,
  `JwtBearer.layer({ ${client}, assertion: { key: { key: cryptoKey }, $ } })`,
  `JwtBearer.layer({ ${client}, assertion: { key: { key: cryptoKey, $ } } })`,
  `TokenExchange.layer({ ${client}, subject, actor: { token: secret, type: "x", $ } })`,
  `TokenSource.make({ key: "key", acquireToken, tokenOwner: { issuer: url, client: "app", $ } })`,
  `Signature.make({ keyId: "app", secret, headers: { nonce: "x", $ } })`,
  `Google.serviceAccount({ email: "app@example.com", key: { key: cryptoKey, $ }, scopes: [] })`,
  `NodeTransport.make({ tls: { ca: "x", $ } })`,
  `NodeTransport.layerWith({ tls: { origins: [url], cert: "x", key: secret, $ } })`,
  `NodeTransport.layerProxyEnvWith({ tls: { ca: "x", $ } })`,
  `SignIn.withBrowser({ ${client}, listener: { port: 8080, $ } })`,
  `RedisRateLimit.layer({ limits: [], throttle: { maxKeys: 1, $ } })`,
  `RedisRateLimit.layer({ limits: [], limiter: { processes: 1, $ } })`,
  `RateLimit.layerMemory({ limits: [], throttle: { maxKeys: 1, $ } })`,
  `FaultProxy.layer({ port: 1, down: [FaultProxy.Toxic.Latency({ delay: "1 second", $ })] })`,
  `FaultProxy.layer({ port: 1, up: [{ _tag: "Reset", after: 1, $ }] })`,
  `OAuthServer.layer({ clients: { app: { secret: "x", $ } } })`,
  `OAuthServer.layer({ dpop: { required: true, $ } })`,
  `OAuthServer.layer({ device: { interval: "1 second", $ } })`,
  `OAuthServer.layerMemory({ overrides: { metadata: {}, $ } })`
]

/** Calls of functions with overloads, where TypeScript underlines the function, and names the member in the message. */
export const overloaded: ReadonlyArray<string> = [
  `NodeTransport.make({ proxy: url, $ })`,
  `NodeTransport.layerWith({ proxy: url, $ })`,
  `NodeTransport.layerWith({ proxy: { https: url, $ } })`
]
