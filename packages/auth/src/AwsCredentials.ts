/**
 * Credentials of AWS: access keys from the environment, and sources that refresh temporary ones.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { TokenError, TokenSourceError } from "./Errors.js"
import * as AssumedRole from "./internal/aws/assumedRole.js"
import type { Credentials, RefreshOptions, RoleOptions, Source } from "./internal/aws/credentials.js"
import * as Metadata from "./internal/aws/metadata.js"
import * as RefreshedSource from "./internal/aws/refreshedSource.js"
import { externalIdOf, roleOf } from "./internal/aws/roleOptions.js"
import * as WebIdentity from "./internal/aws/webIdentity.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { refreshNames } from "./internal/refresh/optionNames.js"

export type { Credentials, RefreshOptions, RoleOptions, Source } from "./internal/aws/credentials.js"
export { defaults } from "./internal/aws/roleOptions.js"

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
export interface WebIdentityOptions<R = never> extends RoleOptions {
  /**
   * Reads the token of the identity provider. It runs for each request to STS, so a file with a token that rotates is read
   * again. `TokenFile.read` of `@countersign/node` reads one.
   */
  readonly token: Effect.Effect<Redacted.Redacted<string>, TokenError, R>
}

const roleNames: OptionNames.ShapeOf<RoleOptions> = {
  ...timeNames,
  ...{ roleArn: true, sessionName: true, region: true, endpoint: true },
  durationSeconds: "count"
}

const webIdentityNames: OptionNames.ShapeOf<WebIdentityOptions> = { ...roleNames, token: true }

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
    Effect.zipRight(roleOf(options)),
    Effect.flatMap((role) => RefreshedSource.make(WebIdentity.acquire(role, options.token), options))
  )

/**
 * Options of {@link assumeRole}: the role, and the credentials that may assume it.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssumeRoleOptions extends RoleOptions {
  /** The access key, or a source of temporary credentials, that signs the request to STS. */
  readonly credentials: Credentials | Source<TokenSourceError>
  /** The id that the owner of the role requires of other accounts. It is no secret. */
  readonly externalId?: string | undefined
}

const assumeRoleNames: OptionNames.ShapeOf<AssumeRoleOptions> = {
  ...roleNames,
  credentials: {
    ...{ accessKeyId: true, secretAccessKey: "secret", sessionToken: "secret", expiresAt: true },
    ...{ get: true, onRejected: true, honorsDeadline: true }
  },
  externalId: true
}

/**
 * Makes a source that exchanges credentials for those of a role (`AssumeRole`), such as a role of another account.
 *
 * The request to STS is signed with `credentials`. After a rejection that shows a wrong clock or expired credentials, it is
 * signed and sent once more.
 *
 * Fails with `InvalidRequest { reason: "Options" }` for a wrong option. `get` fails as that of {@link webIdentity} does, and with
 * the error of `credentials` as a `TokenError`.
 *
 * Specification: [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
 *
 * @example
 * import * as AwsCredentials from "@countersign/auth/AwsCredentials"
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const AuthLive = Layer.unwrapScoped(
 *   Effect.gen(function* () {
 *     const credentials = yield* AwsCredentials.assumeRole({
 *       credentials: yield* AwsCredentials.config,
 *       roleArn: "arn:aws:iam::123456789012:role/reports"
 *     })
 *     return AwsSignature.layer({ credentials, region: "eu-central-1" })
 *   })
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const assumeRole = (
  options: AssumeRoleOptions
): Effect.Effect<Source<TokenSourceError>, InvalidRequest, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    yield* OptionNames.check("`AwsCredentials.assumeRole`", options, assumeRoleNames)
    const role = yield* roleOf(options)
    const externalId = yield* externalIdOf(options.externalId)
    return yield* RefreshedSource.make(AssumedRole.acquire(role, options.credentials, externalId), options)
  })

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
