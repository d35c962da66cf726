/**
 * AWS Signature Version 4: signs requests to AWS, and to services with its API, with an access key.
 *
 * @since 0.1.0
 */
import * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { InvalidRequest } from "@countersign/client/Errors"
import * as Protocol from "@countersign/protocol/AwsSignature"
import type * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as AwsCredentials from "./AwsCredentials.js"
import { parseUrl, presigned, secondsOf } from "./internal/aws/presignedUrl.js"
import { currentOf, endpointOf, problemOf } from "./internal/aws/resolve.js"
import { makeScheme } from "./internal/aws/scheme.js"
import { encodedUrl } from "./internal/aws/signedRequest.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { OrConfig } from "./OAuth2.js"

/**
 * Options of AWS signatures.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<out E = never> {
  /** The access key, or a source of temporary credentials. */
  readonly credentials: AwsCredentials.Credentials | AwsCredentials.Source<E>
  /** The region, such as `eu-central-1`. By default it is read from the host name. */
  readonly region?: string | undefined
  /** The signing name of the service, such as `execute-api`. By default it is read from the host name. */
  readonly service?: string | undefined
  /**
   * How the body is signed (`signed`). S3 accepts all of them, and most other services only `signed`.
   *
   * - `signed`: the request signs the hash of the body. A stream is read twice, so it must be marked as replayable.
   * - `chunked`: streams and `Blob`s are signed chunk by chunk while they are sent, so each is read once. A stream needs a length.
   *   Other bodies are signed as with `signed`.
   * - `unsigned`: the body is not signed, as with forms and with streams of unknown length.
   */
  readonly payload?: "signed" | "chunked" | "unsigned" | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  credentials: {
    ...{ accessKeyId: true, secretAccessKey: "secret", sessionToken: "secret", expiresAt: true },
    ...{ get: true, onRejected: true, honorsDeadline: true }
  },
  region: true,
  service: true,
  payload: true
}

/**
 * Options of a presigned URL.
 *
 * @since 0.1.0
 * @category models
 */
export interface PresignOptions<out E = never> extends Omit<Options<E>, "payload"> {
  /** The absolute URL. */
  readonly url: string | URL
  /** The HTTP method (`GET`). */
  readonly method?: string | undefined
  /** Fields that the request must have when it is sent. They are signed. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** How long the URL is valid: 1 second to 7 days (15 minutes). It ends earlier if the credentials expire. */
  readonly expiresIn?: Duration.DurationInput | undefined
}

const presignNames: OptionNames.ShapeOf<PresignOptions> = {
  credentials: names.credentials,
  region: true,
  service: true,
  url: true,
  method: true,
  headers: true,
  expiresIn: "duration"
}

/**
 * Default values of {@link PresignOptions}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: { readonly expiresIn: Duration.DurationInput } = { expiresIn: "15 minutes" }

/**
 * Authenticates requests with AWS Signature Version 4.
 *
 * - Each request is signed anew, retries, redirects and replays included.
 * - The signature covers method, path, query, body, and the fields `host`, `content-type`, `content-md5` and `x-amz-*`.
 * - The query is sent as it is signed: `+` becomes `%20`. For S3 this applies to the path too.
 * - A rejection with a `Date` that differs by more than four minutes corrects the clock, and so does an error such as
 *   `RequestTimeTooSkewed`. The request is sent once more.
 * - After an error such as `ExpiredToken`, the source of the credentials can replace them. The request is sent once more.
 * - A stream is signed if it is marked with `RequestBody.markReplayable`: it is read once for the hash and once to be sent.
 * - With `payload: "chunked"`, a stream of known length is signed in chunks of 64 KiB while it is sent (`aws-chunked`).
 * - A request with its own `x-amz-content-sha256` field is signed with that value.
 *
 * A call fails with `InvalidRequest`:
 *
 * - `{ reason: "Body" }` for a form or a stream that cannot be signed, see `payload`.
 * - `{ reason: "Options" }` if the host name shows no region or service and the option is missing.
 * - `{ reason: "Credentials" }` if a part of the credentials is empty.
 * - `{ reason: "Header" }` if a signed field has characters outside of ASCII.
 *
 * A URL removes dot segments, so keys of S3 with the segments `.` and `..` cannot be requested. Trailing checksums
 * (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`) and Signature Version 4A are not supported.
 *
 * Specification: [AWS Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E = never>(options: Options<E>): Auth.Service<E> =>
  makeScheme(OptionNames.known("`AwsSignature`", options, names))

const validated = <E>(options: Options<E>): Effect.Effect<Auth.Service<E>, InvalidRequest> =>
  Effect.zipRight(
    OptionNames.check("`AwsSignature`", options, names),
    Effect.suspend(() => problemOf(options) ?? Effect.sync(() => make(options)))
  )

/**
 * Layer that signs requests to the API's origins with AWS Signature Version 4, see {@link make}.
 *
 * Fails with `InvalidRequest` when it is built, if a part of the access key is empty, or another option is wrong.
 *
 * @example
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = AwsSignature.layer({
 *   credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: Redacted.make("secret") },
 *   region: "eu-central-1",
 *   service: "execute-api"
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E = never>(options: Options<E>): Layer.Layer<Auth.Auth<E>, InvalidRequest> =>
  Auth.layerEffect(validated(options))

/**
 * Layer that reads options from the configuration, see {@link layer}.
 *
 * Fails with `ConfigError` when it is built, if a value is missing, and as {@link layer} does.
 *
 * @example
 * import * as AwsCredentials from "@countersign/auth/AwsCredentials"
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as Config from "effect/Config"
 *
 * const AuthLive = AwsSignature.layerConfig({
 *   credentials: AwsCredentials.config,
 *   region: Config.string("AWS_REGION"),
 *   service: "execute-api"
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <E = never>(
  options: OrConfig<Options<E>>
): Layer.Layer<Auth.Auth<E>, ConfigError.ConfigError | InvalidRequest> =>
  Auth.layerEffect(Effect.flatMap(ConfigOptions.read<Options<E>>(options), validated))

/**
 * Makes a presigned URL: for a limited time it allows one kind of request without other credentials, so treat it as a secret.
 *
 * Fails with `InvalidRequest` if `expiresIn` is not between 1 second and 7 days, and as the calls of {@link make} do.
 *
 * Specification: [Authenticating requests: query parameters](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
 *
 * @example
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as Redacted from "effect/Redacted"
 *
 * const download = AwsSignature.presign({
 *   credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: Redacted.make("secret") },
 *   url: "https://photos.s3.eu-central-1.amazonaws.com/2026/a.jpg",
 *   expiresIn: "10 minutes"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const presign = <E = never>(
  options: PresignOptions<E>
): Effect.Effect<Redacted.Redacted<string>, E | InvalidRequest> =>
  Effect.gen(function* () {
    yield* OptionNames.check("`AwsSignature.presign`", options, presignNames)
    const expiresIn = yield* secondsOf(options.expiresIn ?? defaults.expiresIn)
    const target = yield* parseUrl(options.url)
    const endpoint = yield* endpointOf(options, target)
    const credentials = yield* currentOf(options.credentials)
    const time = Protocol.formatTime(yield* Effect.clockWith((clock) => clock.currentTimeMillis))
    return presigned(options, { endpoint, credentials, expiresIn, time, url: encodedUrl(target, endpoint.service) })
  })
