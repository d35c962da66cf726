/**
 * The canonical request of AWS signatures, and the URL in the encoding that it covers.
 *
 * @internal
 */
import { encodeAgain, encodePath, encodePathAgain } from "./PercentEncoding.js"

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
  /** SHA-256 of the body in lower-case hexadecimal, `unsignedPayload` or `chunkedPayload`. */
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
