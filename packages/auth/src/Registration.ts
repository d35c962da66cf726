/**
 * Dynamic client registration (RFC 7591): registers a client at an authorization server, and returns its id and secret.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "./Errors.js"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as oauth from "oauth4webapi"
import * as ClientAuthentication from "./ClientAuthentication.js"
import * as Discovery from "./internal/discovery/serverDiscovery.js"
import { isPrintable } from "./internal/http/fetchAdapter.js"
import * as OptionNames from "./internal/oauth/optionNames.js"
import * as ServerClient from "./internal/oauth/serverClient.js"
import * as ServerEndpoints from "./internal/oauth/serverEndpoints.js"
import * as SharedServer from "./internal/oauth/sharedServer.js"
import * as ClientMetadata from "./internal/registration/clientMetadata.js"
import * as BodyMembers from "./internal/response/bodyMembers.js"
import type { Body } from "./internal/response/responseBody.js"
import type * as OAuth2 from "./OAuth2.js"

/**
 * Options of {@link register}: the authorization server, and the initial access token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "issuer" | "server" | "transport"> {
  /** The initial access token, for servers that require one for registrations. */
  readonly initialAccessToken?: Redacted.Redacted<string> | undefined
}

/**
 * Client metadata of a registration request, with the member names of RFC 7591. The server decides about missing members.
 *
 * Specification: [RFC 7591 §2](https://www.rfc-editor.org/rfc/rfc7591#section-2).
 *
 * @since 0.1.0
 * @category models
 */
export interface Metadata {
  /** The redirect URIs of the client. */
  readonly redirect_uris?: ReadonlyArray<string> | undefined
  /** The client authentication method (`client_secret_basic`). Use `none` for a public client. */
  readonly token_endpoint_auth_method?: string | undefined
  /** The grant types that the client uses. */
  readonly grant_types?: ReadonlyArray<string> | undefined
  /** The response types that the client uses at the authorization endpoint. */
  readonly response_types?: ReadonlyArray<string> | undefined
  /** The name of the client that the server shows to users. */
  readonly client_name?: string | undefined
  /** URL of a page about the client. */
  readonly client_uri?: string | undefined
  /** URL of the logo of the client. */
  readonly logo_uri?: string | undefined
  /** The scopes that the client may request, separated by spaces. */
  readonly scope?: string | undefined
  /** Contacts of the operator of the client, such as email addresses. */
  readonly contacts?: ReadonlyArray<string> | undefined
  /** URL of the public keys of the client (JWKS). */
  readonly jwks_uri?: string | undefined
  /** The public keys of the client (JWKS). Private keys are rejected. */
  readonly jwks?: { readonly keys: ReadonlyArray<object> } | undefined
  /** Identifier of the software, the same for all its registrations. */
  readonly software_id?: string | undefined
  /** Version of the software. */
  readonly software_version?: string | undefined
  readonly [name: string]: unknown
}

const Secret = Schema.Redacted(Schema.NonEmptyString)

/**
 * A registered client. Store it, because each registration creates a further client. The encoded form contains the secrets
 * unencrypted.
 *
 * @since 0.1.0
 * @category models
 */
export class RegisteredClient
  extends /* @__PURE__ */ Schema.Class<RegisteredClient>("@countersign/auth/Registration/Registered")({
    /** The issuer identifier of the authorization server. */
    issuer: Schema.NonEmptyString,
    /** The client id. */
    clientId: Schema.NonEmptyString,
    /** The client secret, if the server issued one. */
    clientSecret: Schema.optional(Secret),
    /** When the client secret expires, in epoch milliseconds. Undefined if it does not expire. */
    secretExpiresAt: Schema.optional(Schema.Finite),
    /** The client authentication method that the server registered. It may differ from the requested one. */
    method: Schema.NonEmptyString,
    /** URL of the client configuration endpoint ([RFC 7592](https://www.rfc-editor.org/rfc/rfc7592)). */
    registrationUri: Schema.optional(Schema.NonEmptyString),
    /** The access token of the client configuration endpoint. */
    registrationToken: Schema.optional(Secret),
    /** The registered client metadata, without secrets. */
    metadata: Schema.Record({ key: Schema.String, value: Schema.Unknown })
  }) {}

const what = "registration response"

