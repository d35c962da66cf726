/** The names of the options of the server. */
import * as OptionNames from "../options/optionNames.js"
import type { ClientOptions, Options } from "./options.js"

const clientNames: OptionNames.ShapeOf<ClientOptions> = {
  secret: true,
  redirectUris: true,
  jwks: true,
  grantTypes: true,
  public: true
}

type Nested<Name extends keyof Options> = OptionNames.ShapeOf<NonNullable<Options[Name]>>

const deviceNames: Nested<"device"> = { interval: true, lifetime: true }

const dpopNames: Nested<"dpop"> = { required: true, nonce: true, nonceLifetime: true, downgrade: true }

const overrideNames: Nested<"overrides"> = { metadata: true, redirect: true, idToken: true }

const names: OptionNames.ShapeOf<Options> = {
  clients: true,
  scopes: true,
  resources: true,
  accessTokenLifetime: true,
  expiresIn: true,
  refreshTokens: true,
  rotation: true,
  reuseGrace: true,
  reuseResponse: true,
  replicationDelay: true,
  clockOffset: true,
  faults: true,
  consent: true,
  subject: true,
  pkce: true,
  pushedRequests: true,
  codeLifetime: true,
  device: deviceNames,
  dpop: dpopNames,
  initialAccessToken: true,
  profile: true,
  overrides: overrideNames
}

const owner = "`OAuthServer`"

/** Throws for an unknown name, else returns the options. */
export const knownOptions = (options: Options): Options => {
  OptionNames.known(owner, options, names)
  const { clients } = options
  if (clients !== undefined) {
    const clientsNames = Object.fromEntries(Object.keys(clients).map((id) => [id, clientNames] as const))
    OptionNames.known(owner, { clients }, { clients: clientsNames })
  }
  return options
}
