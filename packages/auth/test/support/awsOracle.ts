/** Signatures by `@smithy/signature-v4` and `aws4fetch`, for comparison. */
import type * as AwsCredentials from "@countersign/auth/AwsCredentials"
import { SignatureV4 } from "@smithy/signature-v4"
import { AwsClient } from "aws4fetch"
import * as Redacted from "effect/Redacted"
import { createHash, createHmac } from "node:crypto"

/** SHA-256 in the form that the signer of the AWS SDK expects. */
class Sha256 {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = ArrayBuffer.isView(secret)
      ? new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
      : secret instanceof ArrayBuffer
        ? new Uint8Array(secret)
        : secret
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", key)
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(
      typeof data === "string"
        ? data
        : ArrayBuffer.isView(data)
          ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
          : new Uint8Array(data)
    )
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()))
  }
  reset(): void {
    throw new Error("not used")
  }
}

/** A request as it was sent, or as it is presigned. */
export interface Signed {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body?: string | undefined
}

export interface Scope {
  readonly region: string
  readonly service: string
  readonly at: number
}

const plain = ({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials.Credentials) => ({
  accessKeyId,
  secretAccessKey: Redacted.value(secretAccessKey),
  ...(sessionToken && { sessionToken: Redacted.value(sessionToken) })
})

const smithyOf = (credentials: AwsCredentials.Credentials, { region, service }: Scope) =>
  new SignatureV4({
    credentials: plain(credentials),
    region,
    service,
    sha256: Sha256,
    uriEscapePath: service !== "s3",
    applyChecksum: true
  })

/** The decoded parameters of a query. A name that occurs several times has a list. */
const queryOf = (url: URL) => {
  const query: Record<string, string | Array<string>> = {}
  for (const [name, value] of url.searchParams) {
    const before = query[name]
    query[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return query
}

const requestOf = ({ body, headers, method, url: address }: Signed, keep: (name: string) => boolean) => {
  const url = new URL(address)
  const kept = Object.entries(headers).flatMap(([name, value]) =>
    value !== undefined && keep(name) ? [[name, value] as const] : []
  )
  return {
    ...{ method, protocol: url.protocol, hostname: url.hostname, path: url.pathname, query: queryOf(url) },
    headers: { host: url.host, ...Object.fromEntries(kept) },
    ...(body !== undefined && { body })
  }
}

/** The value of `SignedHeaders` in an `authorization` field. */
const signedNames = (authorization = ""): ReadonlyArray<string> =>
  /SignedHeaders=([^,]*)/.exec(authorization)?.[1]?.split(";") ?? []

/** The `authorization` field that the signer of the AWS SDK makes for the request, with the same fields. */
export const smithy = async (sent: Signed, credentials: AwsCredentials.Credentials, scope: Scope): Promise<string> => {
  const names = signedNames(sent.headers["authorization"])
  const set = ["x-amz-date", "x-amz-security-token", "host"]
  const request = requestOf(sent, (name) => names.includes(name) && !set.includes(name))
  const signed = await smithyOf(credentials, scope).sign(request, { signingDate: new Date(scope.at) })
  return String(signed.headers["authorization"])
}

/** The signature that the signer of the AWS SDK makes for a chunk: for an event without fields. */
export const smithyChunk = (
  payload: Uint8Array,
  priorSignature: string,
  credentials: AwsCredentials.Credentials,
  scope: Scope
): Promise<string> =>
  smithyOf(credentials, scope).sign(
    { headers: new Uint8Array(0), payload },
    { signingDate: new Date(scope.at), priorSignature }
  )

const time = (at: number): string => new Date(at).toISOString().replace(/[-:]|\.\d+/g, "")

/** The `authorization` field that `aws4fetch` makes for the request, with the same fields. */
export const aws4fetch = async (
  sent: Signed,
  credentials: AwsCredentials.Credentials,
  { at, region, service }: Scope
): Promise<string> => {
  const names = signedNames(sent.headers["authorization"])
  const client = new AwsClient({ ...plain(credentials), region, service })
  const headers = Object.entries(sent.headers).flatMap(([name, value]): Array<[string, string]> =>
    value !== undefined && names.includes(name) && name !== "host" && name !== "x-amz-date" ? [[name, value]] : []
  )
  const signed = await client.sign(sent.url, {
    method: sent.method,
    headers,
    ...(sent.body !== undefined && sent.method !== "GET" && { body: sent.body }),
    aws: { datetime: time(at), allHeaders: true }
  })
  return signed.headers.get("authorization") ?? ""
}

/** Whether `aws4fetch` signs the whole query: it drops parameters without a name, and for S3 repeated names. */
export const signsQuery = (address: string, service: string): boolean => {
  const names = [...new URL(address).searchParams.keys()]
  return !names.includes("") && (service !== "s3" || new Set(names).size === names.length)
}

/** The presigned URL of the AWS SDK. */
export const smithyPresigned = async (
  unsigned: Signed,
  credentials: AwsCredentials.Credentials,
  scope: Scope,
  expiresIn: number
): Promise<URLSearchParams> => {
  const signer = smithyOf(credentials, scope)
  const request = requestOf(unsigned, () => true)
  if (scope.service === "s3") Object.assign(request.headers, { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" })
  const signed = await signer.presign(request, {
    signingDate: new Date(scope.at),
    expiresIn,
    unhoistableHeaders: new Set(["x-amz-content-sha256", ...Object.keys(unsigned.headers)]),
    ...(scope.service === "s3" && { unsignableHeaders: new Set(["x-amz-content-sha256"]) })
  })
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(signed.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value ?? ""]) parameters.append(name, one)
  }
  return parameters
}

/** The presigned URL of `aws4fetch`. */
export const aws4fetchPresigned = async (
  unsigned: Signed,
  credentials: AwsCredentials.Credentials,
  { at, region, service }: Scope,
  expiresIn: number
): Promise<URLSearchParams> => {
  const url = new URL(unsigned.url)
  url.searchParams.set("X-Amz-Expires", String(expiresIn))
  const signed = await new AwsClient({ ...plain(credentials), region, service }).sign(url, {
    method: unsigned.method,
    aws: { datetime: time(at), signQuery: true }
  })
  return new URL(signed.url).searchParams
}