const initialAccessTokenRequired = new TokenError({
  reason: "Rejected",
  error: "invalid_token",
  detail: "the authorization server requires a valid initial access token. Set `initialAccessToken`"
})

const redacted = (value: string | undefined): Redacted.Redacted<string> | undefined =>
  value === undefined ? undefined : Redacted.make(value)

/**
 * The method if the server left out `token_endpoint_auth_method`, which RFC 7591 §3.2.1 requires: the requested one, unless
 * it contradicts the presence or absence of a secret.
 */
const methodOf = (asked: string, hasSecret: boolean): string => {
  if (hasSecret) return isSecretMethod(asked) ? asked : "client_secret_basic"
  return isSecretMethod(asked) ? "none" : asked
}

/** Server, endpoint and initial access token of a registration. */
interface Registering {
  readonly issuer: string
  readonly endpoint: string
  readonly insecure: boolean
  readonly initialAccessToken: Redacted.Redacted<string> | undefined
}

/** A path is relative to the registration endpoint. A URL that the registration token must not be sent to is left out. */
const registrationUriOf = (body: Body, { endpoint, insecure }: Registering): Effect.Effect<string | undefined> => {
  const uri = BodyMembers.text(body["registration_client_uri"])
  if (uri === undefined || !URL.canParse(uri, endpoint)) return Effect.succeed(undefined)
  const { href } = new URL(uri, endpoint)
  return Effect.match(Discovery.validateEndpoint(href, insecure), {
    onFailure: () => undefined,
    onSuccess: () => (URL.canParse(uri) ? uri : href)
  })
}

/** The server has created a client even if its response has no usable `client_id`. */
const leftBehind = (body: Body, uri: string | undefined): TokenError => {
  const { client_id: id } = body
  const { detail } = BodyMembers.invalid(what, "client_id", id, "a string of printable ASCII characters")
  const where = uri === undefined ? "Ask its operator to delete it" : `Delete it at ${Redact.url(uri)} (RFC 7592)`
  return new TokenError({
    reason: "InvalidResponse",
    detail: `${detail}. The server has registered a client that cannot be used. ${where}`
  })
}

const endOf = (body: Body): number | undefined => {
  const end = BodyMembers.seconds(body["client_secret_expires_at"]) ?? 0
  return end === 0 ? undefined : Math.min(end * 1000, HttpDate.maxMillis)
}

const registeredOf = (
  registering: Registering,
  body: Body,
  { token_endpoint_auth_method: asked = "client_secret_basic" }: Metadata
): Effect.Effect<RegisteredClient, TokenError> =>
  Effect.gen(function* () {
    const { initialAccessToken, issuer } = registering
    const registrationUri = yield* registrationUriOf(body, registering)
    const clientId = BodyMembers.identifier(body["client_id"])
    // RFC 6749 §A.1. A client id with other characters cannot be sent.
    if (clientId === undefined || !isPrintable(clientId)) return yield* leftBehind(body, registrationUri)
    const secret = BodyMembers.identifier(body["client_secret"])
    const token = BodyMembers.text(body["registration_access_token"])
    const secrets = [secret, token, initialAccessToken && Redacted.value(initialAccessToken)]
    return new RegisteredClient({
      issuer,
      clientId,
      clientSecret: redacted(secret),
      secretExpiresAt: endOf(body),
      method: BodyMembers.text(body["token_endpoint_auth_method"]) ?? methodOf(asked, secret !== undefined),
      registrationUri,
      registrationToken: redacted(token),
      metadata: ClientMetadata.withoutSecrets(body, secrets.filter(Predicate.isNotUndefined))
    })
  })

const containsPrivateKey = new InvalidRequest({
  reason: "Credentials",
  detail: "`jwks` contains a private or symmetric key, which must not be sent to a server. Set public keys only."
})

const hasPrivateKey = ({ jwks }: Metadata): boolean =>
  // Metadata from a file may have values of other types. The server validates them.
  (Array.isArray(jwks?.keys) ? jwks.keys : []).some(ClientMetadata.isPrivateKey)

