/** A server that verifies requests with a body that is signed chunk by chunk, as S3 does. */
import { createHash, createHmac } from "node:crypto"
import type { Incoming } from "./uploads.js"

export const secretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

/** A request that was verified. */
export interface Verified {
  /** What is wrong with it. Undefined for a valid request. */
  readonly problem: string | undefined
  /** SHA-256 of the data. */
  readonly hash: string
  /** The sizes of the chunks. */
  readonly sizes: ReadonlyArray<number>
  /** Whether it has a `content-length`. */
  readonly hasLength: boolean
}

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex")
const hmac = (key: string | Uint8Array, data: string) => createHmac("sha256", key).update(data)

const seedOf = ({ headers, method, url = "" }: Incoming) => {
  const field = (name: string) => String(headers[name] ?? headers[name === "host" ? ":authority" : name])
  const parts = /Credential=\w+\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(field("authorization"))
  const [, scope = "", names = "", signature = ""] = parts ?? []
  const lines = names.split(";").map((name) => `${name}:${field(name)}\n`)
  const canonical = [method, url, "", lines.join(""), names, field("x-amz-content-sha256")].join("\n")
  const time = field("x-amz-date")
  const key = scope
    .split("/")
    .reduce<string | Uint8Array>((key, part) => hmac(key, part).digest(), `AWS4${secretAccessKey}`)
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")
  return { key, scope, time, signature, expected: hmac(key, text).digest("hex") }
}

/** Verifies the head, each chunk and the length of a request. `onData` gets the number of bytes of each chunk. */
export const verify = async (
  request: Incoming,
  onData: (bytes: number) => void = () => undefined
): Promise<Verified> => {
  const { expected, key, scope, signature, time } = seedOf(request)
  const { "content-length": length, "x-amz-decoded-content-length": decoded } = request.headers
  const hash = createHash("sha256")
  const sizes: Array<number> = []
  let problem = signature === expected ? undefined : "the signature of the request"
  let previous = signature
  let received = 0
  let buffered: Buffer = Buffer.alloc(0)
  const takeChunk = (): boolean => {
    const end = buffered.indexOf("\r\n")
    const [, size = "", signature] =
      /^([0-9a-f]+);chunk-signature=(\w+)$/.exec(buffered.toString("latin1", 0, end)) ?? []
    const bytes = Number.parseInt(size, 16)
    if (end === -1 || buffered.length < end + bytes + 4) return false
    const data = buffered.subarray(end + 2, end + 2 + bytes)
    const text = ["AWS4-HMAC-SHA256-PAYLOAD", time, scope, previous, sha256(""), sha256(data)].join("\n")
    previous = hmac(key, text).digest("hex")
    if (signature !== previous) problem ??= `the signature of chunk ${sizes.length}`
    hash.update(data)
    sizes.push(bytes)
    onData(bytes)
    buffered = buffered.subarray(end + bytes + 4)
    return true
  }
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      received += piece.length
      buffered = Buffer.concat([buffered, piece])
      while (takeChunk());
    }
  } catch {
    problem ??= "the connection"
  }
  const sum = sizes.reduce((total, one) => total + one, 0)
  if (buffered.length > 0 || sizes.at(-1) !== 0) problem ??= "the end of the body"
  if (String(sum) !== decoded || (length !== undefined && String(received) !== length)) problem ??= "a length"
  return { problem, hash: hash.digest("hex"), sizes, hasLength: length !== undefined }
}
