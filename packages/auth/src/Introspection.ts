/**
 * Asking an authorization server what a token is worth: for an API that is sent tokens which say nothing by themselves, or
 * that wants to know of one that was ended before its time.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import { patiently } from "./internal/oauth/retryUnavailable.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import * as AuthorizationServer from "./internal/oauth/serverEndpoints.js"
import * as Member from "./internal/response/bodyMembers.js"
import type { Body } from "./internal/response/responseBody.js"
import { reading } from "./internal/response/successResponse.js"
import type * as OAuth2 from "./OAuth2.js"

/**
 * The client that asks, mostly an API, and where.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends OAuth2.Client {
  /** For servers that publish no metadata; give the token endpoint as well. */
  readonly introspectionEndpoint?: string | undefined
}

/**
 * A token that is good. Times are epoch milliseconds, by the server's clock. What is left out was not said.
 *
 * @since 0.1.0
 * @category models
 */
export interface ActiveToken {
  readonly active: true
  /** Separated by spaces. */
  readonly scope?: string | undefined
  readonly clientId?: string | undefined
  readonly username?: string | undefined
  readonly tokenType?: string | undefined
  readonly expiresAt?: number | undefined
  readonly issuedAt?: number | undefined
  readonly notBefore?: number | undefined
  readonly subject?: string | undefined
  /** Whom the token is for: compare it with yourself before you take the token. */
  readonly audience?: ReadonlyArray<string> | undefined
  readonly issuer?: string | undefined
  readonly id?: string | undefined
  /** All that the server said, by its names. */
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * What a token is worth. Of one that is not active nothing is known: expired, ended, made up, or somebody else's to know.
 *
 * @since 0.1.0
 * @category models
 */
export type IntrospectionResult = ActiveToken | { readonly active: false }

/**
 * Asks, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly introspect: (
    token: Redacted.Redacted<string>,
    hint?: "access_token" | "refresh_token"
  ) => Effect.Effect<IntrospectionResult, TokenError>
}

const unasked = new TokenError({
  reason: "InvalidResponse",
  detail: "the authorization server answered with a signed token, which it was not asked for"
})

/** RFC 9701. What it says would have to be believed by its signature. */
const isSigned = ({ headers }: Response): boolean =>
  (headers.get("content-type") ?? "").toLowerCase().startsWith("application/token-introspection+jwt")

/** The last moment that a `Date` can tell: what is later is a server's way to say "for ever". */
const latestMs = 8.64e15

const what = "introspection response"

/** A member that decides what the token is worth: one that is there and cannot be read is an error. */
const decisive =
  <A>(read: (value: unknown) => A | undefined, expected: string) =>
  (body: Body, name: string): Effect.Effect<A | undefined, TokenError> => {
    const value = body[name]
    if (value === undefined || value === null || value === "") return Effect.succeed(undefined)
    const found = read(value)
    return found === undefined ? Effect.fail(Member.invalid(what, name, value, expected)) : Effect.succeed(found)
  }

const name = decisive(Member.text, "a string")

/** Also one that is written as a string; a time may be negative. */
const time = decisive((value) => {
  const seconds = typeof value === "number" ? value : Member.seconds(value)
  return seconds !== undefined && Number.isFinite(seconds)
    ? Math.max(-latestMs, Math.min(seconds * 1000, latestMs))
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
      scope: Member.scope(body["scope"]),
      ...{ clientId, subject, issuer, expiresAt, issuedAt, notBefore },
      username: Member.text(body["username"]),
      tokenType: Member.text(body["token_type"]),
      audience: yield* audience(body, "aud"),
      id: Member.text(body["jti"]),
      claims: { ...body }
    }
  })

const introspectedOf = (body: Body): Effect.Effect<IntrospectionResult, TokenError> => {
  const { active } = body
  if (typeof active !== "boolean") return Effect.fail(Member.invalid(what, "active", active, "a boolean"))
  return active ? activeOf(body) : Effect.succeed({ active })
}

/**
 * Makes the conversation. Nothing is remembered: each call asks, and up to three times a server that cannot be heard.
 *
 * Fails with `InvalidRequest` as `OAuth2.make` does. `introspect` fails with `TokenError`: `InvalidResponse` where the server
 * names no https URL for it, or says something that is no such answer; `Rejected` for an OAuth error; `Unavailable` where it
 * did not answer. That a token is not active is no failure. No error shows it.
 *
 * Specification: [RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (client: Client): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const conversation = yield* Conversation.make(client)
    const { insecure, send } = conversation
    yield* AuthorizationServer.checked(client, insecure)
    const find = AuthorizationServer.make(conversation, client)
    return {
      introspect: (token, hint) =>
        Effect.gen(function* () {
          const server = yield* find(["introspection_endpoint"])
          yield* AuthorizationServer.usable("introspection endpoint", server.introspection_endpoint, insecure)
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
          return yield* signed ? Effect.fail(unasked) : reading(introspectedOf)(said)
        }).pipe(patiently)
    }
  })
