/**
 * Credentials of AWS in a profile file, such as `~/.aws/credentials`.
 *
 * @since 0.1.0
 */
import type * as AwsCredentials from "@countersign/auth/AwsCredentials"
import type { TokenError, TokenSourceError } from "@countersign/auth/Errors"
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { homedir } from "node:os"
import { join } from "node:path"
import * as ProfileFile from "./internal/aws/profileFile.js"
import * as ProfileSource from "./internal/aws/profileSource.js"
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

const credentialsPath = (): string => join(homedir(), ".aws", "credentials")

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { profile: "default" } as const

export { maxBytes } from "./internal/aws/profileFile.js"

/**
 * Reads the access key of a profile, each time that it runs.
 *
 * Only `aws_access_key_id`, `aws_secret_access_key` and `aws_session_token` are read. See
 * {@link source} for roles. Throws a `TypeError` for an unknown option. Fails with `TokenError`:
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
  const { path = credentialsPath(), profile = defaults.profile } = OptionNames.known("`AwsProfile`", options, names)
  return Effect.flatMap(ProfileFile.read(path), (text) => ProfileFile.keyOf(path, profile, ProfileFile.parse(text)))
}

/**
 * Options of {@link source}: which profile of which files.
 *
 * @since 0.1.0
 * @category models
 */
export interface SourceOptions extends Options, AwsCredentials.RefreshOptions {
  /** The path of the configuration file, with roles (`.aws/config` in the home folder). */
  readonly configPath?: string | undefined
}

const sourceNames: OptionNames.ShapeOf<SourceOptions> = {
  ...names,
  ...{ configPath: true, timeout: "duration", refreshWindow: "duration", forcedRefreshWindow: "duration" }
}

/**
 * Makes a source of the credentials of a profile, which has an access key or a role:
 *
 * - `role_arn` with `source_profile`: the role is assumed with the credentials of the other profile, which may have a role too.
 * - `role_arn` with `web_identity_token_file`: the token in the file is exchanged for credentials of the role.
 * - `aws_access_key_id` and `aws_secret_access_key`. The file is read again after the server rejects them as expired.
 *
 * `external_id`, `role_session_name`, `duration_seconds` and `region` are read with a role. In the configuration file, the
 * section of a profile is `[profile <name>]`. One of the two files may be missing. The file of credentials goes before the other.
 *
 * Fails with `InvalidRequest { reason: "Options" }` for an option or a value of a role that is wrong, and with `TokenError`:
 *
 * - `Unavailable` if the files cannot be read.
 * - `Rejected` if a profile is missing, or `source_profile` leads back to an earlier profile.
 * - `InvalidResponse` if a value is missing, or a profile needs `credential_process`, `credential_source`, `mfa_serial` or
 *   single sign-on, which are not supported.
 *
 * Specification: [Assume role credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html).
 *
 * @example
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as AwsProfile from "@countersign/node/AwsProfile"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const AuthLive = Layer.unwrapScoped(
 *   Effect.map(AwsProfile.source({ profile: "reports" }), (credentials) => AwsSignature.layer({ credentials }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const source = (
  options: SourceOptions = {}
): Effect.Effect<
  AwsCredentials.Source<TokenSourceError>,
  TokenError | InvalidRequest,
  FileSystem.FileSystem | HttpClient.HttpClient | Scope.Scope
> =>
  Effect.zipRight(
    OptionNames.check("`AwsProfile.source`", options, sourceNames),
    Effect.suspend(() => {
      const { configPath = join(homedir(), ".aws", "config"), path = credentialsPath() } = options
      const { forcedRefreshWindow, profile = defaults.profile, refreshWindow, timeout } = options
      const times = { forcedRefreshWindow, refreshWindow, timeout }
      return ProfileSource.make({ files: { path, configPath }, times }, profile)
    })
  )
