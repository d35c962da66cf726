/**
 * AWS Signature Version 4: canonical request, string to sign, and the fields and query parameters of a signed request.
 *
 * This module computes no hash and reads no clock.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @since 0.1.0
 */
import type { Canonical, PathRule } from "./internal/AwsCanonicalRequest.js"
import { sentQuery } from "./internal/AwsCanonicalRequest.js"
import { endpointLabels, regionOf, serviceOf } from "./internal/AwsEndpoint.js"
import { encode } from "./internal/PercentEncoding.js"

export type { Canonical, Message, PathRule } from "./internal/AwsCanonicalRequest.js"
export {
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  sentPath,
  sentQuery,
  signedHeaders
} from "./internal/AwsCanonicalRequest.js"
export type { Chunk } from "./internal/AwsChunk.js"
export { chunkedLength, chunkedPayload, chunkHeader, chunkStringToSign } from "./internal/AwsChunk.js"
export type { Rejection } from "./internal/AwsRejection.js"
export { rejectionOf } from "./internal/AwsRejection.js"

/**
 * Name of the algorithm.
 *
 * @since 0.1.0
 * @category constants
 */
export const algorithm = "AWS4-HMAC-SHA256"

/**
 * The payload hash of a request with a body that is not signed. S3 accepts it.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 * @since 0.1.0
 * @category constants
 */
export const unsignedPayload = "UNSIGNED-PAYLOAD"

/**
 * Region and service that a signature is valid for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Endpoint {
  /** The region, such as `eu-central-1`. */
  readonly region: string
  /** The signing name of the service, such as `s3` or `execute-api`. */
  readonly service: string
}

/**
 * The path rule of a service.
 *
 * @param service the signing name of the service
 * @since 0.1.0
 * @category getters
 */
export const pathRuleOf = (service: string): PathRule =>
  service === "s3" || service === "s3express" || service === "s3-outposts" || service === "s3-object-lambda"
    ? "s3"
    : "general"

/** The last millisecond of the year 9999. The format has four digits for the year. */
const latest = 253_402_300_799_999

/**
 * Formats a time as `x-amz-date` does: `20150830T123600Z`. A time outside of the years 1970 to 9999 is limited to them.
 *
 * @param epochMs epoch milliseconds
 * @since 0.1.0
 * @category encoding
 */
export const formatTime = (epochMs: number): string =>
  new Date(Math.min(Math.max(0, epochMs), latest)).toISOString().replace(/[-:]|\.\d+/g, "")

/**
 * The parts of a credential scope: date, region, service and `aws4_request`. The signing key is the HMAC of the first part
 * with the key `AWS4` and the secret, then the HMAC of each further part with the result before it.
 *
 * @param time the time in the format of {@link formatTime}
 * @param endpoint region and service
 * @since 0.1.0
 * @category encoding
 */
export const scopeParts = (time: string, { region, service }: Endpoint): ReadonlyArray<string> => [
  time.slice(0, 8),
  region,
  service,
  "aws4_request"
]

/**
 * The credential scope: `20150830/us-east-1/iam/aws4_request`.
 *
 * @param time the time in the format of {@link formatTime}
 * @param endpoint region and service
 * @since 0.1.0
 * @category encoding
 */
export const scope = (time: string, endpoint: Endpoint): string => scopeParts(time, endpoint).join("/")

/**
 * Whether a field is signed by default: `host`, `content-type`, `content-md5` and those that begin with `x-amz-`. Others may
 * be added or changed on the way.
 *
 * @param name lower-case name
 * @since 0.1.0
 * @category predicates
 */
export const isSigned = (name: string): boolean =>
  name === "host" || name === "content-type" || name === "content-md5" || name.startsWith("x-amz-")

/**
 * Makes the string to sign.
 *
 * @param time the time in the format of {@link formatTime}
 * @param credentialScope the result of {@link scope}
 * @param requestHash SHA-256 of the canonical request, in lower-case hexadecimal
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-string-to-sign
 * @since 0.1.0
 * @category encoding
 */
export const stringToSign = (time: string, credentialScope: string, requestHash: string): string =>
  [algorithm, time, credentialScope, requestHash].join("\n")

/**
 * What a signature consists of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signature {
  /** The access key id. */
  readonly accessKeyId: string
  /** The result of {@link scope}. */
  readonly scope: string
  /** Names of the signed fields, from {@link Canonical}. */
  readonly signedHeaders: Canonical["signedHeaders"]
  /** HMAC of the string to sign, in lower-case hexadecimal. */
  readonly signature: string
}

/**
 * Formats the `authorization` field of a signed request.
 *
 * @since 0.1.0
 * @category encoding
 */
export const authorization = ({ accessKeyId, scope, signature, signedHeaders }: Signature): string =>
  `${algorithm} Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`

/**
 * Values of a presigned URL.
 *
 * @since 0.1.0
 * @category models
 */
export interface Presigned extends Omit<Signature, "signature"> {
  /** The time in the format of {@link formatTime}. */
  readonly time: string
  /** How long the URL is valid, in seconds. */
  readonly expiresIn: number
  /** The session token of temporary credentials. */
  readonly sessionToken?: string | undefined
}

/** Parameters of a presigned URL. */
const reserved = /^X-Amz-(?:Algorithm|Credential|Date|Expires|SignedHeaders|Security-Token|Signature)$/i

/**
 * Adds the parameters of a presigned URL to its query, except for `X-Amz-Signature`. Such parameters that it already has are
 * removed.
 *
 * @param query the query without `?`
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 * @since 0.1.0
 * @category encoding
 */
export const presignedQuery = (query: string, values: Presigned): string =>
  [
    ...sentQuery(query)
      .split("&")
      .filter((part) => part !== "" && !reserved.test(part.split("=", 1)[0] ?? "")),
    `X-Amz-Algorithm=${algorithm}`,
    `X-Amz-Credential=${encode(`${values.accessKeyId}/${values.scope}`)}`,
    `X-Amz-Date=${values.time}`,
    `X-Amz-Expires=${values.expiresIn}`,
    ...(values.sessionToken === undefined ? [] : [`X-Amz-Security-Token=${encode(values.sessionToken)}`]),
    `X-Amz-SignedHeaders=${encode(values.signedHeaders)}`
  ].join("&")

/**
 * Region and service of a host name of AWS, or of a storage service with its API (Cloudflare R2, Backblaze B2).
 *
 * A global host name, such as `iam.amazonaws.com`, has the region `us-east-1`. A part that the name does not show is
 * undefined, such as the region of `s3-accelerate`.
 *
 * @example
 * import * as AwsSignature from "@countersign/protocol/AwsSignature"
 *
 * const { region, service } = AwsSignature.endpointOf("id.execute-api.eu-central-1.amazonaws.com")
 *
 * @param hostname the host without a port
 * @since 0.1.0
 * @category decoding
 */
export const endpointOf = (hostname: string): Partial<Endpoint> => {
  const host = hostname.toLowerCase()
  if (host.endsWith(".r2.cloudflarestorage.com")) return { region: "auto", service: "s3" }
  const labels = endpointLabels(host)
  if (labels === undefined) return {}
  const region = regionOf(labels)
  const service = serviceOf(labels)
  return { ...(region === undefined ? {} : { region }), ...(service === undefined ? {} : { service }) }
}
