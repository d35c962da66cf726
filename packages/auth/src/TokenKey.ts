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

/** With its length, so that nothing in it is taken for what comes after; what is left out is nothing, not the empty text. */
const written = (part: string | undefined): string => (part === undefined ? "-" : `${part.length}:${part}`)

/**
 * The key as text. No two different keys give the same text, whatever characters they hold.
 *
 * @since 0.1.0
 * @category encoding
 */
export const format = ({ account, client, issuer, resource, scopes = [] }: TokenKey): string =>
  [issuer, client, account, resource, ...[...new Set(scopes)].sort()].map(written).join(",")
