/** Selects the client authentication method of an endpoint: by the options, or by the metadata of the server. */
import { TokenError } from "../../Errors.js"
import * as Redacted from "effect/Redacted"
import type * as oauth from "oauth4webapi"
import * as ClientAuthentication from "../../ClientAuthentication.js"
import type { Client, SecretAuthMethod } from "./client.js"
import * as ClientAuth from "./clientAuthentication.js"

/** Endpoints with their own list of methods in the metadata. All other endpoints use the list of the token endpoint. */
export type Endpoint = "token" | "introspection" | "revocation"

interface Chosen {
  /** The name of the method in the registry. */
  readonly name: string
  readonly method: ClientAuth.Method
}

export interface ChosenAuth {
  readonly secrets: ClientAuth.Method["secrets"]
  readonly at: (server: oauth.AuthorizationServer, endpoint: Endpoint) => Chosen
}

const ofSecret = {
  client_secret_basic: ClientAuthentication.clientSecretBasic,
  client_secret_post: ClientAuthentication.clientSecretPost,
  client_secret_jwt: ClientAuthentication.clientSecretJwt
} as const

const isOfSecret = (name: string): name is SecretAuthMethod => Object.hasOwn(ofSecret, name)

/** Whether a value has the form of a method name. Any other value is ignored, so no error shows it. */
const isName = (value: unknown): value is string => typeof value === "string" && /^[\w.:-]{1,60}$/.test(value)

/** More names than the registry has. */
const maxNames = 20

/** The methods that the metadata lists for the endpoint. Empty if there is no list. */
const supported = (server: oauth.AuthorizationServer, endpoint: Endpoint): ReadonlyArray<string> => {
  const lists: ReadonlyArray<unknown> = [
    server[`${endpoint}_endpoint_auth_methods_supported`],
    server.token_endpoint_auth_methods_supported
  ]
  const [list = []] = lists.flatMap((value) => {
    const found = Array.isArray(value) ? value.slice(0, maxNames).filter(isName) : []
    return found.length > 0 ? [found] : []
  })
  return list
}

const fixed = (name: string, method: ClientAuth.Method | undefined): ChosenAuth | undefined => {
  if (method === undefined) return undefined
  const chosen = { name, method }
  return { secrets: method.secrets, at: () => chosen }
}

const withSecret = (secret: Redacted.Redacted, named: SecretAuthMethod | undefined): ChosenAuth | undefined => {
  const methodOf = (name: SecretAuthMethod) => fixed(name, ClientAuth.of(ofSecret[name](secret)))
  const usual = methodOf(named ?? "client_secret_basic")
  if (usual === undefined || named !== undefined) return usual
  const at: ChosenAuth["at"] = (server, endpoint) => {
    const list = supported(server, endpoint)
    const name = list.includes("client_secret_basic") ? undefined : list.find(isOfSecret)
    return ((name && methodOf(name)) ?? usual).at(server, endpoint)
  }
  return { secrets: usual.secrets, at }
}

/**
 * The authentication of a client. Undefined if its options are incomplete. With a secret and no method it is
 * `client_secret_basic`, unless the metadata lists only other methods: then the first of them that uses a secret.
 */
export const of = ({ clientAuthentication, clientId, clientSecret }: Client): ChosenAuth | undefined => {
  if (clientId === "") return undefined
  if (typeof clientAuthentication === "object") {
    return fixed(clientAuthentication.method, ClientAuth.of(clientAuthentication))
  }
  if (clientSecret === undefined || Redacted.value(clientSecret) === "") return undefined
  return withSecret(clientSecret, clientAuthentication)
}

/** Adds the used and the supported methods to `invalid_client`. Other errors are unchanged. */
export const withHint =
  (server: oauth.AuthorizationServer, endpoint: Endpoint, { name }: Chosen) =>
  (error: TokenError): TokenError => {
    const list = supported(server, endpoint)
    if (error.error !== "invalid_client" || list.length === 0) return error
    const advice = list.includes(name) ? "" : ". Set `clientAuthentication` to one of these"
    const detail = `${error.detail}. The client authenticated with ${name}, the metadata support ${list.join(", ")}${advice}`
    const { reason, retryAt, sent } = error
    return new TokenError({ reason, error: error.error, retryAt, sent, detail })
  }
