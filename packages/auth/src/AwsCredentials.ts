/**
 * Credentials of AWS: access keys from the environment, and sources that refresh temporary ones.
 *
 * @since 0.1.0
 */
import { InvalidRequest } from "@countersign/client/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { TokenError, TokenSourceError } from "./Errors.js"
import type { Credentials, RefreshOptions, Source } from "./internal/aws/credentials.js"
import * as Metadata from "./internal/aws/metadata.js"
import * as RefreshedSource from "./internal/aws/refreshedSource.js"
import * as WebIdentity from "./internal/aws/webIdentity.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { refreshNames } from "./internal/refresh/optionNames.js"

export type { Credentials, RefreshOptions, Source } from "./internal/aws/credentials.js"

const { forcedRefreshWindow, refreshWindow, timeout } = refreshNames
const timeNames: OptionNames.ShapeOf<RefreshOptions> = { forcedRefreshWindow, refreshWindow, timeout }

/**
 * The access key in the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, which may be
 * missing.
 *
 * Specification: [Environment variables](https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html).
 *
 * @example
 * import * as AwsCredentials from "@countersign/auth/AwsCredentials"
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 *
 * const AuthLive = AwsSignature.layerConfig({ credentials: AwsCredentials.config, region: "eu-central-1" })
 *
 * @since 0.1.0
 * @category constructors
 */
export const config: Config.Config<Credentials> = /* @__PURE__ */ Config.map(
  /* @__PURE__ */ Config.all({
    accessKeyId: /* @__PURE__ */ Config.string("AWS_ACCESS_KEY_ID"),
    secretAccessKey: /* @__PURE__ */ Config.redacted("AWS_SECRET_ACCESS_KEY"),
    sessionToken: /* @__PURE__ */ Config.withDefault(
      /* @__PURE__ */ Config.redacted("AWS_SESSION_TOKEN"),
      /* @__PURE__ */ Redacted.make("")
    )
  }),
  ({ sessionToken, ...key }) => (Redacted.value(sessionToken) === "" ? key : { ...key, sessionToken })
)

/**
 * Options of {@link make}: how credentials are acquired.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends RefreshOptions {
  /** Acquires credentials. It runs in a separate fiber that callers cannot interrupt, once at a time. */
  readonly acquire: Effect.Effect<Credentials, TokenError, R>
}

const names: OptionNames.ShapeOf<Options> = { ...timeNames, acquire: true }

/**
 * Makes a source that acquires credentials and keeps them in memory.
 *
 * - Concurrent calls share one run of `acquire`.
 * - Within `refreshWindow` before they expire, credentials are replaced in the background and callers do not wait.
 * - Without valid credentials, a failed run is repeated after 1, 2, 4 … seconds, at most 30. Until then, callers get the last
 *   error immediately.
 * - Credentials that a server rejects as expired are replaced.
 *
 * The source runs in the scope of this effect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(
  options: Options<R>
): Effect.Effect<Source<TokenSourceError>, InvalidRequest, R | Scope.Scope> =>
  Effect.zipRight(
    OptionNames.check("`AwsCredentials`", options, names),
    Effect.suspend(() => RefreshedSource.make(options.acquire, options))
  )

/**
 * Options of {@link webIdentity}: the role, and the token that identifies this process.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebIdentityOptions<R = never> extends RefreshOptions {
  /** The ARN of the role to assume (`AWS_ROLE_ARN`). */
  readonly roleArn: string
  /**
   * Reads the token of the identity provider. It runs for each request to STS, so a file with a token that rotates is read
   * again. `TokenFile.read` of `@countersign/node` reads one.
   */
  readonly token: Effect.Effect<Redacted.Redacted<string>, TokenError, R>
  /** Name of the session in logs of AWS (`countersign`): 2 to 64 letters, digits or `_=,.@-`. */
  readonly sessionName?: string | undefined
  /** The region of STS. Without it the global endpoint is used. */
  readonly region?: string | undefined
  /** URL of another server with the API of STS, such as a storage service. It must be an https URL. */
  readonly endpoint?: string | undefined
  /** How long the credentials are valid, in seconds, from 900 to 43,200. By default the role decides (1 hour). */
  readonly durationSeconds?: number | undefined
}

const webIdentityNames: OptionNames.ShapeOf<WebIdentityOptions> = {
  ...timeNames,
  ...{ roleArn: true, token: true, sessionName: true, region: true, endpoint: true, durationSeconds: true }
}

