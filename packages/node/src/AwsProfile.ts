/**
 * Credentials of AWS in a profile file, such as `~/.aws/credentials`.
 *
 * @since 0.1.0
 */
import type * as AwsCredentials from "@countersign/auth/AwsCredentials"
import { TokenError } from "@countersign/auth/Errors"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { homedir } from "node:os"
import { join } from "node:path"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * Options of {@link read}: which profile of which file.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The name of the profile (`default`). */
  readonly profile?: string | undefined
  /** The path of the file (`.aws/credentials` in the home folder). */
  readonly path?: string | undefined
}

const names: OptionNames.ShapeOf<Options> = { profile: true, path: true }

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { profile: "default" } as const

/**
 * Maximum size of a profile file in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxBytes = 1_048_576

const failure = (reason: TokenError["reason"], path: string, cause: string): TokenError =>
  new TokenError({ reason, detail: `the profile file ${JSON.stringify(path)} ${cause}` })

/** The values of one profile. Undefined if the file has no such profile. Of a repeated name the last value counts. */
const valuesOf = (text: string, profile: string): ReadonlyMap<string, string> | undefined => {
  let found: Map<string, string> | undefined
  let isCurrent = false
  for (const line of text.split("\n")) {
    const trimmed = line.trim()
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith(";")) continue
    if (trimmed.startsWith("[")) {
      const end = trimmed.indexOf("]")
      isCurrent = trimmed.slice(1, end === -1 ? undefined : end).trim() === profile
      if (isCurrent) found ??= new Map()
      continue
    }
    const at = trimmed.indexOf("=")
    if (isCurrent && at !== -1) found?.set(trimmed.slice(0, at).trim().toLowerCase(), trimmed.slice(at + 1).trim())
  }
  return found
}

const credentialsOf = (
  path: string,
  profile: string,
  text: string
): Effect.Effect<AwsCredentials.Credentials, TokenError> => {
  if (text.length > maxBytes) {
    return Effect.fail(failure("InvalidResponse", path, `has more than ${maxBytes} bytes. Check the path.`))
  }
  const values = valuesOf(text, profile)
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

/**
 * Reads the access key of a profile, each time that it runs.
 *
 * Only `aws_access_key_id`, `aws_secret_access_key` and `aws_session_token` are read. Roles and single sign-on are not
 * supported. Throws a `TypeError` for an unknown option. Fails with `TokenError`:
 *
 * - `Unavailable` if the file cannot be read.
 * - `Rejected` if the file has no such profile.
 * - `InvalidResponse` if the profile has no access key, or the file is larger than {@link maxBytes}.
 *
 * Specification: [Shared config and credentials files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
 *
 * @example
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as AwsProfile from "@countersign/node/AwsProfile"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const AuthLive = Layer.unwrapEffect(
 *   Effect.map(AwsProfile.read({ profile: "reports" }), (credentials) => AwsSignature.layer({ credentials }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = (
  options: Options = {}
): Effect.Effect<AwsCredentials.Credentials, TokenError, FileSystem.FileSystem> => {
  const { path = join(homedir(), ".aws", "credentials"), profile = defaults.profile } = OptionNames.known(
    "`AwsProfile`",
    options,
    names
  )
  return Effect.flatMap(FileSystem.FileSystem, (files) =>
    files.stream(path, { bytesToRead: maxBytes + 1 }).pipe(
      Stream.decodeText(),
      Stream.mkString,
      Effect.mapError((error) =>
        failure(
          "Unavailable",
          path,
          `cannot be read (${"reason" in error ? error.reason : "BadArgument"}). Check the path.`
        )
      ),
      Effect.flatMap((text) => credentialsOf(path, profile, text))
    )
  )
}
