/** Profile files of AWS, such as `~/.aws/credentials`. */
import type * as AwsCredentials from "@countersign/auth/AwsCredentials"
import { TokenError } from "@countersign/auth/Errors"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

/**
 * Maximum size of a profile file in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxBytes = 1_048_576

/** The error of a file. It shows no value of it. */
export const failure = (reason: TokenError["reason"], path: string, cause: string): TokenError =>
  new TokenError(
    { reason, detail: `the profile file ${JSON.stringify(path)} ${cause}` },
    "No AWS credentials are available"
  )

/** Reads a file. `missing` is the outcome for one that is missing. */
const readText = <A>(path: string, missing: (error: TokenError) => Effect.Effect<A, TokenError>) =>
  Effect.flatMap(FileSystem.FileSystem, (files) =>
    files.stream(path, { bytesToRead: maxBytes + 1 }).pipe(
      Stream.decodeText(),
      Stream.mkString,
      Effect.catchAll((cause): Effect.Effect<string | A, TokenError> => {
        const reason = "reason" in cause ? cause.reason : "BadArgument"
        const error = failure("Unavailable", path, `cannot be read (${reason}). Check the path.`)
        return reason === "NotFound" ? missing(error) : Effect.fail(error)
      }),
      Effect.filterOrFail(
        (text) => typeof text !== "string" || text.length <= maxBytes,
        () => failure("InvalidResponse", path, `has more than ${maxBytes} bytes. Check the path.`)
      )
    )
  )

/** The text of a file. */
export const read = (path: string): Effect.Effect<string, TokenError, FileSystem.FileSystem> =>
  readText<never>(path, Effect.fail)

/** The text of a file. Undefined if it is missing. */
export const readOptional = (path: string): Effect.Effect<string | undefined, TokenError, FileSystem.FileSystem> =>
  readText(path, () => Effect.succeed(undefined))

/** The values of a profile, by names in lower case. */
export type Values = ReadonlyMap<string, string>

/** The profiles of a file. */
export type Profiles = ReadonlyMap<string, Values>

const sectionOf = (line: string): string => {
  const end = line.indexOf("]")
  return line.slice(1, end === -1 ? undefined : end).trim()
}

/**
 * The values of each profile. Of a repeated name the last value counts. Lines that begin with white space are ignored after a
 * name without a value: they are settings of one service.
 */
export const parse = (text: string): Profiles => {
  const profiles = new Map<string, Map<string, string>>()
  let values = new Map<string, string>()
  let hasSettings = false
  for (const line of text.split("\n")) {
    const trimmed = line.trim()
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith(";")) continue
    if (hasSettings && /^\s/.test(line)) continue
    hasSettings = false
    if (trimmed.startsWith("[")) {
      const name = sectionOf(trimmed)
      values = profiles.get(name) ?? new Map<string, string>()
      profiles.set(name, values)
      continue
    }
    const at = trimmed.indexOf("=")
    if (at === -1) continue
    const value = trimmed.slice(at + 1).trim()
    hasSettings = value === ""
    values.set(trimmed.slice(0, at).trim().toLowerCase(), value)
  }
  return profiles
}

/** The access key of a profile. The path is that of its file, for errors. */
export const keyOf = (
  path: string,
  profile: string,
  profiles: Profiles
): Effect.Effect<AwsCredentials.Credentials, TokenError> => {
  const values = profiles.get(profile)
  const shown = JSON.stringify(profile)
  if (values === undefined) return Effect.fail(failure("Rejected", path, `has no profile ${shown}. Add it.`))
  const accessKeyId = values.get("aws_access_key_id")
  const secretAccessKey = values.get("aws_secret_access_key")
  const sessionToken = values.get("aws_session_token")
  if (!accessKeyId || !secretAccessKey) {
    const missing = accessKeyId ? "aws_secret_access_key" : "aws_access_key_id"
    return Effect.fail(failure("InvalidResponse", path, `has no \`${missing}\` in the profile ${shown}. Add it.`))
  }
  return Effect.succeed({
    accessKeyId,
    secretAccessKey: Redacted.make(secretAccessKey),
    ...(sessionToken && { sessionToken: Redacted.make(sessionToken) })
  })
}
