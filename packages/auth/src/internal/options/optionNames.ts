/** Rejects unknown names of options, for JavaScript, variables and files. TypeScript finds them in literals only. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as OptionNames from "@countersign/protocol/OptionNames"
import * as Effect from "effect/Effect"

export type { Shape, ShapeOf } from "@countersign/protocol/OptionNames"

/** Names in other libraries: openid-client, oauth4webapi, Passport, jose, requests-oauthlib and OpenAPI. */
const otherNames: OptionNames.OtherNames = {
  authority: "issuer",
  discoveryUrl: "issuer",
  metadataUrl: "issuer",
  wellKnown: "issuer",
  iss: "issuer",
  appId: "clientId",
  consumerKey: "clientId",
  appSecret: "clientSecret",
  consumerSecret: "clientSecret",
  secret: "clientSecret",
  authMethod: "clientAuthentication",
  tokenEndpointAuthMethod: "clientAuthentication",
  token_endpoint_auth_method: "clientAuthentication",
  accessTokenUri: "tokenEndpoint",
  tokenUri: "tokenEndpoint",
  tokenUrl: "tokenEndpoint",
  tokenURL: "tokenEndpoint",
  authorizationUri: "authorizationEndpoint",
  authorizationUrl: "authorizationEndpoint",
  authorizationURL: "authorizationEndpoint",
  authorizeUrl: "authorizationEndpoint",
  revokeUrl: "revocationEndpoint",
  callbackUrl: "redirectUri",
  callbackURL: "redirectUri",
  redirectUrl: "redirectUri",
  authorizationParams: "parameters",
  extraParams: "parameters",
  additionalParameters: "parameters",
  user: "username",
  login: "username",
  pass: "password",
  in: "location",
  apiKey: "key",
  token: "key",
  value: "key",
  privateKey: "key",
  keyId: "kid",
  aud: "audience",
  algs: "algorithms",
  jwks: "keys",
  jwksUri: "uri",
  url: "uri",
  clockSkew: "clockTolerance",
  leeway: "clockTolerance",
  maxTokenAge: "maxAge",
  requiredClaims: "required"
}

/** Fails for an unknown name: for constructors with `InvalidRequest` among their errors. */
export const check = (owner: string, options: unknown, names: OptionNames.Shape): Effect.Effect<void, InvalidRequest> =>
  Effect.suspend(() => {
    const detail = OptionNames.problem(owner, options, names, otherNames)
    return detail === undefined ? Effect.void : Effect.fail(new InvalidRequest({ reason: "Options", detail }))
  })

/** Throws for an unknown name, else returns the options: for constructors without an error for it. */
export const known = <O>(owner: string, options: O, names: OptionNames.Shape): O => {
  const problem = OptionNames.problem(owner, options, names, otherNames)
  if (problem !== undefined) throw new TypeError(problem)
  return options
}
