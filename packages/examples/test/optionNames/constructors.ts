/** Each function with options, called with valid options and with an additional member, as plain JavaScript may call it. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as ApiKey from "@countersign/auth/ApiKey"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as AuthorizationServer from "@countersign/auth/AuthorizationServer"
import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as Digest from "@countersign/auth/Digest"
import * as Dpop from "@countersign/auth/Dpop"
import * as DpopKey from "@countersign/auth/DpopKey"
import * as GitHubActions from "@countersign/auth/GitHubActions"
import * as Introspection from "@countersign/auth/Introspection"
import * as Jwks from "@countersign/auth/Jwks"
import * as Jwt from "@countersign/auth/Jwt"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as ProtectedResource from "@countersign/auth/ProtectedResource"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Registration from "@countersign/auth/Registration"
import * as Revocation from "@countersign/auth/Revocation"
import * as OAuth1 from "@countersign/auth/OAuth1"
import * as OAuth1SignIn from "@countersign/auth/OAuth1SignIn"
import * as QuerySignature from "@countersign/auth/QuerySignature"
import * as Signature from "@countersign/auth/Signature"
import * as SignedJwt from "@countersign/auth/SignedJwt"
import * as Token from "@countersign/auth/Token"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import * as TokenKey from "@countersign/auth/TokenKey"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as TransactionStore from "@countersign/auth/TransactionStore"
import * as Auth0 from "@countersign/auth/providers/Auth0"
import * as Entra from "@countersign/auth/providers/Entra"
import * as Fitbit from "@countersign/auth/providers/Fitbit"
import * as GitHub from "@countersign/auth/providers/GitHub"
import * as Google from "@countersign/auth/providers/Google"
import * as HubSpot from "@countersign/auth/providers/HubSpot"
import * as Meta from "@countersign/auth/providers/Meta"
import * as Okta from "@countersign/auth/providers/Okta"
import * as OpenIdConnect from "@countersign/auth/providers/OpenIdConnect"
import * as Salesforce from "@countersign/auth/providers/Salesforce"
import * as Slack from "@countersign/auth/providers/Slack"
import * as Spotify from "@countersign/auth/providers/Spotify"
import * as Supabase from "@countersign/auth/providers/Supabase"
import * as Twitch from "@countersign/auth/providers/Twitch"
import * as AwsProfile from "@countersign/node/AwsProfile"
import * as Browser from "@countersign/node/Browser"
import * as Download from "@countersign/node/Download"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as FileBody from "@countersign/node/FileBody"
import * as Progress from "@countersign/node/Progress"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
import * as LoopbackListener from "@countersign/node/LoopbackListener"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as ProcessLock from "@countersign/node/ProcessLock"
import * as SignIn from "@countersign/node/SignIn"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
import * as RedisRateLimiter from "@countersign/redis/RedisRateLimiter"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
import * as EventServer from "@countersign/testing/EventServer"
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as FileServer from "@countersign/testing/FileServer"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as PostgresReplication from "@countersign/testing/PostgresReplication"
import * as PostgresServer from "@countersign/testing/PostgresServer"
import * as Recorder from "@countersign/testing/Recorder"
import * as RedisReplication from "@countersign/testing/RedisReplication"
import * as RedisServer from "@countersign/testing/RedisServer"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const secret = Redacted.make("secret")
const location = ApiKey.header("x-api-key")
const client = { issuer: "https://auth.example.com", clientId: "app", clientSecret: secret }
const roleArn = "arn:aws:iam::1:role/a"
const awsKey = { accessKeyId: "AKID", secretAccessKey: secret }
const app = { clientId: "app", clientSecret: secret }
const acquireToken = () => Effect.succeed(Token.bearer(secret, 0))
const source = { key: "key", acquireToken }
const subject = Effect.succeed({ token: secret, type: TokenExchange.tokenTypes.accessToken })
const assertion = subject.pipe(Effect.map(({ token }) => token))

const keys = Effect.runSync(Effect.succeed({ getKeys: () => Effect.succeed([]) } satisfies Jwks.Jwks))
const cryptoKey = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"])
const privateKey = cryptoKey.privateKey
const dpop = await Effect.runPromise(Dpop.generateKey)
const signatureKey = await Effect.runPromise(MessageSignature.fromSecret(secret))
const jwk = await Effect.runPromise(Effect.flatMap(Dpop.generateExtractableKey, Dpop.toJwk))
const backing: LeaseLock.Backing = {
  acquire: () => Effect.succeed(true),
  renew: () => Effect.succeed(true),
  release: () => Effect.void
}
const kvs = await Effect.runPromise(Effect.provide(KeyValueStore.KeyValueStore, KeyValueStore.layerMemory))
const store = await Effect.runPromise(TokenStore.makeMemory)
const sourceService = await Effect.runPromise(
  TokenSource.make(source).pipe(Effect.scoped, Effect.provide(TokenStore.layerMemory))
)
const server = await Effect.runPromise(Effect.provide(OAuth2.make(client), MockClient.layer([])))
const encryptionKey = await Effect.runPromise(Effect.flatMap(EncryptionKey.generate, EncryptionKey.fromBase64))
const response = HttpClientResponse.fromWeb(
  HttpClientRequest.get("https://api.example.com"),
  new Response("", { status: 401 })
)
const api = Effect.provide(
  ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none }),
  MockClient.layer(() => MockClient.respond(500))
)
const jwt = "e30.e30."
const keychain = {
  service: "app",
  lockDirectory: "/nonexistent/countersign",
  openEntry: () => ({ getSecret: () => Promise.resolve(null), setSecret: () => Promise.resolve() })
}
const path = "/nonexistent/countersign/tokens.json"
const url = "https://api.example.com"

const unusedIndexedDb: DpopKey.IndexedDb = {
  open: () => {
    throw new Error("no option was rejected")
  }
}
const redisUrl = "redis://127.0.0.1:1"
const postgres: PostgresServer.Service = {
  ...{ host: "127.0.0.1", port: 1, url: "postgres://127.0.0.1:1" },
  kill: Effect.void,
  restart: Effect.void
}
const harness = TokenStoreContract.fromLayer(TokenStore.layerMemory)
const runner = { describe: (_: string, body: () => void) => body(), it: () => undefined }

/** Name of the function, and a call with an additional member in its options. */
export const constructors: ReadonlyArray<readonly [name: string, make: (extra: object) => unknown]> = [
  ["ApiKey.make", (extra) => ApiKey.make({ location, key: secret, ...extra })],
  ["ApiKey.layer", (extra) => ApiKey.layer({ location, key: secret, ...extra })],
  ["ApiKey.layerConfig", (extra) => ApiKey.layerConfig({ location, key: Config.succeed(secret), ...extra })],
  ["ApiKey.pool", (extra) => ApiKey.pool({ location, keys: [secret], ...extra })],
  ["ApiKey.layerPool", (extra) => ApiKey.layerPool({ location, keys: [secret], ...extra })],
  ["ApiKey.poolEffect", (extra) => ApiKey.poolEffect({ location, keys: Effect.succeed([secret]), ...extra })],
  ["ApiKey.layerPoolEffect", (extra) => ApiKey.layerPoolEffect({ location, keys: Effect.succeed([secret]), ...extra })],
  ["ApiKey.layerPoolConfig", (extra) => ApiKey.layerPoolConfig({ location, keys: Config.succeed([secret]), ...extra })],
  [
    "AuthorizationCode.make",
    (extra) => AuthorizationCode.make({ ...client, redirectUri: `${url}/callback`, ...extra })
  ],
  [
    "AuthorizationCode.storeToken",
    (extra) => AuthorizationCode.storeToken({ ...client, ...extra }, { token: Token.bearer(secret, 0) })
  ],
  ["AuthorizationServer.make", (extra) => AuthorizationServer.make({ ...client, ...extra })],
  [
    "AuthorizationServer.Tag",
    (extra) => AuthorizationServer.Tag("test/Server")<object>().layer({ ...client, ...extra })
  ],
  ["Digest.make", (extra) => Digest.make({ username: "ada", password: secret, ...extra })],
  ["Digest.makeResponder", (extra) => Digest.makeResponder({ username: "ada", password: secret, ...extra })],
  ["Digest.layer", (extra) => Digest.layer({ username: "ada", password: secret, ...extra })],
  [
    "Digest.layerConfig",
    (extra) => Digest.layerConfig({ username: "ada", password: Config.succeed(secret), ...extra })
  ],
  ["Basic.make", (extra) => Basic.make({ username: "ada", password: secret, ...extra })],
  ["Basic.layer", (extra) => Basic.layer({ username: "ada", password: secret, ...extra })],
  ["Basic.layerConfig", (extra) => Basic.layerConfig({ username: "ada", password: Config.succeed(secret), ...extra })],
  ["Bearer.layerCustom", (extra) => Bearer.layerCustom({ ...source, ...extra })],
  ["ClientAuthentication.clientSecretJwt", (extra) => ClientAuthentication.clientSecretJwt(secret, extra)],
  ["ClientAuthentication.privateKeyJwt", (extra) => ClientAuthentication.privateKeyJwt({ key: privateKey, ...extra })],
  ["ClientAuthentication.privateKeyJwt", (extra) => ClientAuthentication.privateKeyJwt({ key: privateKey }, extra)],
  ["ClientCredentials.acquireToken", (extra) => ClientCredentials.acquireToken(server, { ...client, ...extra })],
  ["ClientCredentials.canSatisfy", (extra) => ClientCredentials.canSatisfy(extra)],
  ["ClientCredentials.layer", (extra) => ClientCredentials.layer({ ...client, ...extra })],
  ["ClientCredentials.layerConfig", (extra) => ClientCredentials.layerConfig({ ...client, ...extra })],
  ["DeviceCode.make", (extra) => DeviceCode.make({ ...client, ...extra })],
  ["Dpop.fromJwk", (extra) => Dpop.fromJwk(jwk, extra)],
  ["Dpop.fromSource", (extra) => Dpop.fromSource(sourceService, dpop, extra)],
  ["Dpop.layerTokenSource", (extra) => Dpop.layerTokenSource(dpop, extra)],
  ["Dpop.layerCustom", (extra) => Dpop.layerCustom(dpop, { ...source, ...extra })],
  ["DpopKey.fromStore", (extra) => DpopKey.fromStore({ ...client, ...extra })],
  ["DpopKey.fromIndexedDb", (extra) => DpopKey.fromIndexedDb(unusedIndexedDb, { ...client, ...extra })],
  ["GitHubActions.idToken", (extra) => GitHubActions.idToken({ ...extra })],
  ["Introspection.make", (extra) => Introspection.make({ ...client, ...extra })],
  ["Jwks.make", (extra) => Jwks.make({ uri: `${url}/jwks`, ...extra })],
  ["Jwt.verify", (extra) => Jwt.verify(jwt, { issuer: url, audience: url, algorithms: ["ES256"], keys, ...extra })],
  ["JwtBearer.layer", (extra) => JwtBearer.layer({ ...client, assertion, ...extra })],
  ["JwtBearer.layerConfig", (extra) => JwtBearer.layerConfig({ ...client, assertion, ...extra })],
  ["LeaseLock.make", (extra) => LeaseLock.make(backing, extra)],
  ["KeyValueTokenStore.make", (extra) => KeyValueTokenStore.make(kvs, extra)],
  ["KeyValueTokenStore.layer", (extra) => KeyValueTokenStore.layer(extra)],
  ["MessageSignature.fromJwk", (extra) => MessageSignature.fromJwk(jwk, extra)],
  ["MessageSignature.fromPem", (extra) => MessageSignature.fromPem(secret, { algorithm: "ed25519", ...extra })],
  ["MessageSignature.fromSecret", (extra) => MessageSignature.fromSecret(secret, extra)],
  ["MessageSignature.make", (extra) => MessageSignature.make({ key: signatureKey, ...extra })],
  ["MessageSignature.layer", (extra) => MessageSignature.layer({ key: signatureKey, ...extra })],
  ["MessageSignature.layerConfig", (extra) => MessageSignature.layerConfig({ secret, ...extra })],
  [
    "MessageSignature.verifyResponses",
    (extra) => MessageSignature.verifyResponses(Auth.none, { keys: [signatureKey], ...extra })
  ],
  ["OAuth2.make", (extra) => OAuth2.make({ ...client, ...extra })],
  ["ProtectedResource.fromChallenges", (extra) => ProtectedResource.fromChallenges(url, [], extra)],
  ["ProtectedResource.fromResponse", (extra) => ProtectedResource.fromResponse(url, response, extra)],
  ["ProtectedResource.discover", (extra) => ProtectedResource.discover(url, extra)],
  ["RefreshToken.keyOf", (extra) => RefreshToken.keyOf({ ...client, ...extra })],
  ["RefreshToken.layer", (extra) => RefreshToken.layer({ ...client, ...extra })],
  ["RefreshToken.layerConfig", (extra) => RefreshToken.layerConfig({ ...client, ...extra })],
  ["Registration.register", (extra) => Registration.register({ issuer: client.issuer, ...extra }, {})],
  ["Revocation.make", (extra) => Revocation.make({ ...client, ...extra })],
  ["Revocation.signOut", (extra) => Revocation.signOut({ ...client, ...extra })],
  ["AwsProfile.read", (extra) => AwsProfile.read({ ...extra })],
  ["AwsProfile.source", (extra) => AwsProfile.source({ ...extra })],
  ["AwsCredentials.make", (extra) => AwsCredentials.make({ acquire: Effect.succeed(awsKey), ...extra })],
  ["AwsCredentials.webIdentity", (extra) => AwsCredentials.webIdentity({ roleArn, token: assertion, ...extra })],
  ["AwsCredentials.assumeRole", (extra) => AwsCredentials.assumeRole({ roleArn, credentials: awsKey, ...extra })],
  ["AwsCredentials.container", (extra) => AwsCredentials.container({ uri: "/x", ...extra })],
  ["AwsCredentials.instance", (extra) => AwsCredentials.instance({ ...extra })],
  ["AwsSignature.make", (extra) => AwsSignature.make({ credentials: awsKey, ...extra })],
  ["AwsSignature.layer", (extra) => AwsSignature.layer({ credentials: awsKey, ...extra })],
  ["AwsSignature.layerConfig", (extra) => AwsSignature.layerConfig({ credentials: Config.succeed(awsKey), ...extra })],
  ["AwsSignature.presign", (extra) => AwsSignature.presign({ credentials: awsKey, url, ...extra })],
  ["SignedJwt.make", (extra) => SignedJwt.make({ key: { key: privateKey }, claims: {}, ...extra })],
  ["SignedJwt.layer", (extra) => SignedJwt.layer({ key: { key: privateKey }, claims: {}, ...extra })],
  ["SignedJwt.githubApp", (extra) => SignedJwt.githubApp({ clientId: "app", key: privateKey, ...extra })],
  ["SignedJwt.appStoreConnect", (extra) => SignedJwt.appStoreConnect({ keyId: "key", key: privateKey, ...extra })],
  ["SignedJwt.apns", (extra) => SignedJwt.apns({ teamId: "team", keyId: "key", key: privateKey, ...extra })],
  ["OAuth1.make", (extra) => OAuth1.make({ clientId: "app", clientSecret: secret, ...extra })],
  ["OAuth1.layer", (extra) => OAuth1.layer({ clientId: "app", clientSecret: secret, ...extra })],
  [
    "OAuth1.layerConfig",
    (extra) => OAuth1.layerConfig({ clientId: "app", clientSecret: Config.succeed(secret), ...extra })
  ],
  [
    "OAuth1SignIn.make",
    (extra) =>
      OAuth1SignIn.make({
        ...{ clientId: "app", clientSecret: secret, redirectUri: url },
        ...{ temporaryCredentialsEndpoint: url, authorizationEndpoint: url, tokenEndpoint: url },
        ...extra
      })
  ],
  ["QuerySignature.make", (extra) => QuerySignature.make({ secret, ...extra })],
  ["QuerySignature.layer", (extra) => QuerySignature.layer({ secret, ...extra })],
  ["Signature.timestampedBody", (extra) => Signature.timestampedBody({ header: "x-signature", secret, ...extra })],
  ["Signature.make", (extra) => Signature.make({ keyId: "app", secret, ...extra })],
  ["Signature.layer", (extra) => Signature.layer({ keyId: "app", secret, ...extra })],
  ["TokenExchange.make", (extra) => TokenExchange.make({ ...client, ...extra })],
  ["TokenExchange.layer", (extra) => TokenExchange.layer({ ...client, subject, ...extra })],
  ["TokenExchange.layerConfig", (extra) => TokenExchange.layerConfig({ ...client, subject, ...extra })],
  ["TokenKey.format", (extra) => TokenKey.format({ issuer: url, client: "app", ...extra })],
  ["TokenSource.make", (extra) => TokenSource.make({ ...source, ...extra })],
  ["TokenSource.layer", (extra) => TokenSource.layer({ ...source, ...extra })],
  ["TransactionStore.makeMemory", (extra) => TransactionStore.makeMemory(extra)],
  ["TransactionStore.layerMemory", (extra) => TransactionStore.layerMemory(extra)],
  ["TransactionStore.layerKeyValueStore", (extra) => TransactionStore.layerKeyValueStore(extra)],
  ["Auth0.client", (extra) => Auth0.client({ ...app, domain: "example.eu.auth0.com", ...extra })],
  ["Entra.client", (extra) => Entra.client({ ...app, tenant: "common", ...extra })],
  ["Entra.certificate", (extra) => Entra.certificate({ tenant: "common", key: privateKey, thumbprint: "x", ...extra })],
  [
    "Entra.onBehalfOf",
    (extra) => Entra.onBehalfOf({ ...app, tenant: "common", token: assertion, scopes: [], ...extra })
  ],
  ["Fitbit.app", (extra) => Fitbit.app({ ...app, ...extra })],
  ["GitHub.app", (extra) => GitHub.app({ ...app, ...extra })],
  ["Google.client", (extra) => Google.client({ ...app, ...extra })],
  ["Google.device", (extra) => Google.device({ ...app, ...extra })],
  [
    "Google.workloadIdentity",
    (extra) => Google.workloadIdentity({ audience: "//pool", token: assertion, scopes: [], ...extra })
  ],
  [
    "Google.serviceAccount",
    (extra) => Google.serviceAccount({ email: "app@example.com", key: { key: privateKey }, scopes: [], ...extra })
  ],
  ["HubSpot.app", (extra) => HubSpot.app({ ...app, ...extra })],
  ["Meta.app", (extra) => Meta.app({ ...app, ...extra })],
  ["Okta.client", (extra) => Okta.client({ ...app, domain: "example.okta.com", ...extra })],
  ["OpenIdConnect.client", (extra) => OpenIdConnect.client({ ...client, ...extra })],
  ["Salesforce.client", (extra) => Salesforce.client({ ...app, ...extra })],
  [
    "Salesforce.jwtBearer",
    (extra) => Salesforce.jwtBearer({ clientId: "app", key: { key: privateKey }, username: "ada", ...extra })
  ],
  ["Slack.bot", (extra) => Slack.bot({ ...app, ...extra })],
  ["Slack.user", (extra) => Slack.user({ ...app, userScopes: [], ...extra })],
  ["Spotify.app", (extra) => Spotify.app({ ...app, ...extra })],
  ["Supabase.app", (extra) => Supabase.app({ ...app, ...extra })],
  ["Supabase.project", (extra) => Supabase.project({ ...app, host: "example.supabase.co", ...extra })],
  ["Twitch.app", (extra) => Twitch.app({ ...app, ...extra })],
  ["Browser.make", (extra) => Browser.make(extra)],
  ["Browser.layer", (extra) => Browser.layer(extra)],
  ["FileBody.make", (extra) => FileBody.make(path, extra)],
  ["Progress.bar", (extra) => Progress.bar(extra)],
  ["Download.toFile", (extra) => Effect.flatMap(api, (client) => Download.toFile(client, "/", path, { ...extra }))],
  [
    "EncryptedTokenStore.make",
    (extra) => EncryptedTokenStore.make(store, { storeId: "app", key: encryptionKey, ...extra })
  ],
  ["EncryptedTokenStore.layer", (extra) => EncryptedTokenStore.layer({ storeId: "app", key: encryptionKey, ...extra })],
  ["EncryptionKey.fromKeychain", (extra) => EncryptionKey.fromKeychain({ ...keychain, ...extra })],
  ["FileTokenStore.make", (extra) => FileTokenStore.make({ path, ...extra })],
  ["FileTokenStore.layer", (extra) => FileTokenStore.layer({ path, ...extra })],
  ["FileTokenStore.layerConfig", (extra) => FileTokenStore.layerConfig({ path: Config.succeed(path), ...extra })],
  ["KeychainTokenStore.make", (extra) => KeychainTokenStore.make({ ...keychain, ...extra })],
  ["KeychainTokenStore.layer", (extra) => KeychainTokenStore.layer({ ...keychain, ...extra })],
  ["LoopbackListener.make", (extra) => LoopbackListener.make(extra)],
  ["NodeTransport.make", (extra) => NodeTransport.make(extra)],
  ["NodeTransport.make", (extra) => NodeTransport.make({ proxy: "http://proxy.example.com", ...extra })],
  ["NodeTransport.layerWith", (extra) => NodeTransport.layerWith(extra)],
  ["NodeTransport.makeProxyEnv", (extra) => NodeTransport.makeProxyEnv(extra)],
  ["NodeTransport.layerProxyEnvWith", (extra) => NodeTransport.layerProxyEnvWith(extra)],
  ["ProcessLock.make", (extra) => ProcessLock.make(extra)],
  ["ProcessLock.layer", (extra) => ProcessLock.layer(extra)],
  ["ProcessLock.fromContext", (extra) => ProcessLock.fromContext(extra)],
  ["ProcessLock.fromContext", (extra) => Effect.provide(ProcessLock.fromContext(extra), ProcessLock.layerMemory)],
  ["SignIn.withBrowser", (extra) => SignIn.withBrowser({ ...client, ...extra })],
  ["SignIn.withDevice", (extra) => SignIn.withDevice({ ...client, ...extra })],
  ["RedisClient.make", (extra) => RedisClient.make({ url: redisUrl, ...extra })],
  ["RedisClient.layer", (extra) => RedisClient.layer({ url: redisUrl, ...extra })],
  ["RedisClient.layerConfig", (extra) => RedisClient.layerConfig({ url: Config.succeed(redisUrl), ...extra })],
  ["RedisTokenStore.make", (extra) => RedisTokenStore.make({ ...extra })],
  ["RedisTokenStore.layer", (extra) => RedisTokenStore.layer({ ...extra })],
  [
    "RedisTokenStore.layerConfig",
    (extra) => RedisTokenStore.layerConfig({ lease: "30 seconds", prefix: Config.succeed("a:"), ...extra })
  ],
  ["RedisRateLimiter.make", (extra) => RedisRateLimiter.make({ ...extra })],
  ["RedisRateLimiter.layer", (extra) => RedisRateLimiter.layer({ ...extra })],
  [
    "RedisRateLimiter.layerConfig",
    (extra) => RedisRateLimiter.layerConfig({ timeout: "1 second", prefix: Config.succeed("a:"), ...extra })
  ],
  ["RedisRateLimit.make", (extra) => RedisRateLimit.make({ limits: [], ...extra })],
  ["RedisRateLimit.layer", (extra) => RedisRateLimit.layer({ limits: [], ...extra })],
  ["RedisRateLimit.throttle", (extra) => RedisRateLimit.throttle({ ...extra })],
  ["RedisRateLimit.layerThrottle", (extra) => RedisRateLimit.layerThrottle({ ...extra })],
  ["RedisReplication.make", (extra) => RedisReplication.make({ ...extra })],
  ["PostgresReplication.make", (extra) => PostgresReplication.make({ ...extra })],
  ["SqlTokenStore.make", (extra) => SqlTokenStore.make({ ...extra })],
  ["SqlTokenStore.layer", (extra) => SqlTokenStore.layer({ ...extra })],
  [
    "SqlTokenStore.layerConfig",
    (extra) => SqlTokenStore.layerConfig({ lease: "30 seconds", table: Config.succeed("tokens"), ...extra })
  ],
  ["SqlTokenStore.migrate", (extra) => SqlTokenStore.migrate({ ...extra })],
  ["SqlTokenStore.migrations", (extra) => SqlTokenStore.migrations({ ...extra })["0001_countersign_tokens"]],
  ["RedisServer.make", (extra) => RedisServer.make({ ...extra })],
  ["RedisServer.layer", (extra) => RedisServer.layer({ ...extra })],
  ["PostgresServer.make", (extra) => PostgresServer.make({ port: 0, ...extra })],
  ["PostgresServer.layer", (extra) => PostgresServer.layer({ port: 0, ...extra })],
  ["PostgresServer.pgbouncer", (extra) => PostgresServer.pgbouncer(postgres, { ...extra })],
  ["EventServer.event", (extra) => EventServer.event({ data: "x", ...extra })],
  ["FileServer.make", (extra) => FileServer.make(extra)],
  ["FileServer.layerWith", (extra) => FileServer.layerWith(extra)],
  ["FaultProxy.make", (extra) => FaultProxy.make({ port: 1, ...extra })],
  ["FaultProxy.layer", (extra) => FaultProxy.layer({ port: 1, ...extra })],
  ["HttpBin.layerWith", (extra) => HttpBin.layerWith(extra)],
  ["HttpBin.layerMemoryWith", (extra) => HttpBin.layerMemoryWith(extra)],
  ["MockClient.make", (extra) => MockClient.make({}, extra)],
  ["MockClient.layer", (extra) => MockClient.layer({}, extra)],
  ["MockClient.truncated", (extra) => MockClient.truncated(200, "", extra)],
  ["OAuthServer.layer", (extra) => OAuthServer.layer(extra)],
  ["OAuthServer.layerMemory", (extra) => OAuthServer.layerMemory(extra)],
  ["OAuthServer.truncated", (extra) => OAuthServer.truncated(extra)],
  ["Recorder.make", (extra) => Recorder.make({ file: path, mode: "replay", ...extra })],
  ["Recorder.layer", (extra) => Recorder.layer({ file: path, mode: "replay", ...extra })],
  ["Recorder.layerReplay", (extra) => Recorder.layerReplay({ file: path, ...extra })],
  ["TokenStoreContract.cases", (extra) => TokenStoreContract.cases({ ...harness, ...extra })],
  ["TokenStoreContract.register", (extra) => TokenStoreContract.register(runner, "memory", { ...harness, ...extra })]
]
