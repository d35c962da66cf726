import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import type { KeyObject } from "node:crypto"
import { createSecretKey, hkdfSync, randomBytes, scrypt } from "node:crypto"

/** Length of a key in bytes: AES-256. */
export const keyBytes = 32

/** Length of a salt in bytes: at least 16 by NIST SP 800-132 §5.1. */
export const saltBytes = 16

/** OWASP's recommended parameters for scrypt. They need 128 MiB, and Node's default limit is 32 MiB. */
const scryptCost = { N: 2 ** 17, r: 8, p: 1, maxmem: 192 * 1024 * 1024 }

const insufficientMemory = () =>
  new TokenStoreError({
    reason: "ReadFailed",
    detail:
      "cannot derive a key from the passphrase: scrypt needs 128 MiB of memory. Provide the memory, or use another kind of key."
  })

/** Derives a key from a passphrase. It runs in the thread pool, because it takes about half a second. */
export const deriveFromPassphrase = (
  passphrase: string,
  salt: Uint8Array,
  maxmem = scryptCost.maxmem
): Effect.Effect<Uint8Array, TokenStoreError> =>
  Effect.tryPromise({
    try: () =>
      new Promise<Uint8Array>((resume, reject) => {
        // Normalization makes the same passphrase from different keyboards equal.
        scrypt(passphrase.normalize("NFKC"), salt, keyBytes, { ...scryptCost, maxmem }, (error, key) =>
          error === null ? resume(key) : reject(error)
        )
      }),
    catch: insufficientMemory
  })

const derive = (bytes: Uint8Array, purpose: string, length: number): Buffer =>
  Buffer.from(hkdfSync("sha256", bytes, "", `countersign ${purpose} v1`, length))

/** Derives the cipher key, and an id that reveals nothing about it. */
export const deriveKeyAndId = (bytes: Uint8Array): { readonly id: string; readonly cipherKey: KeyObject } => ({
  id: derive(bytes, "key id", 8).toString("hex"),
  cipherKey: createSecretKey(derive(bytes, "seal", keyBytes))
})

/** Random bytes for a new key. */
export const randomKey: Effect.Effect<Buffer> = Effect.sync(() => randomBytes(keyBytes))

/** Decodes canonical base64 of exactly `length` bytes. Undefined for any other text. */
export const fromBase64 = (text: string, length: number): Buffer | undefined => {
  if (text.length !== Math.ceil(length / 3) * 4) return undefined
  const bytes = Buffer.from(text, "base64")
  return bytes.length === length && bytes.toString("base64") === text ? bytes : undefined
}
