import { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import type { KeyObject } from "node:crypto"
import { createSecretKey, hkdfSync, randomBytes, scrypt } from "node:crypto"

/** Bytes of a key, and of what is sealed with it: AES-256. */
export const keyBytes = 32

/** Bytes of a salt: NIST SP 800-132 §5.1 asks for 16 at least. */
export const saltBytes = 16

/** OWASP's first choice for scrypt, which needs 128 MiB; Node refuses more than 32 unless it is told. */
const scryptCost = { N: 2 ** 17, r: 8, p: 1, maxmem: 192 * 1024 * 1024 }

const insufficientMemory = () =>
  new TokenStoreError({
    reason: "ReadFailed",
    detail:
      "no key could be made of the passphrase: scrypt takes 128 MiB of memory; give it that, or another kind of key"
  })

/** Bytes of a key from what a person remembers; in the thread pool, since it takes a good part of a second. */
export const deriveFromPassphrase = (
  passphrase: string,
  salt: Uint8Array,
  maxmem = scryptCost.maxmem
): Effect.Effect<Uint8Array, TokenStoreError> =>
  Effect.tryPromise({
    try: () =>
      new Promise<Uint8Array>((resume, reject) => {
        // What looks the same is the same, whichever keyboard it came from.
        scrypt(passphrase.normalize("NFKC"), salt, keyBytes, { ...scryptCost, maxmem }, (error, key) =>
          error === null ? resume(key) : reject(error)
        )
      }),
    catch: insufficientMemory
  })

const derive = (bytes: Uint8Array, purpose: string, length: number): Buffer =>
  Buffer.from(hkdfSync("sha256", bytes, "", `countersign ${purpose} v1`, length))

/** What is made of a key: the one that seals, and a name that tells nothing about it. */
export const deriveKeyAndId = (bytes: Uint8Array): { readonly id: string; readonly cipherKey: KeyObject } => ({
  id: derive(bytes, "key id", 8).toString("hex"),
  cipherKey: createSecretKey(derive(bytes, "seal", keyBytes))
})

/** New bytes for a key. */
export const randomKey: Effect.Effect<Buffer> = Effect.sync(() => randomBytes(keyBytes))

/** The bytes of a text in base64 that has exactly this many, written in the one way that there is. */
export const fromBase64 = (text: string, length: number): Buffer | undefined => {
  if (text.length !== Math.ceil(length / 3) * 4) return undefined
  const bytes = Buffer.from(text, "base64")
  return bytes.length === length && bytes.toString("base64") === text ? bytes : undefined
}
