/** Lineage of a record: the refresh token that it started with. A rotated refresh token belongs to the same user. */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import { sha256 } from "../hash/sha256.js"

/**
 * The SHA-256 of the refresh token in the options, in base64url. Undefined without a refresh token. Undefined with an
 * account too, because it identifies the record.
 */
export const of = ({
  account,
  refreshToken
}: {
  readonly account?: string | undefined
  readonly refreshToken?: Redacted.Redacted<string> | undefined
}): Effect.Effect<string | undefined> =>
  account !== undefined || refreshToken === undefined
    ? Effect.succeed(undefined)
    : Effect.sync(() => Encoding.encodeBase64Url(sha256(Redacted.value(refreshToken))))
