/** Reads the error code and message of a body, in the form of OAuth or of the server. */
import * as Predicate from "effect/Predicate"
import type { ComplianceFixes } from "../oauth/client.js"
import type { Body } from "./responseBody.js"

export interface ErrorDetails {
  /** The OAuth error code, as the server sent it or mapped by `complianceFixes.errorCodes`. */
  readonly code: string | undefined
  /** The server's own code. */
  readonly name: string | undefined
  readonly message: string | undefined
  /** Whether the body has the form of RFC 6749 §5.2. */
  readonly isOAuth: boolean
  /** Whether the body is an error even with a status of success. */
  readonly isError: boolean
}

/** Members that servers use for a code: GoTrue, HubSpot, Meta, Fitbit, Entra. The first one that is present is shown. */
const codeMembers = ["error", "error_code", "errorCode", "errorType", "code", "type", "reason", "status", "category"]

/** Members with a code that is more specific than the main code. */
const subcodeMembers = ["error_subcode", "suberror"]

const messageMembers = [
  ...["error_description", "errorDescription", "message", "msg", "error_message", "errorMessage"],
  ...["description", "detail", "title"]
]

/** RFC 6749 §4.1.2.1 and §5.2, RFC 7009, 7591, 8628, 8693, 8707, 9396, 9449, and OpenID Connect Core §3.1.2.6. */
const registered: ReadonlySet<string> = new Set([
  ...["access_denied", "account_selection_required", "authorization_pending", "consent_required", "expired_token"],
  ...["insufficient_scope", "interaction_required", "invalid_authorization_details", "invalid_client"],
  ...["invalid_client_metadata", "invalid_dpop_proof", "invalid_grant", "invalid_redirect_uri", "invalid_request"],
  ...["invalid_scope", "invalid_software_statement", "invalid_target", "invalid_token", "login_required"],
  ...["server_error", "slow_down", "temporarily_unavailable", "unapproved_software_statement", "unauthorized_client"],
  ...["unsupported_grant_type", "unsupported_response_type", "unsupported_token_type", "use_dpop_nonce"]
])

/** The OAuth error code in a text, also in a readable form such as `Invalid grant`. */
const registeredAs = (text: string): string | undefined => {
  const code = text
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, "_")
  return registered.has(code) ? code : undefined
}

/** Texts are compared without letter case and without a final full stop. */
const comparable = (text: string): string => text.trim().toLowerCase().replace(/\.$/, "")

const textsOf = (source: Body, names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.flatMap((name) => {
    const value = source[name]
    if (typeof value === "number") return [String(value)]
    return typeof value === "string" && value !== "" ? [value] : []
  })

const firstOf = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined)

/** The body, and the nested objects that may hold the error. */
const sourcesOf = (body: Body): ReadonlyArray<Body> => {
  const first = firstOf(body["errors"])
  const inner = [body["error"], typeof first === "string" ? { message: first } : first, body["detail"]]
  return [body, ...inner.filter(Predicate.isRecord)]
}

const hasError = (body: Body): boolean => {
  const { error, errors } = body
  return (typeof error === "string" && error !== "") || Predicate.isRecord(error) || firstOf(errors) !== undefined
}

const ofBody = (body: Body, status: number, names: ReadonlyMap<string, string>): ErrorDetails => {
  const sources = sourcesOf(body)
  const all = (members: ReadonlyArray<string>) => sources.flatMap((source) => textsOf(source, members))
  const messages = all(messageMembers)
  const codes = all(codeMembers).filter((code) => code !== String(status))
  const texts = [...messages, ...all(subcodeMembers), ...codes]
  const { error } = body
  const own = typeof error === "string" && error !== "" ? error : undefined
  const mapped = texts.find((text) => names.has(comparable(text)))
  // The message of a 5xx response is about the server, not about the request.
  const [known] = [own, ...codes, ...(status >= 500 ? [] : messages)].flatMap(
    (text) => (text && registeredAs(text)) || []
  )
  return {
    code: mapped === undefined ? known : names.get(comparable(mapped)),
    name: own ?? codes[0],
    message: messages[0],
    isOAuth: own !== undefined,
    isError: mapped !== undefined || hasError(body)
  }
}

/**
 * The error details of the first body that has an error; otherwise of the first body. Undefined without a body.
 *
 * @param status - the HTTP status. A code that only repeats it is ignored.
 */
export const of = (
  bodies: ReadonlyArray<Body>,
  status: number,
  complianceFixes: ComplianceFixes | undefined
): ErrorDetails | undefined => {
  const names = new Map(
    Object.entries(complianceFixes?.errorCodes ?? {}).map(([text, code]) => [comparable(text), code])
  )
  const all = bodies.map((body) => ofBody(body, status, names))
  return all.find(({ isError }) => isError) ?? all[0]
}
