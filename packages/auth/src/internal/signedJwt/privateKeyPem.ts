/** Private keys in PEM (RFC 7468). */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import { requireWebCrypto } from "../hash/webCrypto.js"

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Credentials", detail })

/** Length octets of DER (X.690 §8.1.3). */
const lengthOf = (length: number): ReadonlyArray<number> => {
  if (length < 0x80) return [length]
  const octets: Array<number> = []
  for (let rest = length; rest > 0; rest >>= 8) octets.unshift(rest & 0xff)
  return [0x80 | octets.length, ...octets]
}

const encoded = (tag: number, content: Uint8Array): Uint8Array => {
  const head = [tag, ...lengthOf(content.length)]
  const bytes = new Uint8Array(head.length + content.length)
  bytes.set(head)
  bytes.set(content, head.length)
  return bytes
}

/** Version 0, and the algorithm `rsaEncryption` (1.2.840.113549.1.1.1) with the parameter NULL. */
const rsaHead = [0x02, 1, 0, 0x30, 13, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0]

/** A PKCS#1 key as a PKCS#8 key (RFC 5958 §2), which WebCrypto imports. */
const toPkcs8 = (pkcs1: Uint8Array): string => {
  const key = encoded(0x04, pkcs1)
  const content = new Uint8Array(rsaHead.length + key.length)
  content.set(rsaHead)
  content.set(key, rsaHead.length)
  return `-----BEGIN PRIVATE KEY-----\n${Encoding.encodeBase64(encoded(0x30, content))}\n-----END PRIVATE KEY-----`
}

const bodyOf = (pem: string, label: string): string | undefined => {
  const begin = `-----BEGIN ${label}-----`
  const start = pem.indexOf(begin)
  const end = pem.indexOf(`-----END ${label}-----`, start)
  return start === -1 || end === -1 ? undefined : pem.slice(start + begin.length, end).replace(/\s+/g, "")
}

/** The key as PKCS#8 in PEM. Undefined if the text has no private key in a known format. */
const pkcs8Of = (pem: string): string | undefined => {
  if (bodyOf(pem, "PRIVATE KEY") !== undefined) return pem
  const pkcs1 = bodyOf(pem, "RSA PRIVATE KEY")
  return pkcs1 === undefined ? undefined : Either.getOrUndefined(Either.map(Encoding.decodeBase64(pkcs1), toPkcs8))
}

/** Imports a private key. See `SignedJwt.importKey`. */
export const importKey = (
  pem: Redacted.Redacted<string>,
  algorithm: string
): Effect.Effect<jose.CryptoKey, InvalidRequest> =>
  Effect.zipRight(
    requireWebCrypto,
    Effect.suspend(() => {
      const pkcs8 = pkcs8Of(Redacted.value(pem))
      if (pkcs8 === undefined) {
        return Effect.fail(
          invalid("the private key is not PEM. Use a text that begins with `-----BEGIN PRIVATE KEY-----`.")
        )
      }
      return Effect.tryPromise({
        try: () => jose.importPKCS8(pkcs8, algorithm),
        catch: () => invalid(`the private key cannot be imported for ${algorithm}. Check the file and the algorithm.`)
      })
    })
  )
