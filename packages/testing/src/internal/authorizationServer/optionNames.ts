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

const deviceNames: Nested<"device"> = { interval: "duration", lifetime: "duration" }

const dpopNames: Nested<"dpop"> = { required: true, nonce: true, nonceLifetime: "duration", downgrade: true }

const overrideNames: Nested<"overrides"> = { metadata: true, redirect: true, idToken: true }

const names: OptionNames.ShapeOf<Options> = {
  clients: true,
  scopes: true,
  resources: true,
  accessTokenLifetime: "duration",
  expiresIn: true,
  refreshTokens: true,
  rotation: true,
  reuseGrace: "duration",
  reuseResponse: true,
  replicationDelay: "duration",
  clockOffset: "number",
  faults: true,
  consent: true,
  subject: true,
  pkce: true,
  pushedRequests: true,
  codeLifetime: "duration",
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
