/** The hash functions of Digest over byte strings, and over bodies. */
import { md5 } from "@noble/hashes/legacy.js"
import { sha256, sha512_256 } from "@noble/hashes/sha2.js"
import type { Hash } from "@countersign/protocol/DigestChallenge"
import type { HashFunction } from "@countersign/protocol/DigestCredentials"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import { stepBytes, updateInSteps } from "../hash/steps.js"

const functions = { MD5: md5, "SHA-256": sha256, "SHA-512-256": sha512_256 } as const

const bytesOf = (byteString: string): Uint8Array => Uint8Array.from(byteString, (byte) => byte.charCodeAt(0))

/** The function that hashes a byte string. */
export const hashFunction =
  (hash: Hash): HashFunction =>
  (byteString) =>
    Encoding.encodeHex(functions[hash](bytesOf(byteString)))

/** Hash of a body in hexadecimal. Undefined if it is too large to be computed at once. */
export const hashAtOnce = (hash: Hash, body: Uint8Array): string | undefined =>
  body.length <= stepBytes ? Encoding.encodeHex(functions[hash](body)) : undefined

/** Hash of a body in hexadecimal, computed in steps. */
export const hashInSteps = (hash: Hash, body: Uint8Array): Effect.Effect<string> =>
  Effect.suspend(() => {
    const state = functions[hash].create()
    return Effect.map(updateInSteps(state, body), () => Encoding.encodeHex(state.digest()))
  })
