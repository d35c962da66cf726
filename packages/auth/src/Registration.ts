/**
 * Dynamic client registration: an authorization server makes a client for whoever asks, or for whoever has a token for that.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as oauth from "oauth4webapi"
import * as ClientAuthentication from "./ClientAuthentication.js"
import * as AuthorizationServer from "./internal/authorizationServer.js"
import { isPrintable } from "./internal/bridge.js"
import * as Conversation from "./internal/conversation.js"
import * as Discovery from "./internal/discovery.js"
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

/** RFC 6749 §A.1, §A.2. What has other characters could not be sent. */
const Text = Schema.NonEmptyString.pipe(Schema.filter(isPrintable))
const text = Schema.optional(Text)

const Answer = Schema.Struct({
  client_id: Text,
  client_secret: text,
  client_secret_expires_at: Schema.optional(Schema.Finite.pipe(Schema.nonNegative())),
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

/** The last moment that a `Date` can tell: what is later is a server's way to say "for ever". */
const latestMs = 8.64e15

const secretOf = (value: string | undefined): Redacted.Redacted<string> | undefined =>
  value === undefined ? undefined : Redacted.make(value)

/**
 * What the server has to say (RFC 7591 §3.2.1) and does not is as it was asked for, unless a secret that it gave, or did not
 * give, says something else.
 */
const methodOf = (asked: string, hasSecret: boolean): string => {
  if (hasSecret) return isSecretMethod(asked) ? asked : "client_secret_basic"
  return isSecretMethod(asked) ? "none" : asked
}

const registeredOf = (
  issuer: string,
  answer: object,
  { token_endpoint_auth_method: asked = "client_secret_basic" }: Metadata,
  insecure: boolean
): Effect.Effect<Registered, TokenError> =>
  Effect.gen(function* () {
    const { client_secret_expires_at: end = 0, ...said } = yield* decode(answer)
    const { client_secret: secret, registration_client_uri: uri } = said
    // The token for it is sent there.
    if (uri !== undefined) yield* Discovery.checkedEndpoint(uri, insecure)
    return new Registered({
      issuer,
      clientId: said.client_id,
      clientSecret: secretOf(secret),
      secretExpiresAt: end === 0 ? undefined : Math.min(end * 1000, latestMs),
      method: said.token_endpoint_auth_method ?? methodOf(asked, secret !== undefined),
      registrationUri: uri,
      registrationToken: secretOf(said.registration_access_token),
      metadata: Object.fromEntries(Object.entries(answer).filter(([name]) => !secretNames.has(name)))
    })
  }).pipe(Effect.mapError(() => misshapen))

const keyInside = new InvalidRequest({
  reason: "Credentials",
  detail: "the key set (jwks) holds a private or a secret key, which no server is to be told: give the public ones"
})

/** RFC 7518 §6: what only the owner of a key has. */
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

const hasPrivateKey = ({ jwks }: Metadata): boolean =>
  // What is read from a file may be of other types than it should be, and is the server's to refuse.
  (Array.isArray(jwks?.keys) ? jwks.keys : []).some(
    (key: unknown) => Predicate.isRecord(key) && privateMembers.some((member) => member in key)
  )

/**
 * Registers a client. Sent once: an answer that was lost may have left a client behind at the server, and a second request
 * would leave another one.
 *
 * Fails with `InvalidRequest` where the issuer is no https URL, or a private key is among the `jwks`, and with `TokenError`:
 * `Refused` for an OAuth error (`invalid_redirect_uri`, `invalid_client_metadata`), and with `invalid_token` where the server
 * wants an initial access token; `InvalidResponse` where it has no place for registrations, or its answer is none;
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
): Effect.Effect<Registered, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    if (hasPrivateKey(metadata)) return yield* keyInside
    // There is no client yet: what stands for it is sent nowhere.
    const nobody = { clientId: "-", clientAuthentication: ClientAuthentication.none }
    const conversation = yield* Conversation.make({ ...nobody, issuer, transport })
    const { call, insecure } = conversation
    const { registration_endpoint: endpoint } = yield* conversation.metadata
    yield* AuthorizationServer.usable("registration endpoint", endpoint, insecure)
    // Nothing else of the metadata, where the library would look for another endpoint that nobody has checked.
    const server = { issuer, ...(endpoint !== undefined && { registration_endpoint: endpoint }) }
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
    return yield* registeredOf(issuer, answer, metadata, insecure)
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
