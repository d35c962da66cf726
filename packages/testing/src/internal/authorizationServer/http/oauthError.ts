import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import { json } from "../../httpServer/responses.js"

/** Error codes of RFC 6749 §5.2 and §4.1.2.1, and of its extensions. */
type Code =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "unauthorized_client"
  | "unsupported_grant_type"
  | "unsupported_response_type"
  | "invalid_scope"
  | "access_denied"
  | "invalid_target"
  | "authorization_pending"
  | "slow_down"
  | "expired_token"
  | "invalid_dpop_proof"
  | "use_dpop_nonce"
  | "invalid_redirect_uri"
  | "invalid_client_metadata"

/** An OAuth error response. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly error: Code
  readonly description: string
}> {}

export const refuse = (error: Refusal["error"], description: string): Refusal => new Refusal({ error, description })

/** Token responses must not be cached (RFC 6749 §5.1). */
export const noStore: Readonly<Record<string, string>> = { "cache-control": "no-store", pragma: "no-cache" }

export const answer = ({ description, error }: Refusal): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const body = { error, error_description: description }
  return error === "invalid_client"
    ? json(body, { status: 401, headers: { ...noStore, "www-authenticate": 'Basic realm="token"' } })
    : json(body, { status: 400, headers: noStore })
}
