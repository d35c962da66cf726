/** What an authorization server has to say of itself before anybody is sent to it. */
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Struct from "effect/Struct"
import type * as oauth from "oauth4webapi"
import * as Discovery from "../discovery/serverDiscovery.js"
import type * as Conversation from "./serverClient.js"

/** Endpoints that the caller names, since the server does not. */
export interface Named {
  readonly issuer: string
  readonly tokenEndpoint?: string | undefined
  readonly authorizationEndpoint?: string | undefined
  readonly deviceAuthorizationEndpoint?: string | undefined
  readonly jwksUri?: string | undefined
  readonly revocationEndpoint?: string | undefined
  readonly introspectionEndpoint?: string | undefined
}

const unusable = (what: string): TokenError =>
  new TokenError({ reason: "InvalidResponse", detail: `the issuer's metadata names no ${what} that is an https URL` })

/** Fails where what the server names is no URL that something can be sent to. */
export const usable = (what: string, value: unknown, insecure: boolean): Effect.Effect<void, TokenError> =>
  typeof value === "string"
    ? Effect.mapBoth(Discovery.checkedEndpoint(value, insecure), {
        onFailure: () => unusable(what),
        onSuccess: () => undefined
      })
    : Effect.fail(unusable(what))

/** Where the metadata has what the caller names. */
const fields = {
  authorizationEndpoint: "authorization_endpoint",
  deviceAuthorizationEndpoint: "device_authorization_endpoint",
  introspectionEndpoint: "introspection_endpoint",
  jwksUri: "jwks_uri",
  revocationEndpoint: "revocation_endpoint"
} as const

const fieldsOf = (named: Named): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Struct.entries(fields).flatMap(([option, field]) => {
      const url = named[option]
      return url === undefined ? [] : [[field, url]]
    })
  )

/** Fails where a named endpoint is none. */
export const checked = (named: Named, insecure: boolean): Effect.Effect<void, InvalidRequest> =>
  Effect.forEach(
    Object.values(fieldsOf(named)),
    (url) => Discovery.checkedUrl("an endpoint", url.split("?", 1).join(), insecure),
    { discard: true }
  )

/** The algorithms for a server that does not name its own. None of these can be forged with a public key. */
const algorithms = ["RS256", "PS256", "ES256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512", "EdDSA", "Ed25519"]

/**
 * The server's metadata with what the caller has named, and with the members that a request needs. The library keeps the
 * server's keys by the identity of this object, so it is made once for each that was read.
 */
export const make = ({ metadataWith }: Conversation.Conversation, named: Named): Discovery.Find => {
  const own = fieldsOf(named)
  let known: { readonly of: oauth.AuthorizationServer; readonly server: oauth.AuthorizationServer } | undefined
  return (needed) =>
    Effect.map(metadataWith(needed.filter((name) => own[name] === undefined)), (read) => {
      if (known?.of === read) return known.server
      const server = {
        ...read,
        // What nobody has published is compared as the caller spells it.
        ...(named.tokenEndpoint !== undefined && { issuer: named.issuer }),
        ...own,
        // The library takes a server without this member to sign by RS256 alone.
        id_token_signing_alg_values_supported: read.id_token_signing_alg_values_supported ?? algorithms
      }
      known = { of: read, server }
      return server
    })
}

/** The members that a sign-in needs. */
export const signInNeeds = (
  endpoint: "authorization_endpoint" | "device_authorization_endpoint",
  openid: boolean,
  pushed = false
): ReadonlyArray<Discovery.Member> => [
  endpoint,
  ...(openid ? (["jwks_uri"] as const) : []),
  ...(pushed ? (["pushed_authorization_request_endpoint"] as const) : [])
]

/** Whether requests are to be pushed, see RFC 9126 §5: because the server says so, or because the caller wants it. */
export const isPushed = (server: oauth.AuthorizationServer, asked: boolean): boolean =>
  asked || server.require_pushed_authorization_requests === true

/** A server that says nothing about PKCE may know it all the same; one that says it knows only `plain` is not asked. */
const knowsS256 = ({ code_challenge_methods_supported: methods }: oauth.AuthorizationServer): boolean =>
  !Array.isArray(methods) || methods.length === 0 || methods.includes("S256")

const plainOnly = new TokenError({
  reason: "Rejected",
  detail: "the authorization server does not offer PKCE by S256, without which nobody is sent there"
})

/** Fails where nobody can sign in safely: without an endpoint, keys for what it says of somebody, or S256. */
export const ready = (
  server: oauth.AuthorizationServer,
  needs: { readonly insecure: boolean; readonly openid: boolean; readonly pushed: boolean }
): Effect.Effect<void, TokenError> =>
  Effect.gen(function* () {
    yield* usable("authorization endpoint", server.authorization_endpoint, needs.insecure)
    if (needs.openid) yield* usable("key set (jwks_uri)", server.jwks_uri, needs.insecure)
    if (isPushed(server, needs.pushed)) {
      const endpoint = server.pushed_authorization_request_endpoint
      yield* usable("endpoint for pushed authorization requests", endpoint, needs.insecure)
    }
    if (!knowsS256(server)) yield* Either.left(plainOnly)
  })
