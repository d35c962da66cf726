/**
 * Key of a token in a token store.
 *
 * @since 0.1.0
 */
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * The parts of a key: issuer, client, account, scopes and API. Tokens that differ in one part have different keys.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenKey {
  /** The issuer identifier of the authorization server. */
  readonly issuer: string
  /** The client id. */
  readonly client: string
  /** The account of the user. */
  readonly account?: string | undefined
  /** The scopes, in any order. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API that the token is for. */
  readonly resource?: string | undefined
}

const names: OptionNames.ShapeOf<TokenKey> = {
  issuer: true,
  client: true,
  account: true,
  scopes: true,
  resource: true
}

/** Length and text, so that no two keys have the same form. A missing part differs from an empty text. */
const written = (part: string | undefined): string => (part === undefined ? "-" : `${part.length}:${part}`)

/**
 * Encodes a key as text. Different keys have different texts, for all characters.
 *
 * @example
 * import * as TokenKey from "@countersign/auth/TokenKey"
 *
 * TokenKey.format({ issuer: "https://id.example.com", client: "my-service", scopes: ["read"] })
 *
 * @since 0.1.0
 * @category encoding
 */
export const format = (key: TokenKey): string => {
  const { account, client, issuer, resource, scopes = [] } = OptionNames.known("`TokenKey.format`", key, names)
  return [issuer, client, account, resource, ...[...new Set(scopes)].sort()].map(written).join(",")
}
