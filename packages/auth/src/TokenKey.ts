/**
 * What a stored token is filed under.
 *
 * @since 0.1.0
 */

/**
 * Whose token it is, and what for. Two tokens that differ in one of these are never taken for each other.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenKey {
  readonly issuer: string
  readonly client: string
  readonly account?: string | undefined
  /** In any order. */
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly resource?: string | undefined
}

/**
 * The key as text. Each part is written with its length, so that no two different keys give the same text, whatever
 * characters they hold.
 *
 * @since 0.1.0
 * @category encoding
 */
export const format = ({ account, client, issuer, resource, scopes = [] }: TokenKey): string =>
  [issuer, client, account ?? "", [...new Set(scopes)].sort().join(" "), resource ?? ""]
    .map((part) => `${part.length}:${part}`)
    .join(",")
