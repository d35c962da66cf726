/**
 * Dynamic client registration: an authorization server makes a client for whoever asks, or for whoever has a token for that.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as oauth from "oauth4webapi"
import * as ClientAuthentication from "./ClientAuthentication.js"
import * as Discovery from "./internal/discovery/serverDiscovery.js"
import { isPrintable } from "./internal/http/fetchAdapter.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import * as AuthorizationServer from "./internal/oauth/serverEndpoints.js"
import * as ClientMetadata from "./internal/registration/clientMetadata.js"
import * as Member from "./internal/response/bodyMembers.js"
import type { Body } from "./internal/response/responseBody.js"
import type * as OAuth2 from "./OAuth2.js"

/**
 * The server, and what it wants to see of who registers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "issuer" | "transport"> {
  /** For servers that do not register everybody. */
  readonly initialAccessToken?: Redacted.Redacted<string> | undefined
}

/**
 * What the client is to be, by the names of the registry; what is left out the server decides.
 *
 * Specification: [RFC 7591 §2](https://www.rfc-editor.org/rfc/rfc7591#section-2).
 *
 * @since 0.1.0
 * @category models
 */
export interface Metadata {
  readonly redirect_uris?: ReadonlyArray<string> | undefined
  /** `client_secret_basic`, when it is left out; `none` for a program that can keep no secret. */
  readonly token_endpoint_auth_method?: string | undefined
  readonly grant_types?: ReadonlyArray<string> | undefined
  readonly response_types?: ReadonlyArray<string> | undefined
  readonly client_name?: string | undefined
  readonly client_uri?: string | undefined
  readonly logo_uri?: string | undefined
  /** Separated by spaces. */
  readonly scope?: string | undefined
  readonly contacts?: ReadonlyArray<string> | undefined
  readonly jwks_uri?: string | undefined
  readonly jwks?: { readonly keys: ReadonlyArray<object> } | undefined
  readonly software_id?: string | undefined
  readonly software_version?: string | undefined
  readonly [name: string]: unknown
}

const Secret = Schema.Redacted(Schema.NonEmptyString)

/**
 * A client that was registered. Keep it: each registration makes another one. It can be encoded; what is made of it holds its
 * secrets in the clear.
 *
 * @since 0.1.0
 * @category models
 */
export class RegisteredClient
  extends /* @__PURE__ */ Schema.Class<RegisteredClient>("@countersign/auth/Registration/Registered")({
    issuer: Schema.NonEmptyString,
    clientId: Schema.NonEmptyString,
    clientSecret: Schema.optional(Secret),
    /** Epoch milliseconds; left out where it does not expire. */
    secretExpiresAt: Schema.optional(Schema.Finite),
    /** How the client is to prove who it is, which may be another way than was asked for. */
    method: Schema.NonEmptyString,
    /** Where the registration can be read and changed, and the token for that ([RFC 7592](https://www.rfc-editor.org/rfc/rfc7592)). */
    registrationUri: Schema.optional(Schema.NonEmptyString),
    registrationToken: Schema.optional(Secret),
    /** All that the server has made of it, by its names, without its secrets. */
    metadata: Schema.Record({ key: Schema.String, value: Schema.Unknown })
  }) {}

const what = "registration response"

const uninvited = new TokenError({
  reason: "Rejected",
  error: "invalid_token",
  detail: "the authorization server does not register everybody: give it an initial access token that is good"
})

/** The last moment that a `Date` can tell: what is later is a server's way to say "for ever". */
const latestMs = 8.64e15

const redacted = (value: string | undefined): Redacted.Redacted<string> | undefined =>
  value === undefined ? undefined : Redacted.make(value)

/**
 * What the server has to say (RFC 7591 §3.2.1) and does not is as it was asked for, unless a secret that it gave, or did not
 * give, says something else.
 */
const methodOf = (asked: string, hasSecret: boolean): string => {
  if (hasSecret) return isSecretMethod(asked) ? asked : "client_secret_basic"
  return isSecretMethod(asked) ? "none" : asked
}

/** Where a client is registered, and by what. */
interface Registering {
  readonly issuer: string
  readonly endpoint: string
  readonly insecure: boolean
  readonly initialAccessToken: Redacted.Redacted<string> | undefined
}

/** A path is relative to the registration endpoint. One that the token for it cannot be sent to is left out. */
const registrationUriOf = (body: Body, { endpoint, insecure }: Registering): Effect.Effect<string | undefined> => {
  const uri = Member.text(body["registration_client_uri"])
  if (uri === undefined || !URL.canParse(uri, endpoint)) return Effect.succeed(undefined)
  const { href } = new URL(uri, endpoint)
  return Effect.match(Discovery.checkedEndpoint(href, insecure), {
    onFailure: () => undefined,
    onSuccess: () => (URL.canParse(uri) ? uri : href)
  })
}

