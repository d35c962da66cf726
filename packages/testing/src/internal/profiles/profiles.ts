/** The providers that the server can imitate. */
import * as accounts from "./accounts.js"
import * as business from "./business.js"
import * as devices from "./devices.js"
import * as identityProviders from "./identityProviders.js"
import * as platforms from "./platforms.js"
import type { Profile } from "./profile.js"
import * as social from "./social.js"
import * as workplace from "./workplace.js"

const all = {
  ...accounts,
  ...business,
  ...devices,
  ...identityProviders,
  ...platforms,
  ...social,
  ...workplace
}

/**
 * The providers that {@link layerMemory} and {@link layer} can imitate, for their option `profile`. Each profile has the
 * deviations from the specifications that the provider documents, or that its clients have reported, with their sources.
 *
 * It does not have the scopes, limits and pages of the provider. ID tokens are signed with ES256, whatever the provider uses.
 *
 * @example
 * import * as Twitch from "@countersign/auth/providers/Twitch"
 * import * as OAuth2 from "@countersign/auth/OAuth2"
 * import * as OAuthServer from "@countersign/testing/OAuthServer"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const refreshed = Effect.gen(function* () {
 *   const server = yield* OAuthServer.OAuthServer
 *   const { refresh_token = "" } = yield* server.issueTokens({ clientId: "client" })
 *   const twitch = yield* OAuth2.make(Twitch.app({ clientId: "client", clientSecret: Redacted.make("secret") }))
 *   return yield* twitch.refresh(Redacted.make(refresh_token))
 * }).pipe(Effect.provide(OAuthServer.layerMemory({ profile: OAuthServer.profiles.twitch })))
 *
 * @since 0.1.0
 * @category profiles
 */
export const profiles: { readonly [Name in keyof typeof all]: Profile } = all
