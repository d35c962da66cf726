/**
 * The public modules of `@countersign/auth` as namespaces. `npm run docs -- --write` writes this file.
 *
 * @since 0.1.0
 */
/** API keys in a header, in the query or in a cookie, and key pools for rotation. */
export * as ApiKey from "./ApiKey.js"
/** Auth0: client options for an Auth0 tenant. */
export * as Auth0 from "./providers/Auth0.js"
/** The authorization code grant (RFC 6749 §4.1): a user signs in with a browser, and the client gets a token for that user. */
export * as AuthorizationCode from "./AuthorizationCode.js"
/**
 * Authorization servers ([RFC 6749 §1.1](https://www.rfc-editor.org/rfc/rfc6749#section-1.1)): one service for each issuer
 * and client, which all grants of the client share.
 */
export * as AuthorizationServer from "./AuthorizationServer.js"
/** Credentials of AWS: access keys from the environment, and sources that refresh temporary ones. */
export * as AwsCredentials from "./AwsCredentials.js"
/** AWS Signature Version 4: signs requests to AWS, and to services with its API, with an access key. */
export * as AwsSignature from "./AwsSignature.js"
/** Basic authentication (RFC 7617): a user name and a password with every request. */
export * as Basic from "./Basic.js"
/** Bearer tokens (RFC 6750): an access token in the `authorization` field of every request. */
export * as Bearer from "./Bearer.js"
/** Client authentication at an authorization server: secrets, signed assertions (RFC 7523) and certificates (RFC 8705). */
export * as ClientAuthentication from "./ClientAuthentication.js"
/** The client credentials grant (RFC 6749 §4.4): the client gets tokens for itself, without a user. */
export * as ClientCredentials from "./ClientCredentials.js"
/** The device authorization grant (RFC 8628), for devices without a browser. */
export * as DeviceCode from "./DeviceCode.js"
/** Digest access authentication (RFC 7616): the password is never sent, only hashes of it with a nonce of the server. */
export * as Digest from "./Digest.js"
/** DPoP (RFC 9449): access tokens that are bound to a key. Each request proves that the client has the key. */
export * as Dpop from "./Dpop.js"
/** DPoP keys in the token store: tokens stay usable after a restart, and in other processes that share the store. */
export * as DpopKey from "./DpopKey.js"
/** Microsoft Entra ID: client options for a single tenant or for all tenants. */
export * as Entra from "./providers/Entra.js"
/** Errors of tokens (of getting one, and of storing one), and of schemes that answer challenges or verify responses. */
export * as Errors from "./Errors.js"
/** Fitbit: client options for the Fitbit Web API. */
export * as Fitbit from "./providers/Fitbit.js"
/** GitHub: client options for OAuth apps and GitHub Apps, also on GitHub Enterprise Server. */
export * as GitHub from "./providers/GitHub.js"
/** ID tokens of GitHub Actions, which identify a job of a workflow: for AWS, for OAuth, and for client authentication. */
export * as GitHubActions from "./GitHubActions.js"
/** Google: client options for the sign-in of users, for service accounts, and for workload identity federation. */
export * as Google from "./providers/Google.js"
/** HubSpot: client options for apps that users install in their accounts. */
export * as HubSpot from "./providers/HubSpot.js"
/** ID tokens (OpenID Connect Core §2): the claims of an OpenID provider about a signed-in user. */
export * as IdToken from "./IdToken.js"
/** Token introspection (RFC 7662): an API asks the authorization server whether a token is active. */
export * as Introspection from "./Introspection.js"
/** JSON Web Key Sets (RFC 7517): the public keys that an issuer publishes. */
export * as Jwks from "./Jwks.js"
/** JSON Web Tokens (RFC 7519): decodes and verifies them. */
export * as Jwt from "./Jwt.js"
/** The JWT bearer grant (RFC 7523): a client gets a user's token with a signed assertion, and without a sign-in of the user. */
export * as JwtBearer from "./JwtBearer.js"
/** Token store on a `KeyValueStore` of `@effect/platform`, or on any other storage of texts by name. */
export * as KeyValueTokenStore from "./KeyValueTokenStore.js"
/**
 * Distributed lock with a lease: `withLock` of a token store, over three functions of an engine such as Redis, PostgreSQL,
 * DynamoDB, etcd or Consul.
 */
