import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Request from "../server/request.js"
import type { Form } from "./form.js"
import { refuse, type Refusal } from "./refusal.js"
import type { Settings } from "./settings.js"

/** `application/x-www-form-urlencoded` decoding of one half of the credentials; `undefined` where it is malformed. */
const formDecode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return undefined
  }
}

/**
 * Who is asking, by `client_secret_basic` or `client_secret_post`, never both at once.
 *
 * Both halves of Basic credentials are form-encoded before they are joined by a colon (RFC 6749 §2.3.1).
 */
export const authenticate = (
  settings: Settings,
  request: HttpServerRequest.HttpServerRequest,
  form: Form
): Effect.Effect<string, Refusal> => {
  const basic = Request.basic(request)
  const inHeader = request.headers["authorization"] !== undefined
  if (inHeader && form.has("client_secret")) {
    return Effect.fail(refuse("invalid_request", "more than one way of client authentication"))
  }
  const [id, secret] = inHeader ? (basic ?? []).map(formDecode) : [form.get("client_id"), form.get("client_secret")]
  if (id === undefined || secret === undefined || settings.clients.get(id) !== secret) {
    return Effect.fail(refuse("invalid_client", "unknown client, or wrong secret"))
  }
  const named = form.get("client_id")
  return named === undefined || named === id
    ? Effect.succeed(id)
    : Effect.fail(refuse("invalid_request", "client_id is not the client of the Authorization header"))
}
