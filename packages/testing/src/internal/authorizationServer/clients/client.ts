import type { ClientOptions } from "../options.js"
import type { Jwk } from "../tokens/jwt.js"

/** A client and its credentials. */
export interface Client {
  readonly id: string
  readonly secret: string | undefined
  readonly keys: ReadonlyArray<Jwk>
  readonly redirectUris: ReadonlyArray<string>
  /** Allowed grant types; any if undefined. */
  readonly grantTypes: ReadonlyArray<string> | undefined
  /** Whether `client_id` alone authenticates it: a public client (RFC 6749 §2.1). */
  readonly public: boolean
}

export const of = (id: string, declared: string | ClientOptions): Client => {
  const {
    grantTypes,
    jwks,
    public: isPublic,
    redirectUris,
    secret
  }: ClientOptions = typeof declared === "string" ? { secret: declared } : declared
  const keys = jwks?.keys ?? []
  return {
    id,
    secret,
    keys,
    redirectUris: redirectUris ?? [],
    grantTypes,
    public: isPublic ?? (secret === undefined && keys.length === 0)
  }
}

export const mayUse = ({ grantTypes }: Client, grantType: string): boolean =>
  grantTypes === undefined || grantTypes.includes(grantType)

const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\])(?::\d+)?(?=[/?]|$)/

/** A native application chooses the port of its loopback address when it starts (RFC 8252 §7.3). */
const withoutPort = (uri: string): string => uri.replace(loopback, "http://$1")

/** Whether the URI is registered: an exact match, except for the port of a loopback address. */
export const isRegistered = ({ redirectUris }: Client, uri: string): boolean =>
  redirectUris.some((registered) => registered === uri || withoutPort(registered) === withoutPort(uri))
