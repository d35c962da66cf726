import * as Effect from "effect/Effect"
import type { Entry } from "./calls.js"
import type { Form } from "./form.js"
import { refuse, type Refusal } from "./refusal.js"
import * as Rotation from "./rotation.js"
import type { Settings } from "./settings.js"
import * as Tokens from "./tokens.js"

type Grant = Effect.Effect<Tokens.TokenResponse, Refusal>

interface Asked {
  readonly tokens: Tokens.Tokens
  readonly settings: Settings
  readonly clientId: string
  readonly form: Form
  /** Where it is written down what became of the grant. */
  readonly entry: Entry
}

const clientCredentials = ({ clientId, entry, form, settings, tokens }: Asked): Grant => {
  const scope = form.get("scope")
  if (scope !== undefined && settings.scopes !== undefined && !Rotation.isWithin(scope, settings.scopes)) {
    return Effect.fail(refuse("invalid_scope", "a scope that this server does not know"))
  }
  return Effect.sync(() => {
    const options = { refreshable: settings.refreshTokens, now: entry.at }
    const { given, response } = Tokens.issue(tokens, settings, { clientId, scope }, options)
    entry.outcome = "issued"
    entry.given = given?.id
    return response
  })
}

const descriptions = {
  invalid_grant: "the refresh token is unknown, revoked or used already",
  invalid_scope: "more than was granted"
}

const refreshToken = ({ clientId, entry, form, settings, tokens }: Asked): Grant => {
  const token = form.get("refresh_token")
  if (token === undefined) return Effect.fail(refuse("invalid_request", "refresh_token is missing"))
  return Effect.suspend(() => {
    const exchange = Rotation.refresh(tokens, settings, { token, clientId, scope: form.get("scope") }, entry.at)
    entry.outcome = exchange.outcome
    entry.presented = tokens.refresh.get(token)?.id
    if ("response" in exchange) {
      entry.given = exchange.given.id
      return Effect.succeed(exchange.response)
    }
    const error = exchange.outcome === "reused" ? "invalid_grant" : exchange.outcome
    return Effect.fail(refuse(error, descriptions[error]))
  })
}

/** Carries out the grant that the form asks for. */
export const grant = (asked: Asked): Grant => {
  switch (asked.form.get("grant_type")) {
    case "client_credentials":
      return clientCredentials(asked)
    case "refresh_token":
      return refreshToken(asked)
    case undefined:
      return Effect.fail(refuse("invalid_request", "grant_type is missing"))
    default:
      return Effect.fail(refuse("unsupported_grant_type", "client_credentials and refresh_token are supported"))
  }
}
