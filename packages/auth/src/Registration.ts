/**
 * Dynamic client registration: an authorization server makes a client for whoever asks, or for whoever has a token for that.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as oauth from "oauth4webapi"
import * as ClientAuthentication from "./ClientAuthentication.js"
import * as AuthorizationServer from "./internal/authorizationServer.js"
import * as Conversation from "./internal/conversation.js"
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
export class Registered
  extends /* @__PURE__ */ Schema.Class<Registered>("@countersign/auth/Registration/Registered")({
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

/** The members that no record shows. */
const secretNames: ReadonlySet<string> = new Set(["client_secret", "registration_access_token"])

const text = Schema.optional(Schema.NonEmptyString)

const Answer = Schema.Struct({
  client_id: Schema.NonEmptyString,
  client_secret: text,
  client_secret_expires_at: Schema.optional(Schema.NonNegative),
  token_endpoint_auth_method: text,
  registration_client_uri: text,
  registration_access_token: text
})

const decode = Schema.decodeUnknown(Answer)

const misshapen = new TokenError({
  reason: "InvalidResponse",
  detail: "the answer to the registration is none: a member is missing, or of another type than it should be"
})

const uninvited = new TokenError({
  reason: "Refused",
  error: "invalid_token",
  detail: "the authorization server does not register everybody: give it an initial access token that is good"
})

const secretOf = (value: string | undefined): Redacted.Redacted<string> | undefined =>
  value === undefined ? undefined : Redacted.make(value)

const registeredOf = (issuer: string, answer: object): Effect.Effect<Registered, TokenError> =>
  Effect.mapBoth(decode(answer), {
    onFailure: () => misshapen,
    onSuccess: ({ client_secret_expires_at: end = 0, ...said }) =>
      new Registered({
        issuer,
        clientId: said.client_id,
        clientSecret: secretOf(said.client_secret),
        secretExpiresAt: end === 0 ? undefined : end * 1000,
        method: said.token_endpoint_auth_method ?? "client_secret_basic",
        registrationUri: said.registration_client_uri,
        registrationToken: secretOf(said.registration_access_token),
        metadata: Object.fromEntries(Object.entries(answer).filter(([name]) => !secretNames.has(name)))
      })
  })

/**
 * Registers a client. Sent once: an answer that was lost may have left a client behind at the server, and a second request
 * would leave another one.
 *
 * Fails with `InvalidRequest` where the issuer is no https URL, and with `TokenError`: `Refused` for an OAuth error
 * (`invalid_redirect_uri`, `invalid_client_metadata`), and with `invalid_token` where the server wants an initial access
 * token; `InvalidResponse` where it has no place for registrations, or its answer is none; `Unavailable` where it did not
 * answer. No error shows a secret.
 *
 * Specification: [RFC 7591 §3](https://www.rfc-editor.org/rfc/rfc7591#section-3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const register = (
  { initialAccessToken, issuer, transport }: Options,
  metadata: Metadata
): Effect.Effect<Registered, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    // There is no client yet: what stands for it is sent nowhere.
    const nobody = { clientId: "-", clientAuthentication: ClientAuthentication.none }
    const conversation = yield* Conversation.make({ ...nobody, issuer, transport })
    const { call, insecure } = conversation
    const server = yield* conversation.metadata
    yield* AuthorizationServer.usable("registration endpoint", server.registration_endpoint, insecure)
    const token = initialAccessToken && Redacted.value(initialAccessToken)
    const answer = yield* call(
      async ({ options }) =>
        oauth.processDynamicClientRegistrationResponse(
          await oauth.dynamicClientRegistrationRequest(server, metadataOf(metadata), {
            ...options,
            ...(token !== undefined && { initialAccessToken: token })
          })
        ),
      initialAccessToken === undefined ? [] : [initialAccessToken]
    ).pipe(Effect.mapError((error) => (error.error === "invalid_client" ? uninvited : error)))
    return yield* registeredOf(issuer, answer)
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
}: Registered): Pick<OAuth2.Client, "issuer" | "clientId" | "clientSecret" | "clientAuthentication"> => ({
  issuer,
  clientId,
  clientSecret,
  ...(method === "none" && { clientAuthentication: ClientAuthentication.none }),
  ...(isSecretMethod(method) && { clientAuthentication: method })
})

const isSecretMethod = (method: string): method is OAuth2.SecretMethod =>
  method === "client_secret_basic" || method === "client_secret_post" || method === "client_secret_jwt"