/**
 * Registers a client at an authorization server.
 *
 * The request is never repeated: if its response is lost, the server may have created a client, and a second request would
 * create another one.
 *
 * Fails with `InvalidRequest` if `issuer` is not an https URL, or if `jwks` contains a private key. Fails with `TokenError`:
 *
 * - `Rejected` for an OAuth error (`invalid_redirect_uri`, `invalid_client_metadata`). Its `error` is `invalid_token` if the
 *   server requires an initial access token
 * - `InvalidResponse` if the metadata has no registration endpoint, or if the response has no `client_id`. In the latter
 *   case, the error says where to delete the client that the server has created
 * - `Unavailable` if the server did not respond
 *
 * No error shows a secret.
 *
 * Specification: [RFC 7591 §3](https://www.rfc-editor.org/rfc/rfc7591#section-3).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Registration from "@countersign/auth/Registration"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const redirectUri = "https://app.example.com/callback"
 *
 * const program = Effect.gen(function* () {
 *   const registered = yield* Registration.register(
 *     { issuer: "https://auth.example.com" },
 *     {
 *       client_name: "Orders",
 *       redirect_uris: [redirectUri],
 *       grant_types: ["authorization_code", "refresh_token"],
 *       token_endpoint_auth_method: "client_secret_basic"
 *     }
 *   )
 *   yield* Console.log(`registered as ${registered.clientId}`)
 *   const signIn = yield* AuthorizationCode.make({ ...Registration.toClient(registered), scopes: ["read"], redirectUri })
 *   // Store the encoded client as a secret, and decode it in later runs.
 *   return { signIn, encoded: yield* Schema.encode(Registration.RegisteredClient)(registered) }
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const register = (
  options: Options,
  metadata: Metadata
): Effect.Effect<RegisteredClient, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    yield* OptionNames.check(options)
    const { initialAccessToken, issuer, server: shared, transport } = options
    if (hasPrivateKey(metadata)) return yield* containsPrivateKey
    // There is no client yet. This placeholder is never sent.
    const nobody = { clientId: "-", clientAuthentication: ClientAuthentication.none }
    const conversation = yield* shared === undefined
      ? ServerClient.make({ ...nobody, issuer, transport })
      : SharedServer.requestsOf(shared, { issuer, transport }, ["issuer", "transport"])
    const { insecure, read } = conversation
    const { registration_endpoint: endpoint } = yield* conversation.metadataWith(["registration_endpoint"])
    yield* ServerEndpoints.requireEndpoint("registration endpoint", endpoint, insecure)
    // Only this endpoint, because oauth4webapi could otherwise use another endpoint of the metadata that was not validated.
    const server = { issuer, ...(endpoint !== undefined && { registration_endpoint: endpoint }) }
    const token = initialAccessToken && Redacted.value(initialAccessToken)
    return yield* read(
      // Without `DPoP`: the new client does not have the key of the client that shares its server.
      ({ options: { DPoP: _, ...options } }) =>
        oauth.dynamicClientRegistrationRequest(server, metadataOf(metadata), {
          ...options,
          ...(token !== undefined && { initialAccessToken: token })
        }),
      (body) => registeredOf({ issuer, endpoint: endpoint ?? issuer, insecure, initialAccessToken }, body, metadata),
      initialAccessToken === undefined ? [] : [initialAccessToken]
    ).pipe(Effect.mapError((error) => (error.error === "invalid_client" ? initialAccessTokenRequired : error)))
  })

// The type of oauth4webapi allows neither read-only arrays nor further members. It sends the object as JSON.
const metadataOf = (metadata: Metadata): Partial<oauth.Client> => ({ ...metadata }) as Partial<oauth.Client>

/**
 * Converts a registered client to options of a grant: `ClientCredentials.layer({ ...Registration.toClient(registered) })`.
 * For a client with a key (`private_key_jwt`), also set `clientAuthentication`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toClient = ({
  clientId,
  clientSecret,
  issuer,
  method
}: RegisteredClient): Pick<OAuth2.Client, "issuer" | "clientId" | "clientSecret" | "clientAuthentication"> => ({
  issuer,
  clientId,
  clientSecret,
  ...(method === "none" && { clientAuthentication: ClientAuthentication.none }),
  ...(isSecretMethod(method) && { clientAuthentication: method })
})

const isSecretMethod = (method: string): method is OAuth2.SecretAuthMethod =>
  method === "client_secret_basic" || method === "client_secret_post" || method === "client_secret_jwt"
