/** The endpoints of an authorization server, and the metadata that a sign-in requires. */
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Struct from "effect/Struct"
import type * as oauth from "oauth4webapi"
import type { Find } from "../discovery/metadataCache.js"
import * as Discovery from "../discovery/serverDiscovery.js"
import type * as ServerClient from "./serverClient.js"

/** Endpoints that the options set, for a server without metadata. */
export interface EndpointOverrides {
  readonly issuer: string
  readonly tokenEndpoint?: string | undefined
  readonly authorizationEndpoint?: string | undefined
  readonly deviceAuthorizationEndpoint?: string | undefined
  readonly jwksUri?: string | undefined
  readonly revocationEndpoint?: string | undefined
  readonly introspectionEndpoint?: string | undefined
}

const invalidEndpoint = (what: string): TokenError =>
  new TokenError({
    reason: "InvalidResponse",
    detail: `the issuer's metadata is unusable: it names no ${what} that is an https URL`
  })

/** Fails if the value is not a URL that a request can be sent to. */
export const requireEndpoint = (what: string, value: unknown, insecure: boolean): Effect.Effect<void, TokenError> =>
  typeof value === "string"
    ? Effect.mapBoth(Discovery.validateEndpoint(value, insecure), {
        onFailure: () => invalidEndpoint(what),
        onSuccess: () => undefined
      })
    : Effect.fail(invalidEndpoint(what))

/** The members of the metadata that the options replace. */
const fields = {
  authorizationEndpoint: "authorization_endpoint",
  deviceAuthorizationEndpoint: "device_authorization_endpoint",
  introspectionEndpoint: "introspection_endpoint",
  jwksUri: "jwks_uri",
  revocationEndpoint: "revocation_endpoint"
} as const

const fieldsOf = (named: EndpointOverrides): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Struct.entries(fields).flatMap(([option, field]) => {
      const url = named[option]
      return url === undefined ? [] : [[field, url]]
    })
  )

/** Fails if an endpoint in the options is not a valid URL. */
export const validateOverrides = (named: EndpointOverrides, insecure: boolean): Effect.Effect<void, InvalidRequest> =>
  Effect.forEach(
    Object.values(fieldsOf(named)),
    (url) => Discovery.validateUrl("an endpoint", url.split("?", 1).join(), insecure),
    { discard: true }
  )

/** Accepted algorithms if the server names none. A public key cannot be used to forge a signature with any of these. */
const algorithms = ["RS256", "PS256", "ES256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512", "EdDSA", "Ed25519"]

/**
 * The server's metadata with the endpoints of the options, and with the members that a request needs. The library caches
 * keys by the identity of this object, so each document gives one object.
 */
export const make = ({ metadataWith }: ServerClient.ServerClient, named: EndpointOverrides): Find => {
  const own = fieldsOf(named)
  let known: { readonly of: oauth.AuthorizationServer; readonly server: oauth.AuthorizationServer } | undefined
  return (needed) =>
    Effect.map(metadataWith(needed.filter((name) => own[name] === undefined)), (read) => {
      if (known?.of === read) return known.server
      const server = {
        ...read,
        // Without published metadata, the issuer is compared in the spelling of the options.
        ...(named.tokenEndpoint !== undefined && { issuer: named.issuer }),
        ...own,
        // Without this member, the library accepts RS256 only.
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

/** Whether authorization requests are pushed: the server requires it (RFC 9126 §5), or an option requests it. */
export const isPushed = (server: oauth.AuthorizationServer, asked: boolean): boolean =>
  asked || server.require_pushed_authorization_requests === true

/** A server that states no PKCE methods may support S256. A server that lists only `plain` does not. */
const supportsS256 = ({ code_challenge_methods_supported: methods }: oauth.AuthorizationServer): boolean =>
  !Array.isArray(methods) || methods.length === 0 || methods.includes("S256")

const plainOnly = new TokenError({
  reason: "Rejected",
  detail: "the authorization server does not support PKCE with S256, which every sign-in requires"
})

/** Fails if the server lacks what a safe sign-in requires: the endpoints, S256, and keys for ID tokens with `openid`. */
export const requireAuthorizationSupport = (
  server: oauth.AuthorizationServer,
  needs: { readonly insecure: boolean; readonly openid: boolean; readonly pushed: boolean }
): Effect.Effect<void, TokenError> =>
  Effect.gen(function* () {
    yield* requireEndpoint("authorization endpoint", server.authorization_endpoint, needs.insecure)
    if (needs.openid) yield* requireEndpoint("key set (jwks_uri)", server.jwks_uri, needs.insecure)
    if (isPushed(server, needs.pushed)) {
      const endpoint = server.pushed_authorization_request_endpoint
      yield* requireEndpoint("pushed authorization request endpoint", endpoint, needs.insecure)
    }
    if (!supportsS256(server)) yield* Either.left(plainOnly)
  })