export * as LeaseLock from "./LeaseLock.js"
/** HTTP Message Signatures (RFC 9421) with WebCrypto: signs each request, and verifies signed responses. */
export * as MessageSignature from "./MessageSignature.js"
/** Meta: client options for Facebook Login. */
export * as Meta from "./providers/Meta.js"
/** OAuth 1.0 (RFC 5849), also known as OAuth 1.0a: requests that are signed with the secrets of a client and of a token. */
export * as OAuth1 from "./OAuth1.js"
/** The sign-in of a user with OAuth 1.0 (RFC 5849 §2), also known as three-legged OAuth 1.0a. */
export * as OAuth1SignIn from "./OAuth1SignIn.js"
/**
 * OAuth 2.0 client (RFC 6749): authorization server metadata, client authentication, token requests, and their errors. The
 * grant modules are built on it.
 */
export * as OAuth2 from "./OAuth2.js"
/** Okta: client options for the authorization server of an organization, and for custom authorization servers. */
export * as Okta from "./providers/Okta.js"
/** OpenID Connect: client options for providers without a module of their own. */
export * as OpenIdConnect from "./providers/OpenIdConnect.js"
/** Protected resource metadata (RFC 9728): finds the authorization server and scopes of an API from its URL or its 401. */
export * as ProtectedResource from "./ProtectedResource.js"
/** HMAC signatures of a query (RFC 2104) with a shared secret: the signature is the last parameter, as exchanges expect it. */
export * as QuerySignature from "./QuerySignature.js"
/** Refresh token grant (RFC 6749 §6): access tokens for a user after an earlier sign-in. */
export * as RefreshToken from "./RefreshToken.js"
/** Dynamic client registration (RFC 7591): registers a client at an authorization server, and returns its id and secret. */
export * as Registration from "./Registration.js"
/** Token revocation (RFC 7009): revokes one token, or all tokens of a user's sign-in. */
export * as Revocation from "./Revocation.js"
/** Salesforce: client options for production, sandboxes and My Domain hosts. */
export * as Salesforce from "./providers/Salesforce.js"
/**
 * HMAC request signatures (RFC 2104) with a shared secret, for APIs with a proprietary scheme. The canonical string and the
 * header fields are configurable, and presets have the forms that many APIs share.
 */
export * as Signature from "./Signature.js"
/**
 * Bearer tokens that the client signs itself: a JWT (RFC 7519) with a private key, for APIs such as GitHub Apps, App Store Connect
 * and APNs.
 */
export * as SignedJwt from "./SignedJwt.js"
/** Slack: client options for bot tokens and user tokens. */
export * as Slack from "./providers/Slack.js"
/** Spotify: client options for the Spotify Web API. */
export * as Spotify from "./providers/Spotify.js"
/**
 * Step-up challenges: an API requires further scopes (RFC 6750), a stronger or more recent authentication (RFC 9470), or
 * further claims.
 */
export * as StepUp from "./StepUp.js"
/** Supabase: client options for the Management API, and for the authorization server of a project. */
export * as Supabase from "./providers/Supabase.js"
/** Access token with its type, lifetime, refresh token and owner. */
export * as Token from "./Token.js"
/**
 * Token events for monitoring: a stream and a metric of acquired, refreshed, rejected and stored tokens. Events contain only
 * hashes of tokens.
 */
export * as TokenEvents from "./TokenEvents.js"
/** Token exchange (RFC 8693): exchanges a token of a user for another one, for another API or with fewer scopes. */
export * as TokenExchange from "./TokenExchange.js"
/** Key of a token in a token store. */
export * as TokenKey from "./TokenKey.js"
/** Codec of stored records, for token stores of your own: strict decoding, size limits, and errors without content. */
export * as TokenRecord from "./TokenRecord.js"
/**
 * Token source: caches one access token, shares it between concurrent callers, stores it, and refreshes it before it
 * expires or after a 401.
 */
export * as TokenSource from "./TokenSource.js"
/** Token store: the interface of all stores, and a store in memory. */
export * as TokenStore from "./TokenStore.js"
/** Store of the pending sign-ins of a web application, from the redirect to the authorization server until the callback. */
export * as TransactionStore from "./TransactionStore.js"
/** Twitch: client options for the Twitch API. */
export * as Twitch from "./providers/Twitch.js"
