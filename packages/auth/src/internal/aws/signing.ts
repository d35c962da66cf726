/** The hashes of AWS signatures. */
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 as hash } from "@noble/hashes/sha2.js"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "./credentials.js"
import { sha256 } from "../hash/sha256.js"

const encoder = new TextEncoder()

const mac = (key: Uint8Array, text: string): Uint8Array => hmac(hash, key, encoder.encode(text))

const deriveKey = (secret: string, parts: ReadonlyArray<string>): Uint8Array =>
  parts.reduce(mac, encoder.encode(`AWS4${secret}`))

/** The signature of a chunk, from the signature before it and the hash of its data. */
export type SignChunk = (previous: string, hash: string) => string

/** Signs texts with the key of one scope. It keeps the last key, because a key is valid for a day. */
export class Signer {
  #last: { readonly secret: string; readonly scope: string; readonly key: Uint8Array } | undefined

  /** The signature of a canonical request, in hexadecimal. */
  sign(
    { secretAccessKey }: Pick<Credentials, "secretAccessKey">,
    endpoint: AwsSignature.Endpoint,
    time: string,
    canonicalRequest: string
  ): string {
    const scope = AwsSignature.scope(time, endpoint)
    const requestHash = Encoding.encodeHex(sha256(canonicalRequest))
    const text = AwsSignature.stringToSign(time, scope, requestHash)
    return Encoding.encodeHex(mac(this.#keyOf(Redacted.value(secretAccessKey), scope, time, endpoint), text))
  }

  /** Signs the chunks of a body, in the scope of its request. */
  chunks(
    { secretAccessKey }: Pick<Credentials, "secretAccessKey">,
    endpoint: AwsSignature.Endpoint,
    time: string
  ): SignChunk {
    const scope = AwsSignature.scope(time, endpoint)
    // Other requests may replace the last key before the body was sent.
    const key = this.#keyOf(Redacted.value(secretAccessKey), scope, time, endpoint)
    return (previous, hash) =>
      Encoding.encodeHex(mac(key, AwsSignature.chunkStringToSign({ time, scope, previous, hash })))
  }

  #keyOf(secret: string, scope: string, time: string, endpoint: AwsSignature.Endpoint): Uint8Array {
    const last = this.#last
    if (last !== undefined && last.scope === scope && last.secret === secret) return last.key
    const key = deriveKey(secret, AwsSignature.scopeParts(time, endpoint))
    this.#last = { secret, scope, key }
    return key
  }
}
