/** The credentials of a profile with an access key or a role. */
import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import type { TokenError, TokenSourceError } from "@countersign/auth/Errors"
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as TokenFile from "../../TokenFile.js"
import type { Profiles, Values } from "./profileFile.js"
import { failure, keyOf, parse, readOptional } from "./profileFile.js"

/** The two files. */
interface Files {
  /** The file of credentials. */
  readonly path: string
  /** The configuration file. */
  readonly configPath: string
}

/** The files, and the times of the sources. */
interface Settings {
  readonly files: Files
  readonly times: AwsCredentials.RefreshOptions
}

type Made = Effect.Effect<
  AwsCredentials.Source<TokenSourceError>,
  TokenError | InvalidRequest,
  FileSystem.FileSystem | HttpClient.HttpClient | Scope.Scope
>

/** In the configuration file, only the default profile has no prefix. */
const profileName = (section: string): string => section.replace(/^profile\s+/, "")

/** The profiles of both files. Values of the file of credentials go before those of the other. */
const readProfiles = ({ configPath, path }: Files): Effect.Effect<Profiles, TokenError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const config = yield* readOptional(configPath)
    const credentials = yield* readOptional(path)
    if (config === undefined && credentials === undefined) {
      return yield* Effect.fail(
        failure("Unavailable", path, `and ${JSON.stringify(configPath)} are missing. Check the paths.`)
      )
    }
    const profiles = new Map<string, Values>()
    for (const [section, values] of parse(config ?? "")) profiles.set(profileName(section), values)
    for (const [name, values] of parse(credentials ?? "")) {
      profiles.set(name, new Map([...(profiles.get(name) ?? []), ...values]))
    }
    return profiles
  })

const unsupported = ["mfa_serial", "credential_source", "credential_process", "sso_session", "sso_start_url"]

/** Finds the source of a profile. `visited` has the profiles that lead to it. */
class Resolution {
  readonly #settings: Settings
  readonly #profiles: Profiles

  constructor(settings: Settings, profiles: Profiles) {
    this.#settings = settings
    this.#profiles = profiles
  }

  sourceOf(profile: string, visited: ReadonlyArray<string>): Made {
    const values = this.#profiles.get(profile)
    if (values === undefined) return this.#fail("Rejected", `has no profile ${JSON.stringify(profile)}. Add it.`)
    const hasKey = values.has("aws_access_key_id")
    // A profile that assumes a role may have the access key for it.
    if (hasKey && (visited.length > 0 || !values.has("role_arn"))) return this.#keySource(profile)
    if (visited.includes(profile)) {
      const circle = [...visited, profile].map((one) => JSON.stringify(one)).join(", ")
      return this.#fail("Rejected", `has a circle of \`source_profile\`: ${circle}. Change one of them.`)
    }
    const name = unsupported.find((one) => values.has(one))
    if (name !== undefined) {
      return this.#fail(
        "InvalidResponse",
        `has \`${name}\` in the profile ${JSON.stringify(profile)}, which is not supported. Use \`AwsCredentials.make\`.`
      )
    }
    const roleArn = values.get("role_arn")
    return roleArn === undefined ? this.#keySource(profile) : this.#roleSource(roleArn, profile, values, visited)
  }

  #roleSource(roleArn: string, profile: string, values: Values, visited: ReadonlyArray<string>): Made {
    const duration = values.get("duration_seconds")
    const role = {
      ...this.#settings.times,
      roleArn,
      sessionName: values.get("role_session_name"),
      region: values.get("region"),
      durationSeconds: duration === undefined ? undefined : Number(duration)
    }
    const tokenFile = values.get("web_identity_token_file")
    if (tokenFile) return AwsCredentials.webIdentity({ ...role, token: TokenFile.read(tokenFile) })
    const base = values.get("source_profile")
    if (!base) {
      return this.#fail(
        "InvalidResponse",
        `has neither \`source_profile\` nor \`web_identity_token_file\` in the profile ${JSON.stringify(profile)}. Add one.`
      )
    }
    // Suspended, because a long chain of profiles would exceed the stack.
    const baseSource = Effect.suspend(() => this.sourceOf(base, [...visited, profile]))
    return Effect.flatMap(baseSource, (credentials) =>
      AwsCredentials.assumeRole({ ...role, credentials, externalId: values.get("external_id") })
    )
  }

  /** Reads the files again for each request of credentials, because another program may replace temporary ones. */
  #keySource(profile: string): Made {
    const { files, times } = this.#settings
    const acquire = Effect.flatMap(readProfiles(files), (profiles) => keyOf(files.path, profile, profiles))
    return Effect.zipRight(
      // The first error is that of the effect that makes the source.
      keyOf(files.path, profile, this.#profiles),
      AwsCredentials.make({ ...times, acquire })
    )
  }

  #fail(reason: TokenError["reason"], cause: string): Effect.Effect<never, TokenError> {
    return Effect.fail(failure(reason, this.#settings.files.path, cause))
  }
}

/** Makes the source of a profile. */
export const make = (settings: Settings, profile: string): Made =>
  Effect.flatMap(readProfiles(settings.files), (profiles) => new Resolution(settings, profiles).sourceOf(profile, []))
