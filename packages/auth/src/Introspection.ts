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
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as oauth from "oauth4webapi"
import { patiently } from "./internal/asking.js"
import * as AuthorizationServer from "./internal/authorizationServer.js"
import * as Conversation from "./internal/conversation.js"
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
export interface Active {
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
export type Introspected = Active | { readonly active: false }

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
  ) => Effect.Effect<Introspected, TokenError>
}

const text = Schema.optional(Schema.String)
const seconds = Schema.optional(Schema.Finite)

const Answer = Schema.Struct({
  scope: text,
  client_id: text,
  username: text,
  token_type: text,
  exp: seconds,
  iat: seconds,
  nbf: seconds,
  sub: text,
  aud: Schema.optional(Schema.Union(Schema.String, Schema.Array(Schema.String))),
  iss: text,
  jti: text
})

const decode = Schema.decodeUnknown(Answer)

const misshapen = new TokenError({
  reason: "InvalidResponse",
  detail: "what the authorization server says of the token is of other types than it should be"
})

const unasked = new TokenError({
  reason: "InvalidResponse",
  detail: "the authorization server answered with a signed token, which it was not asked for"
})

/** RFC 9701. The library would believe what it says without a look at its signature. */
const isSigned = ({ headers }: Response): boolean =>
  (headers.get("content-type") ?? "").toLowerCase().startsWith("application/token-introspection+jwt")

/** The last moment that a `Date` can tell: what is later is a server's way to say "for ever". */
const latestMs = 8.64e15

const inMs = (time: number | undefined): number | undefined =>
  time === undefined ? undefined : Math.max(-latestMs, Math.min(time * 1000, latestMs))

const introspectedOf = (said: oauth.IntrospectionResponse): Effect.Effect<Introspected, TokenError> =>
  said.active
    ? Effect.mapBoth(decode(said), {
        onFailure: () => misshapen,
        onSuccess: ({ aud, exp, iat, nbf, ...answer }): Introspected => ({
          active: true,
          scope: answer.scope,
          clientId: answer.client_id,
          username: answer.username,
          tokenType: answer.token_type,
          expiresAt: inMs(exp),
          issuedAt: inMs(iat),
          notBefore: inMs(nbf),
          subject: answer.sub,
          audience: typeof aud === "string" ? [aud] : aud,
          issuer: answer.iss,
          id: answer.jti,
          claims: { ...said }
        })
      })
    : Effect.succeed({ active: false })

/**
 * Makes the conversation. Nothing is remembered: each call asks, and up to three times a server that cannot be heard.
 *
 * Fails with `InvalidRequest` as `OAuth2.make` does. `introspect` fails with `TokenError`: `InvalidResponse` where the server
 * names no https URL for it, or says something that is no such answer; `Refused` for an OAuth error; `Unavailable` where it
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
    const { call, insecure } = conversation
    yield* AuthorizationServer.checked(client, insecure)
    const known = AuthorizationServer.make(conversation, client)
    return {
      introspect: (token, hint) =>
        Effect.gen(function* () {
          const server = yield* known
          yield* AuthorizationServer.usable("introspection endpoint", server.introspection_endpoint, insecure)
          const more = hint === undefined ? {} : { additionalParameters: { token_type_hint: hint } }
          const said = yield* call(
            async ({ authentication, client: by, options }) => {
              const request = { ...options, ...more }
              const response = await oauth.introspectionRequest(
                server,
                by,
                authentication,
                Redacted.value(token),
                request
              )
              return isSigned(response) ? undefined : oauth.processIntrospectionResponse(server, by, response)
            },
            [token]
          )
          return yield* said === undefined ? Effect.fail(unasked) : introspectedOf(said)
        }).pipe(patiently)
    }
  })
