/**
 * AWS Signature Version 4: canonical request, string to sign, and the fields and query parameters of a signed request.
 *
 * This module computes no hash and reads no clock.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @since 0.1.0
 */
import { endpointLabels, regionOf, serviceOf } from "./internal/AwsEndpoint.js"
import { encode, encodeAgain, encodePath, encodePathAgain } from "./internal/PercentEncoding.js"

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
 * How the path of the canonical request is made.
 *
 * - `general`: dot segments and repeated slashes are removed, and the encoded path is encoded once more.
 * - `s3`: the path is encoded once and not normalized, because a key may contain such segments.
 *
 * @since 0.1.0
 * @category models
 */
export type PathRule = "general" | "s3"

/**
 * A request to sign.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  /** The HTTP method. */
  readonly method: string
  /** The path as it is sent, percent-encoded. */
  readonly path: string
  /** The query as it is sent, percent-encoded, without `?`. */
  readonly query: string
  /** The fields to sign. A name may occur several times. `host` must be one of them. */
  readonly headers: Iterable<readonly [name: string, value: string]>
  /** SHA-256 of the body in lower-case hexadecimal, or {@link unsignedPayload}. */
  readonly payloadHash: string
  /** How the path is encoded. */
  readonly pathRule: PathRule
}

/**
 * A canonical request, and the names of its fields as the signature lists them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Canonical {
  /** The text. Its hash is part of the string to sign. */
  readonly text: string
  /** Lower-case names of the signed fields, sorted, separated by semicolons. */
  readonly signedHeaders: string
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

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const queryEntries = (query: string): Array<readonly [name: string, value: string | undefined]> =>
  query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const at = part.indexOf("=")
      const text = (encoded: string) => encodeAgain(encoded.replaceAll("+", "%20"))
      return at === -1 ? [text(part), undefined] : [text(part.slice(0, at)), text(part.slice(at + 1))]
    })

/**
 * The canonical query: each name and value encoded as in {@link sentQuery}, sorted by name and then by value.
 *
 * @param query the query without `?`
 * @since 0.1.0
 * @category encoding
 */
export const canonicalQuery = (query: string): string =>
  queryEntries(query)
    .map(([name, value = ""]) => [name, value] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join("&")

/**
 * The query in the encoding that the signature covers: every character except `A-Z a-z 0-9 - . _ ~` is percent-encoded, and
 * `+` is a space. The order is not changed. Send the query so, because servers differ in how they read other forms.
 *
 * @param query the query without `?`
 * @since 0.1.0
 * @category encoding
 */
export const sentQuery = (query: string): string =>
  queryEntries(query)
    .map(([name, value]) => (value === undefined ? name : `${name}=${value}`))
    .join("&")

/**
 * The path to send. With the rule `s3` it is the canonical path, so that all servers compute the same one. Otherwise it is
 * not changed.
 *
 * @param path the percent-encoded path
 * @param rule how the path is encoded
 * @since 0.1.0
 * @category encoding
 */
export const sentPath = (path: string, rule: PathRule): string => (rule === "s3" ? encodePathAgain(path) || "/" : path)

/** The path without dot segments and repeated slashes. */
const normalize = (path: string): string => {
  const segments: Array<string> = []
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop()
    else if (segment !== "" && segment !== ".") segments.push(segment)
  }
  return `/${segments.join("/")}${segments.length > 0 && path.endsWith("/") ? "/" : ""}`
}

/**
 * The canonical path, see {@link PathRule}.
 *
 * @param path the percent-encoded path
 * @param rule how the path is encoded
 * @since 0.1.0
 * @category encoding
 */
export const canonicalPath = (path: string, rule: PathRule): string =>
  rule === "s3" ? sentPath(path, rule) : encodePath(normalize(path))

/** The value without white space at its ends, and with one space in place of each sequence of white space. */
const fold = (value: string): string => value.replace(/[\t-\r ]+/g, " ").replace(/^ | $/g, "")

const foldHeaders = (headers: Message["headers"]): Array<readonly [name: string, value: string]> => {
  const values = new Map<string, Array<string>>()
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    const all = values.get(lower)
    if (all === undefined) values.set(lower, [fold(value)])
    else all.push(fold(value))
  }
  return Array.from(values, ([name, all]) => [name, all.join(",")] as const).sort(([a], [b]) => compare(a, b))
}

/**
 * Names of signed fields in lower case, sorted, separated by semicolons.
 *
 * @param headers the fields to sign
 * @since 0.1.0
 * @category encoding
 */
export const signedHeaders = (headers: Message["headers"]): string =>
  foldHeaders(headers)
    .map(([name]) => name)
    .join(";")

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
 * Makes the canonical request.
 *
 * @example
 * import * as AwsSignature from "@countersign/protocol/AwsSignature"
 *
 * const { signedHeaders, text } = AwsSignature.canonicalRequest({
 *   method: "GET",
 *   path: "/photos/a%20b.jpg",
 *   query: "versionId=1",
 *   headers: [["host", "bucket.s3.eu-central-1.amazonaws.com"]],
 *   payloadHash: AwsSignature.unsignedPayload,
 *   pathRule: "s3"
 * })
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request
 * @since 0.1.0
 * @category encoding
 */
export const canonicalRequest = (message: Message): Canonical => {
  const fields = foldHeaders(message.headers)
  const names = fields.map(([name]) => name).join(";")
  const lines = fields.map(([name, value]) => `${name}:${value}\n`).join("")
  const path = canonicalPath(message.path, message.pathRule)
  const query = canonicalQuery(message.query)
  return {
    text: [message.method, path, query, lines, names, message.payloadHash].join("\n"),
    signedHeaders: names
  }
}

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
  /** Names of the signed fields, from {@link Canonical.signedHeaders}. */
  readonly signedHeaders: string
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

/**
 * Why a server rejected a signed request, as its error says.
 *
 * - `Time`: the time of the signature is too far from that of the server.
 * - `Credentials`: the temporary credentials have expired.
 *
 * @since 0.1.0
 * @category models
 */
export type Rejection =
  { readonly _tag: "Time"; readonly serverTime: number | undefined } | { readonly _tag: "Credentials" }

const timeErrors = /RequestTimeTooSkewed|RequestExpired|RequestInTheFuture|Signature expired|Signature not yet current/
const credentialErrors = /\bExpiredToken(?:Exception)?\b|\bTokenRefreshRequired\b/
const basicTime = /\((\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z [+-] \d{1,4} min/
const extendedTime = /<ServerTime>(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?Z<\/ServerTime>/

const serverTimeOf = (text: string): number | undefined => {
  const found = extendedTime.exec(text) ?? basicTime.exec(text)
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7)
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? undefined : time
}

/**
 * Reads from the body of an error why the request was rejected. Undefined if time and expiry are not the reason.
 *
 * @param text the body of the response
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 * @since 0.1.0
 * @category decoding
 */
export const rejectionOf = (text: string): Rejection | undefined => {
  if (timeErrors.test(text)) return { _tag: "Time", serverTime: serverTimeOf(text) }
  return credentialErrors.test(text) ? { _tag: "Credentials" } : undefined
}
