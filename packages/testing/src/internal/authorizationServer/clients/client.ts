import type { ClientOptions } from "../options.js"
import type { Jwk } from "../tokens/jwt.js"

/** Who may ask for tokens, and how it shows who it is. */
export interface Client {
  readonly id: string
  readonly secret: string | undefined
  readonly keys: ReadonlyArray<Jwk>
  readonly redirectUris: ReadonlyArray<string>
  /** Any, when it is undefined. */
  readonly grantTypes: ReadonlyArray<string> | undefined
  /** Whether its name alone is enough: an application that can keep no secret (RFC 6749 §2.1). */
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

/** The port of a literal loopback address is chosen by the application as it starts (RFC 8252 §7.3). */
const withoutPort = (uri: string): string => uri.replace(loopback, "http://$1")

/** Whether codes may be sent there: character by character, but for the port of a loopback address. */
export const isRegistered = ({ redirectUris }: Client, uri: string): boolean =>
  redirectUris.some((registered) => registered === uri || withoutPort(registered) === withoutPort(uri))
