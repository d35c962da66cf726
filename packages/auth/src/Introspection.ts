/**
 * Token introspection (RFC 7662): an API asks the authorization server whether a token is active.
 *
 * Use it for opaque tokens, and to detect that a token was revoked before it expired.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "./Errors.js"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import { retryUnavailable } from "./internal/oauth/retryUnavailable.js"
import * as ServerEndpoints from "./internal/oauth/serverEndpoints.js"
import * as SharedServer from "./internal/oauth/sharedServer.js"
import * as BodyMembers from "./internal/response/bodyMembers.js"
import type { Body } from "./internal/response/responseBody.js"
import { makeReader } from "./internal/response/successResponse.js"
import type * as OAuth2 from "./OAuth2.js"

/**
 * The client that introspects tokens, mostly an API, and the authorization server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends OAuth2.Client {
  /** The introspection endpoint, for servers that publish no metadata. Set `tokenEndpoint` as well. */
  readonly introspectionEndpoint?: string | undefined
}

/**
 * An active token. Times are in epoch milliseconds by the server's clock. A member that the response lacks is undefined.
 *
 * @since 0.1.0
 * @category models
 */
export interface ActiveToken {
  /** The token is active. */
  readonly active: true
  /** The scopes of the token, separated by spaces. */
  readonly scope?: string | undefined
  /** The client that requested the token (`client_id`). */
  readonly clientId?: string | undefined
  /** A human-readable name of the user (`username`). */
  readonly username?: string | undefined
  /** The type of the token (`token_type`). */
  readonly tokenType?: string | undefined
  /** When the token expires (`exp`), in epoch milliseconds. */
  readonly expiresAt?: number | undefined
  /** When the token was issued (`iat`), in epoch milliseconds. */
  readonly issuedAt?: number | undefined
  /** When the token becomes valid (`nbf`), in epoch milliseconds. */
  readonly notBefore?: number | undefined
  /** The user or client that the token was issued for (`sub`). */
  readonly subject?: string | undefined
  /** The APIs that the token is for (`aud`). Accept the token only if your API is one of them. */
  readonly audience?: ReadonlyArray<string> | undefined
  /** The issuer of the token (`iss`). */
  readonly issuer?: string | undefined
  /** The id of the token (`jti`). */
  readonly id?: string | undefined
  /** All members of the response, with the names that the server uses. */
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * The result of introspection: the details of an active token, or `active: false`.
 *
 * The server gives no reason for an inactive token: it may be expired, revoked or invalid, or the client may not introspect
 * it.
 *
 * @since 0.1.0
 * @category models
 */
export type IntrospectionResult = ActiveToken | { readonly active: false }

/**
 * Introspects tokens at the authorization server, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Sends the token to the introspection endpoint. `hint` is its type, which can speed up the lookup at the server. */
  readonly introspect: (
    token: Redacted.Redacted<string>,
    hint?: "access_token" | "refresh_token"
  ) => Effect.Effect<IntrospectionResult, TokenError>
}

const notConfigured = new TokenError({
  reason: "InvalidResponse",
  detail: "the introspection response is a signed JWT (RFC 9701), expected JSON"
})

/** RFC 9701. Such a response would need a signature check before its content can be used. */
const isSigned = ({ headers }: Response): boolean =>
  (headers.get("content-type") ?? "").toLowerCase().startsWith("application/token-introspection+jwt")

const what = "introspection response"

/** Reads a member that decides whether the token is acceptable: an unreadable value is an error. */
const decisive =
  <A>(read: (value: unknown) => A | undefined, expected: string) =>
  (body: Body, name: string): Effect.Effect<A | undefined, TokenError> => {
    const value = body[name]
    if (value === undefined || value === null || value === "") return Effect.succeed(undefined)
    const found = read(value)
    return found === undefined ? Effect.fail(BodyMembers.invalid(what, name, value, expected)) : Effect.succeed(found)
  }

const name = decisive(BodyMembers.text, "a string")

