import * as Effect from "effect/Effect"
import type { Form } from "../http/form.js"
import { refuse, type Refusal } from "../http/oauthError.js"
import type { Settings } from "../settings.js"
import * as Rotation from "./refreshToken.js"

const isResource = (text: string): boolean => URL.canParse(text) && !text.includes("#")

/** The resources that a token is asked for (RFC 8707 §2); `undefined` for none in particular. */
export const audienceOf = (
  { resources }: Settings,
  form: Form
): Effect.Effect<ReadonlyArray<string> | undefined, Refusal> => {
  const audience = form.get("resource")?.split(" ")
  if (audience === undefined) return Effect.succeed(undefined)
  return audience.every((resource) => isResource(resource) && (resources?.includes(resource) ?? true))
    ? Effect.succeed(audience)
    : Effect.fail(refuse("invalid_target", "a resource that this server does not know"))
}

/** The scope that is asked for, of those that the server knows. */
export const scopeOf = ({ scopes }: Settings, form: Form): Effect.Effect<string | undefined, Refusal> => {
  const scope = form.get("scope")
  return scope === undefined || scopes === undefined || Rotation.isWithin(scope, scopes)
    ? Effect.succeed(scope)
    : Effect.fail(refuse("invalid_scope", "a scope that this server does not know"))
}
