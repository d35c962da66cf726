/** Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3): parsing and validation. */
import { TokenError } from "../../Errors.js"
import * as Redact from "@countersign/protocol/Redact"
import * as Either from "effect/Either"
import type * as oauth from "oauth4webapi"
import * as BodyMembers from "../response/bodyMembers.js"
import type { ServerResponse } from "../response/receivedResponse.js"
import { isSuccess } from "../response/receivedResponse.js"
import type { Body } from "../response/responseBody.js"
import * as ResponseBody from "../response/responseBody.js"

/** Why a well-known URL gave no usable document. */
export interface Failure {
  readonly error: TokenError
  /** What was found, for an error that lists several URLs: `answered 404`. */
  readonly found: string
  /** The server publishes no document at this URL. An error of another URL is more helpful. */
  readonly isAbsent: boolean
}

/** Members with the URL of an endpoint or of the key set. */
const urls: ReadonlySet<string> = new Set([
  ...["authorization_endpoint", "device_authorization_endpoint", "introspection_endpoint", "jwks_uri"],
  ...["pushed_authorization_request_endpoint", "registration_endpoint", "revocation_endpoint", "token_endpoint"],
  "userinfo_endpoint"
])

const flags: ReadonlySet<string> = new Set([
  ...["authorization_response_iss_parameter_supported", "require_pushed_authorization_requests"],
  ...["require_signed_request_object", "tls_client_certificate_bound_access_tokens"]
])

const lists: ReadonlySet<string> = new Set([
  ...["code_challenge_methods_supported", "dpop_signing_alg_values_supported", "grant_types_supported"],
  ...["id_token_signing_alg_values_supported", "response_modes_supported", "response_types_supported"],
  ...["scopes_supported", "token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported"]
])

/** An optional member with its specified type. Undefined if it cannot be read. */
const memberOf = (name: string, value: unknown): unknown => {
  if (value === null || value === "") return undefined
  if (urls.has(name)) return BodyMembers.text(value)
  if (flags.has(name)) return BodyMembers.flag(value)
  if (!lists.has(name)) return value
  // Some serializers write an empty list for a missing one.
  const list = BodyMembers.list(value)
  return list?.length === 0 ? undefined : list
}

const normalized = (body: Body): Body =>
  Object.fromEntries(
    Object.entries(body).flatMap(([name, value]) => {
      const member = memberOf(name, value)
      return member === undefined ? [] : [[name, member]]
    })
  )

const where = ({ url }: ServerResponse): string => `the authorization server metadata at ${Redact.url(url)}`

const failed = (reason: TokenError["reason"], detail: string, found: string, more: object = {}): Failure => ({
  error: new TokenError({ reason, detail, ...more }),
  found,
  isAbsent: false
})

const absent = (received: ServerResponse, found: string): Failure => ({
  ...failed("Unavailable", `${where(received)} is missing: the server ${found}`, found),
  isAbsent: true
})

const invalid = (received: ServerResponse, why: string): Failure =>
  failed("InvalidResponse", `${where(received)} cannot be used: ${why}`, "published metadata that cannot be used")

/** Redirects are never followed, because they could lead to the metadata of another server. */
const redirected = (received: ServerResponse): Failure => {
  const { location, status, url } = received
  const target = location !== undefined && URL.canParse(location, url) ? new URL(location, url).href : undefined
  const to = target === undefined ? "" : ` to ${Redact.url(target)}`
  return failed(
    "Unavailable",
    `${where(received)} was not read: the server redirects (${status})${to}, which is not followed. Set \`issuer\` to the ` +
      "URL that its metadata names, or set `tokenEndpoint`",
    `redirects (${status})`
  )
}

/** Statuses that do not show whether the document exists. A proxy or a network sends 407 and 511. */
const isTemporary = (status: number): boolean =>
  status >= 500 || status === 407 || status === 408 || status === 425 || status === 429

const errorStatus = (received: ServerResponse): Failure => {
  const { retryAt, status } = received
  const found = `answered ${status}`
  if (status >= 300 && status <= 399) return redirected(received)
  return isTemporary(status)
    ? failed("Unavailable", `${where(received)} was not read: the server ${found}. Try again later`, found, { retryAt })
    : absent(received, found)
}

/** A success without a JSON object: broken JSON, or a page that the server returns for any path. */
const notAnObject = (received: ServerResponse): Failure => {
  const { contentType, status, text } = received
  if (ResponseBody.isMeantAsJson(text, contentType)) return invalid(received, "it is not a valid JSON object")
  const type = contentType === undefined ? "" : ` (content-type: ${Redact.text(contentType)})`
  return absent(received, `answered ${status} without a JSON object${type}`)
}

const mismatch = (received: ServerResponse, expected: URL, named: string): Failure =>
  invalid(
    received,
    `it names the issuer ${Redact.url(named)}, and ${Redact.url(expected.href)} is configured. If both are the same server, ` +
      "set `issuer` to the URL that the metadata names. If only the metadata spells it so, set `complianceFixes.metadataIssuer` to that"
  )

/**
 * Parses the metadata document of an issuer, whatever its content type. It has to name the expected issuer.
 * Optional members that cannot be read are left out.
 */
export const of = (received: ServerResponse, expected: URL): Either.Either<oauth.AuthorizationServer, Failure> => {
  if (!isSuccess(received)) return Either.left(errorStatus(received))
  const body = ResponseBody.parse(received.text)
  if (body === undefined) return Either.left(notAnObject(received))
  const issuer = BodyMembers.text(body["issuer"])
  if (issuer === undefined) {
    return Either.left(invalid(received, BodyMembers.problemOf("issuer", body["issuer"], "a URL")))
  }
  if (!URL.canParse(issuer) || new URL(issuer).href !== expected.href) {
    return Either.left(mismatch(received, expected, issuer))
  }
  return Either.right({ ...normalized(body), issuer })
}