/** Accepts a number or a string. A time may be negative. */
const time = decisive((value) => {
  const seconds = typeof value === "number" ? value : BodyMembers.seconds(value)
  return seconds !== undefined && Number.isFinite(seconds)
    ? Math.max(-HttpDate.maxMillis, Math.min(seconds * 1000, HttpDate.maxMillis))
    : undefined
}, "a number")

const audience = decisive((value) => {
  const all: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
  return all.every(Predicate.isString) ? all : undefined
}, "a string or a list of strings")

const activeOf = (body: Body): Effect.Effect<ActiveToken, TokenError> =>
  Effect.gen(function* () {
    const [clientId, subject, issuer] = yield* Effect.all([
      name(body, "client_id"),
      name(body, "sub"),
      name(body, "iss")
    ])
    const [expiresAt, issuedAt, notBefore] = yield* Effect.all([
      time(body, "exp"),
      time(body, "iat"),
      time(body, "nbf")
    ])
    return {
      active: true,
      scope: BodyMembers.scope(body["scope"]),
      ...{ clientId, subject, issuer, expiresAt, issuedAt, notBefore },
      username: BodyMembers.text(body["username"]),
      tokenType: BodyMembers.text(body["token_type"]),
      audience: yield* audience(body, "aud"),
      id: BodyMembers.text(body["jti"]),
      claims: { ...body }
    }
  })

const introspectedOf = (body: Body): Effect.Effect<IntrospectionResult, TokenError> => {
  const { active } = body
  if (typeof active !== "boolean") return Effect.fail(BodyMembers.invalid(what, "active", active, "a boolean"))
  return active ? activeOf(body) : Effect.succeed({ active })
}

/**
 * Makes the service that introspects tokens. Results are not cached: each call sends a request.
 *
 * If the server is unavailable, the request is sent up to three times.
 *
 * Fails with `InvalidRequest` for the reasons of `OAuth2.make`. `introspect` fails with `TokenError`:
 *
 * - `InvalidResponse` if the metadata names no https URL for introspection, or the response is not a valid one
 * - `Rejected` for an OAuth error
 * - `Unavailable` if the server did not answer
 *
 * An inactive token is a result, and not an error. No error contains the token.
 *
 * Specification: [RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662#section-2).
 *
 * @example
 * import * as Introspection from "@countersign/auth/Introspection"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import type * as Redacted from "effect/Redacted"
 *
 * // The check of an API: returns the user of a token, or undefined to answer 401. Make it once.
 * const makeCheck = Effect.gen(function* () {
 *   const { introspect } = yield* Introspection.make({
 *     issuer: "https://auth.example.com",
 *     clientId: "orders-api",
 *     clientSecret: yield* Config.redacted("CLIENT_SECRET")
 *   })
 *   return (token: Redacted.Redacted<string>) =>
 *     Effect.gen(function* () {
 *       const result = yield* introspect(token, "access_token")
 *       if (!result.active || result.audience?.includes("https://orders.example.com") !== true) return undefined
 *       return { user: result.subject, scopes: result.scope?.split(" ") ?? [] }
 *     })
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (client: Client): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const conversation = yield* SharedServer.connect(client)
    const { insecure, send } = conversation
    yield* ServerEndpoints.validateOverrides(client, insecure)
    const find = ServerEndpoints.make(conversation, client)
    return {
      introspect: (token, hint) =>
        Effect.gen(function* () {
          const server = yield* find(["introspection_endpoint"])
          yield* ServerEndpoints.requireEndpoint("introspection endpoint", server.introspection_endpoint, insecure)
          const more = hint === undefined ? {} : { additionalParameters: { token_type_hint: hint } }
          let signed = false
          const said = yield* send(
            async ({ authentication, client: by, options }) => {
              const request = { ...options, ...more }
              const response = await oauth.introspectionRequest(
                server,
                by,
                authentication,
                Redacted.value(token),
                request
              )
              signed = isSigned(response)
              return response
            },
            [token],
            "introspection"
          )
          return yield* signed ? Effect.fail(notConfigured) : makeReader(introspectedOf)(said)
        }).pipe(retryUnavailable)
    }
  })
