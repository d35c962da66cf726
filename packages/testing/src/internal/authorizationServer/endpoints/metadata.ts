import { json } from "../../httpServer/responses.js"
import * as Effect from "effect/Effect"
import type { Profile } from "../../profiles/profile.js"
import { get, type Handler, type Row } from "../../httpServer/router.js"
import { supported } from "../grants/grants.js"
import { asymmetric } from "../tokens/jwt.js"
import type { Server } from "../serverState.js"

const secrets = ["client_secret_basic", "client_secret_post"]
const methods = [...secrets, "client_secret_jwt", "private_key_jwt"]

/** Metadata of RFC 8414 §2 and OpenID Connect Discovery §3. The two documents are the same here. */
const server = ({ issuer, settings }: Server) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  userinfo_endpoint: `${issuer}/userinfo`,
  registration_endpoint: `${issuer}/register`,
  device_authorization_endpoint: `${issuer}/device_authorization`,
  pushed_authorization_request_endpoint: `${issuer}/par`,
  introspection_endpoint: `${issuer}/introspect`,
  revocation_endpoint: `${issuer}/revoke`,
  require_pushed_authorization_requests: settings.pushedRequests === "required",
  ...(settings.scopes === undefined ? {} : { scopes_supported: settings.scopes }),
  response_types_supported: ["code"],
  response_modes_supported: ["query"],
  grant_types_supported: supported,
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["ES256"],
  token_endpoint_auth_methods_supported: [...methods, "none"],
  token_endpoint_auth_signing_alg_values_supported: [...asymmetric, "HS256"],
  introspection_endpoint_auth_methods_supported: methods,
  revocation_endpoint_auth_methods_supported: [...methods, "none"],
  code_challenge_methods_supported: ["S256"],
  authorization_response_iss_parameter_supported: true,
  dpop_signing_alg_values_supported: asymmetric,
  ...settings.overrides.metadata
})

/** Protected resource metadata (RFC 9728 §2). */
const resource = ({ issuer, settings }: Server, path: string) => ({
  resource: `${issuer}${path}`,
  authorization_servers: [issuer],
  bearer_methods_supported: ["header"],
  ...(settings.scopes === undefined ? {} : { scopes_supported: settings.scopes }),
  dpop_signing_alg_values_supported: asymmetric,
  dpop_bound_access_tokens_required: settings.dpop.required
})

const keys = ({ signer }: Server) => Effect.flatMap(signer.publicKey, (key) => json({ keys: [key] }))

/** Metadata of a provider. */
const ofProvider = (
  { issuer, settings }: Server,
  { authorization, jwks, revocation, token }: Profile["endpoints"]
) => ({
  issuer,
  ...(authorization === undefined ? {} : { authorization_endpoint: authorization }),
  token_endpoint: token,
  ...(revocation === undefined ? {} : { revocation_endpoint: revocation }),
  ...(jwks === undefined ? {} : { jwks_uri: jwks }),
  response_types_supported: ["code"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["ES256"],
  ...settings.overrides.metadata
})

/** Handler for the metadata of a provider. */
export const provided =
  (state: Server, { endpoints }: Profile): Handler =>
  () =>
    json(ofProvider(state, endpoints))

export const routes = (state: Server): ReadonlyArray<Row> => [
  get("/.well-known/oauth-authorization-server", () => json(server(state))),
  get("/.well-known/openid-configuration", () => json(server(state))),
  get("/.well-known/oauth-protected-resource", () => json(resource(state, ""))),
  get("/.well-known/oauth-protected-resource/resource", () => json(resource(state, "/resource"))),
  get("/jwks", () => keys(state))
]