/**
 * Default values of {@link WebIdentityOptions}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { sessionName: "countersign" } as const

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Options", detail })

const problemOf = (options: WebIdentityOptions<unknown>): InvalidRequest | undefined => {
  const { durationSeconds: seconds, endpoint, region, roleArn, sessionName = defaults.sessionName } = options
  if (!/^arn:[\w-]+:iam::\d*:role\/[!-~]+$/.test(roleArn)) {
    return invalid("`roleArn` is not the ARN of a role. Set `arn:aws:iam::<account>:role/<name>`.")
  }
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
    return invalid(`\`sessionName\` is ${JSON.stringify(sessionName)}. Set 2 to 64 letters, digits or \`_=,.@-\`.`)
  }
  if (region !== undefined && !/^[a-z0-9-]{1,40}$/.test(region)) {
    return invalid(`\`region\` is ${JSON.stringify(region)}. Set the name of a region, such as \`eu-central-1\`.`)
  }
  if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= 900 && seconds <= 43_200)) {
    return invalid(`\`durationSeconds\` is ${seconds}. Set a whole number from 900 to 43200.`)
  }
  return endpoint === undefined || (URL.canParse(endpoint) && new URL(endpoint).protocol === "https:")
    ? undefined
    : invalid("`endpoint` is not an https URL. Set `https://<host>/`.")
}

/**
 * Makes a source that exchanges a token of an identity provider for credentials of a role (`AssumeRoleWithWebIdentity`).
 * Kubernetes and GitHub Actions give such tokens to their processes.
 *
 * Each request to STS reads the token again. No redirect is followed.
 *
 * Fails with `InvalidRequest { reason: "Options" }` for a wrong option. `get` fails with `TokenError`:
 *
 * - `Rejected` if STS rejects the token or the role. `error` has its code, such as `ExpiredTokenException`.
 * - `Unavailable` if STS cannot be reached, or asks to send fewer requests.
 * - `InvalidResponse` if the response has no credentials.
 *
 * Specification: [AssumeRoleWithWebIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
 *
 * @example
 * import * as AwsCredentials from "@countersign/auth/AwsCredentials"
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * // Replace this with the token of your identity provider.
 * const token = Effect.orDie(Config.redacted("IDENTITY_TOKEN"))
 *
 * const AuthLive = Layer.unwrapScoped(
 *   Effect.map(
 *     AwsCredentials.webIdentity({
 *       roleArn: "arn:aws:iam::123456789012:role/reports",
 *       token
 *     }),
 *     (credentials) => AwsSignature.layer({ credentials, region: "eu-central-1" })
 *   )
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const webIdentity = <R = never>(
  options: WebIdentityOptions<R>
): Effect.Effect<Source<TokenSourceError>, InvalidRequest, R | HttpClient.HttpClient | Scope.Scope> =>
  OptionNames.check("`AwsCredentials.webIdentity`", options, webIdentityNames).pipe(
    Effect.zipRight(Effect.suspend(() => problemOf(options) ?? Effect.void)),
    Effect.zipRight(
      Effect.suspend(() =>
        RefreshedSource.make(
          WebIdentity.acquire({ ...options, sessionName: options.sessionName ?? defaults.sessionName }),
          options
        )
      )
    )
  )

/**
 * Options of {@link container}: where the container service gives credentials.
 *
 * @since 0.1.0
 * @category models
 */
export interface ContainerOptions<R = never> extends RefreshOptions {
  /**
   * The path on the address of the container service (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`), or the whole URL
   * (`AWS_CONTAINER_CREDENTIALS_FULL_URI`). A URL must be https, or have a loopback address or that of ECS or EKS.
   */
  readonly uri: string
  /** Reads the `authorization` of the request (`AWS_CONTAINER_AUTHORIZATION_TOKEN`, or its file). */
  readonly token?: Effect.Effect<Redacted.Redacted<string>, TokenError, R> | undefined
}

const containerNames: OptionNames.ShapeOf<ContainerOptions> = { ...timeNames, uri: true, token: true }

/**
 * Makes a source of the credentials that ECS and EKS give to a container.
 *
 * Fails with `InvalidRequest { reason: "Options" }` for a URL that could be that of another service. `get` fails as that of
 * {@link webIdentity} does.
 *
 * Specification: [Container credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
 *
 * @since 0.1.0
 * @category constructors
 */
export const container = <R = never>(
  options: ContainerOptions<R>
): Effect.Effect<Source<TokenSourceError>, InvalidRequest, R | HttpClient.HttpClient | Scope.Scope> =>
  OptionNames.check("`AwsCredentials.container`", options, containerNames).pipe(
    Effect.zipRight(Effect.suspend(() => Metadata.containerUrl(options.uri))),
    Effect.flatMap((url) => RefreshedSource.make(Metadata.container(url, options.token), options))
  )

/**
 * Makes a source of the credentials that an EC2 instance has by its role (IMDSv2).
 *
 * `get` fails as that of {@link webIdentity} does. Outside of EC2 no server answers: it fails with `Unavailable`.
 *
 * Specification: [Instance metadata](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html).
 *
 * @since 0.1.0
 * @category constructors
 */
export const instance = (
  options: RefreshOptions = {}
): Effect.Effect<Source<TokenSourceError>, InvalidRequest, HttpClient.HttpClient | Scope.Scope> =>
  Effect.zipRight(
    OptionNames.check("`AwsCredentials.instance`", options, timeNames),
    RefreshedSource.make(Metadata.instance, options)
  )
