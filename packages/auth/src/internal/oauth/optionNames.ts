/** The names of the options of an OAuth client, for all of its grants. */
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as Effect from "effect/Effect"
import * as OptionNames from "../options/optionNames.js"
import { refreshNames } from "../refresh/optionNames.js"
import type { ComplianceFixes } from "./client.js"

const complianceFixNames: OptionNames.ShapeOf<ComplianceFixes> = {
  scopeSeparator: true,
  transformResponse: true,
  errorCodes: true,
  extraFields: true,
  pkce: true,
  nonce: true,
  audiences: true,
  refreshScope: true,
  metadataIssuer: true,
  idTokenIssuer: true
}

/** A subject token, an actor token, or an effect of one. */
const tokenNames = { token: "secret", type: true } as const

/**
 * The options of all grants: applications pass one object to the sign-in, to the grant and to the sign-out. Each of these
 * functions reads its own. `types.test.ts` compares this object with their types.
 */
const clientNames = {
  ...refreshNames,
  issuer: true,
  clientId: true,
  clientSecret: "secret",
  clientAuthentication: true,
  tokenEndpoint: true,
  tokenParameters: true,
  dpop: true,
  complianceFixes: complianceFixNames,
  transport: true,
  server: true,
  scopes: true,
  resource: true,
  audience: true,
  parameters: true,
  account: true,
  refreshToken: "secret",
  stepUp: true,
  redirectUri: true,
  usePar: true,
  authorizationEndpoint: true,
  deviceAuthorizationEndpoint: true,
  jwksUri: true,
  revocationEndpoint: true,
  introspectionEndpoint: true,
  initialAccessToken: "secret",
  assertion: { key: { key: true, kid: true }, issuer: true, subject: true, audience: true, claims: true },
  subject: tokenNames,
  actor: tokenNames,
  requestedTokenType: true,
  // The options of `SignIn` of the package for Node, which are passed to `RefreshToken.layer` too.
  listener: true,
  onUrl: true,
  onUserCode: true
} as const satisfies OptionNames.Shape

/** The name of an option of any grant. */
export type OptionName = keyof typeof clientNames

const owner = "an OAuth client"

/** Fails for an option that no grant has. */
export const check = (options: object): Effect.Effect<void, InvalidRequest> =>
  OptionNames.check(owner, options, clientNames)

/** Throws for an option that no grant has, else returns the options. */
export const known = <O extends object>(options: O): O => OptionNames.known(owner, options, clientNames)
