/** Options that cannot be right. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Redacted from "effect/Redacted"

/** The options that are checked. */
interface Options {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted<string>
  readonly token?: Redacted.Redacted<string> | undefined
  readonly tokenSecret?: Redacted.Redacted<string> | undefined
  readonly realm?: string | undefined
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Options", detail })

/** The first problem of the options. */
export const problemOf = ({
  clientId,
  clientSecret,
  realm,
  token,
  tokenSecret
}: Options): InvalidRequest | undefined => {
  if (clientId.trim() === "") return invalid("`clientId` is empty. Set the id of the client.")
  if (Redacted.value(clientSecret) === "") return invalid("`clientSecret` is empty. Set the secret of the client.")
  if (token === undefined && tokenSecret !== undefined)
    return invalid("`tokenSecret` is set without `token`. Set both.")
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for.
  return realm !== undefined && /[\u0000-\u001f\u007f]/.test(realm)
    ? invalid("`realm` contains a control character. Check for a line break at the end.")
    : undefined
}
