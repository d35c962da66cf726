import * as Effect from "effect/Effect"
import type { Form } from "../http/form.js"
import { refuse, type Refusal } from "../http/oauthError.js"
import type { Settings } from "../settings.js"
import * as Rotation from "./refreshToken.js"

const isResource = (text: string): boolean => URL.canParse(text) && !text.includes("#")

/** The requested resources (RFC 8707 §2); `undefined` without a `resource` parameter. */
export const audienceOf = (
  { resources }: Settings,
  form: Form
): Effect.Effect<ReadonlyArray<string> | undefined, Refusal> => {
  const audience = form.get("resource")?.split(" ")
  if (audience === undefined) return Effect.succeed(undefined)
  return audience.every((resource) => isResource(resource) && (resources?.includes(resource) ?? true))
    ? Effect.succeed(audience)
    : Effect.fail(refuse("invalid_target", "unknown resource"))
}

/** The requested scope. Fails for one that the server does not know. */
export const scopeOf = ({ scopes }: Settings, form: Form): Effect.Effect<string | undefined, Refusal> => {
  const scope = form.get("scope")
  return scope === undefined || scopes === undefined || Rotation.isWithin(scope, scopes)
    ? Effect.succeed(scope)
    : Effect.fail(refuse("invalid_scope", "unknown scope"))
}
