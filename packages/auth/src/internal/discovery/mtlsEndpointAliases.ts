/** Endpoint aliases for mutual TLS (RFC 8705 §5), for a client that authenticates with a certificate. */
import { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import type * as oauth from "oauth4webapi"
import type { Client } from "../oauth/client.js"
import * as BodyMembers from "../response/bodyMembers.js"
import * as CrossOriginEndpoints from "./crossOriginEndpoints.js"
import * as Discovery from "./serverDiscovery.js"

/** Endpoints with client authentication. The authorization endpoint has no alias, because the browser opens it. */
const names = [
  "token_endpoint",
  "device_authorization_endpoint",
  "introspection_endpoint",
  "pushed_authorization_request_endpoint",
  "registration_endpoint",
  "revocation_endpoint",
  "userinfo_endpoint"
] as const

const invalidAlias = new TokenError({
  reason: "InvalidResponse",
  detail: "the issuer's metadata is unusable: `mtls_endpoint_aliases.token_endpoint` is not an https URL"
})

const isOfTls = ({ clientAuthentication }: Client): boolean =>
  typeof clientAuthentication === "object" && clientAuthentication.method.endsWith("tls_client_auth")

const aliasesOf = ({ mtls_endpoint_aliases: aliases }: oauth.AuthorizationServer): Partial<Record<string, string>> => {
  // The library does not validate this member.
  const all: unknown = aliases
  if (typeof all !== "object" || all === null) return {}
  const members = Object.entries(all)
  return Object.fromEntries(
    names.flatMap((name) => {
      const alias = BodyMembers.text(members.find(([member]) => member === name)?.[1])
      return alias === undefined ? [] : [[name, alias]]
    })
  )
}

type Applied = (of: oauth.AuthorizationServer) => Effect.Effect<oauth.AuthorizationServer, TokenError>

/**
 * Replaces endpoints by their aliases, for a client with a certificate. The same metadata gives the same object, because
 * the library caches keys by its identity.
 */
export const make = (client: Client, issuer: URL, insecure: boolean): Applied => {
  let known: { readonly of: oauth.AuthorizationServer; readonly server: oauth.AuthorizationServer } | undefined
  return (of) =>
    Effect.suspend(() => {
      if (known?.of === of) return Effect.succeed(known.server)
      const aliases = isOfTls(client) ? aliasesOf(of) : {}
      if (Object.keys(aliases).length === 0) return Effect.succeed(of)
      return Effect.gen(function* () {
        const { token_endpoint: token } = aliases
        if (token !== undefined) yield* Effect.mapError(Discovery.validateEndpoint(token, insecure), () => invalidAlias)
        yield* CrossOriginEndpoints.logCrossOriginEndpoints({ issuer: of.issuer, ...aliases }, issuer, undefined)
        const server = { ...of, ...aliases }
        known = { of, server }
        return server
      })
    })
}