/** The client exists at the server, whatever its response lacks. */
const leftBehind = (body: Body, uri: string | undefined): TokenError => {
  const { client_id: id } = body
  const { detail } = Member.invalid(what, "client_id", id, "a string of printable ASCII characters")
  const where = uri === undefined ? "ask its operator to delete it" : `delete it at ${Redact.url(uri)} (RFC 7592)`
  return new TokenError({
    reason: "InvalidResponse",
    detail: `${detail}. The server has registered a client, which is of no use: ${where}`
  })
}

const endOf = (body: Body): number | undefined => {
  const end = Member.seconds(body["client_secret_expires_at"]) ?? 0
  return end === 0 ? undefined : Math.min(end * 1000, latestMs)
}

const registeredOf = (
  registering: Registering,
  body: Body,
  { token_endpoint_auth_method: asked = "client_secret_basic" }: Metadata
): Effect.Effect<RegisteredClient, TokenError> =>
  Effect.gen(function* () {
    const { initialAccessToken, issuer } = registering
    const registrationUri = yield* registrationUriOf(body, registering)
    const clientId = Member.identifier(body["client_id"])
    // RFC 6749 §A.1. What has other characters could not be sent.
    if (clientId === undefined || !isPrintable(clientId)) return yield* leftBehind(body, registrationUri)
    const secret = Member.identifier(body["client_secret"])
    const token = Member.text(body["registration_access_token"])
    const secrets = [secret, token, initialAccessToken && Redacted.value(initialAccessToken)]
    return new RegisteredClient({
      issuer,
      clientId,
      clientSecret: redacted(secret),
      secretExpiresAt: endOf(body),
      method: Member.text(body["token_endpoint_auth_method"]) ?? methodOf(asked, secret !== undefined),
      registrationUri,
      registrationToken: redacted(token),
      metadata: ClientMetadata.withoutSecrets(body, secrets.filter(Predicate.isNotUndefined))
    })
  })

const keyInside = new InvalidRequest({
  reason: "Credentials",
  detail: "the key set (jwks) holds a private or a secret key, which no server is to be told: give the public ones"
})

const hasPrivateKey = ({ jwks }: Metadata): boolean =>
  // What is read from a file may be of other types than it should be, and is the server's to refuse.
  (Array.isArray(jwks?.keys) ? jwks.keys : []).some(ClientMetadata.isPrivateKey)

/**
 * Registers a client. Sent once: an answer that was lost may have left a client behind at the server, and a second request
 * would leave another one.
 *
 * Fails with `InvalidRequest` where the issuer is no https URL, or a private key is among the `jwks`, and with `TokenError`:
 * `Rejected` for an OAuth error (`invalid_redirect_uri`, `invalid_client_metadata`), and with `invalid_token` where the server
 * wants an initial access token; `InvalidResponse` where the metadata name no registration endpoint, or the response has no
 * `client_id`: the error says where to delete the client that the server has registered all the same;
 * `Unavailable` where it did not answer. No error shows a secret.
 *
 * Specification: [RFC 7591 §3](https://www.rfc-editor.org/rfc/rfc7591#section-3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const register = (
  { initialAccessToken, issuer, transport }: Options,
  metadata: Metadata
): Effect.Effect<RegisteredClient, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    if (hasPrivateKey(metadata)) return yield* keyInside
    // There is no client yet: what stands for it is sent nowhere.
    const nobody = { clientId: "-", clientAuthentication: ClientAuthentication.none }
    const conversation = yield* Conversation.make({ ...nobody, issuer, transport })
    const { insecure, read } = conversation
    const { registration_endpoint: endpoint } = yield* conversation.metadataWith(["registration_endpoint"])
    yield* AuthorizationServer.usable("registration endpoint", endpoint, insecure)
    // Nothing else of the metadata, where the library would look for another endpoint that nobody has checked.
    const server = { issuer, ...(endpoint !== undefined && { registration_endpoint: endpoint }) }
    const token = initialAccessToken && Redacted.value(initialAccessToken)
    return yield* read(
      ({ options }) =>
        oauth.dynamicClientRegistrationRequest(server, metadataOf(metadata), {
          ...options,
          ...(token !== undefined && { initialAccessToken: token })
        }),
      (body) => registeredOf({ issuer, endpoint: endpoint ?? issuer, insecure, initialAccessToken }, body, metadata),
      initialAccessToken === undefined ? [] : [initialAccessToken]
    ).pipe(Effect.mapError((error) => (error.error === "invalid_client" ? uninvited : error)))
  })

// The library's type has neither read-only lists nor members that it does not know; it sends what it is given as JSON.
const metadataOf = (metadata: Metadata): Partial<oauth.Client> => ({ ...metadata }) as Partial<oauth.Client>

/**
 * What of a registration goes into a grant's options: `ClientCredentials.layer({ ...Registration.toClient(registered) })`. A
 * client that was registered with a key of its own (`private_key_jwt`) needs its `clientAuthentication` beside it.
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
