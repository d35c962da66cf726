import * as Effect from "effect/Effect"
import type { Form } from "./form.js"
import { refuse, type Refusal } from "./refusal.js"
import type { Settings } from "./settings.js"
import * as Tokens from "./tokens.js"

type Grant = Effect.Effect<Tokens.TokenResponse, Refusal>

interface Asked {
  readonly tokens: Tokens.Tokens
  readonly settings: Settings
  readonly clientId: string
  readonly form: Form
  readonly now: number
}

const clientCredentials = ({ clientId, form, now, settings, tokens }: Asked): Grant => {
  const scope = form.get("scope")
  if (scope !== undefined && settings.scopes !== undefined && !Tokens.isWithin(scope, settings.scopes)) {
    return Effect.fail(refuse("invalid_scope", "a scope that this server does not know"))
  }
  return Effect.sync(() =>
    Tokens.issue(tokens, settings, { clientId, scope }, { refreshable: settings.refreshTokens, now })
  )
}

const descriptions = {
  invalid_grant: "the refresh token is unknown, revoked or used already",
  invalid_scope: "more than was granted"
}

const refreshToken = ({ clientId, form, now, settings, tokens }: Asked): Grant => {
  const token = form.get("refresh_token")
  if (token === undefined) return Effect.fail(refuse("invalid_request", "refresh_token is missing"))
  return Effect.suspend(() => {
    const answer = Tokens.refresh(tokens, settings, { token, clientId, scope: form.get("scope") }, now)
    return typeof answer === "string" ? Effect.fail(refuse(answer, descriptions[answer])) : Effect.succeed(answer)
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
