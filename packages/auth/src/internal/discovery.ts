/** Where an authorization server's endpoints are, and which of them a credential may be sent to. */
import * as BaseUrl from "@countersign/protocol/BaseUrl"
import { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as oauth from "oauth4webapi"
import type { Client } from "../OAuth2.js"
import type * as Bridge from "./bridge.js"
import * as Elsewhere from "./elsewhere.js"
import * as Quirk from "./quirk.js"

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

export const checkedUrl = (what: string, text: string, plain: boolean): Effect.Effect<URL, InvalidRequest> => {
  const checked = BaseUrl.validate(text)
  if (checked._tag === "Err") {
    const detail = `${what} cannot be used (${BaseUrl.explain(checked.reason)}): give one like https://auth.example.com`
    return Effect.fail(new InvalidRequest({ reason: "Url", detail }))
  }
  const url = new URL(text)
  if (url.protocol === "https:" || (plain && loopback.has(url.hostname))) return Effect.succeed(url)
  return Effect.fail(
    new InvalidRequest({
      reason: "Url",
      detail: `${what} is not https, and would be sent the client's secret in the clear; on loopback it can be allowed by name`
    })
  )
}

/** It may have a query (RFC 6749 §3.2), which the issuer may not. */
export const checkedEndpoint = (text: string, plain: boolean): Effect.Effect<URL, InvalidRequest> =>
  checkedUrl("the token endpoint", text.split("?", 1).join(), plain)

/** A server that has no such document says so, or has a page for any path. */
const isMissing = ({ headers, status }: Response): boolean =>
  status === 200
    ? !(headers.get("content-type") ?? "").toLowerCase().startsWith("application/json")
    : status >= 400 && status < 500 && status !== 408 && status !== 429

const unpublished = new TokenError({
  reason: "Unavailable",
  detail: "the issuer publishes no metadata: check its URL, or name the token endpoint"
})

const noEndpoint = new TokenError({
  reason: "InvalidResponse",
  detail: "the issuer's metadata names no token endpoint that a secret can be sent to: an https URL"
})

export const metadata = (
  client: Client,
  issuer: URL,
  exchange: Bridge.Exchange,
  insecure: boolean
): Effect.Effect<oauth.AuthorizationServer, TokenError> => {
  const { quirks } = client
  if (client.tokenEndpoint !== undefined) {
    return Effect.succeed(Quirk.expecting({ issuer: client.issuer, token_endpoint: client.tokenEndpoint }, quirks))
  }
  const discover = (algorithm: "oidc" | "oauth2") =>
    exchange(async (customFetch) => {
      const options = { algorithm, [oauth.customFetch]: customFetch, [oauth.allowInsecureRequests]: insecure }
      const response = await oauth.discoveryRequest(issuer, options)
      const published = quirks?.publishedAs === undefined ? issuer : new URL(quirks.publishedAs)
      return isMissing(response) ? undefined : oauth.processDiscoveryResponse(published, response)
    }, [])
  const discoverOpenId = (otherwise: TokenError) =>
    Effect.flatMap(discover("oidc"), (found) => (found === undefined ? Effect.fail(otherwise) : Effect.succeed(found)))
  // RFC 8414 is the one for OAuth; providers of OpenID Connect often serve only theirs.
  return discover("oauth2").pipe(
    Effect.catchIf(({ reason }) => reason === "InvalidResponse", discoverOpenId),
    Effect.flatMap((found) => (found === undefined ? discoverOpenId(unpublished) : Effect.succeed(found))),
    // The library checks neither its type nor, where plain http is allowed, its host.
    Effect.tap(({ token_endpoint: endpoint }) =>
      typeof endpoint === "string"
        ? Effect.mapError(checkedEndpoint(endpoint, insecure), () => noEndpoint)
        : Effect.fail(noEndpoint)
    ),
    Effect.tap((found) => Elsewhere.shown(found, issuer)),
    Effect.map((found) => Quirk.expecting(found, quirks))
  )
}
