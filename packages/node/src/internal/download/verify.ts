/** Verifies the digest of a partial file before it gets its name. */
import type { Digest } from "@countersign/protocol/ReprDigest"
import * as ReprDigest from "@countersign/protocol/ReprDigest"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { tryFileSystem } from "../filesystem/systemError.js"
import { DownloadError, fileSystemError } from "./downloadError.js"
import type { PartialFile } from "./partialFile.js"
import type { Head } from "./responseDecision.js"
import { isEncoded } from "./responseDecision.js"

/** Bytes that are read and hashed at once. */
const blockSize = 1024 * 1024

const lengths: Readonly<Record<Digest["algorithm"], number>> = { sha256: 64, sha512: 128, md5: 32 }

/** Whether a digest of a caller has the digits of its algorithm. */
export const isValid = (digest: Digest): boolean =>
  Object.hasOwn(lengths, digest.algorithm) &&
  typeof digest.hex === "string" &&
  digest.hex.length === lengths[digest.algorithm] &&
  /^[0-9a-f]*$/i.test(digest.hex)

/** The digest of the whole file that a response names. That of an encoded body is another one. */
export const digestOf = (head: Pick<Head, "headers">): Digest | undefined =>
  isEncoded(head)
    ? undefined
    : (ReprDigest.parse(head.headers["repr-digest"] ?? "") ??
      ReprDigest.parseContentMd5(head.headers["content-md5"] ?? ""))

const hashFile = async (handle: FileHandle, algorithm: Digest["algorithm"], length: number): Promise<string> => {
  const hash = createHash(algorithm)
  const buffer = Buffer.allocUnsafe(Math.min(blockSize, length))
  for (let position = 0; position < length;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - position), position)
    if (bytesRead === 0) break
    hash.update(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
  return hash.digest("hex")
}

const actualDigest = ({ handle, paths, position }: PartialFile, algorithm: Digest["algorithm"]) =>
  Effect.mapError(
    tryFileSystem(() => hashFile(handle, algorithm, position)),
    fileSystemError(paths.path, "read", paths.part)
  )

const mismatch = ({ paths }: PartialFile, { algorithm, hex }: Digest, actual: string): DownloadError =>
  new DownloadError({
    reason: "DigestMismatch",
    path: paths.path,
    detail:
      `its ${algorithm} is ${actual}, expected ${hex.toLowerCase()}. The partial file was removed. ` +
      "Download it again, and check the expected digest."
  })

/**
 * Fails with `DigestMismatch`, and removes the partial file, if its bytes have another digest. Returns the digest that they
 * have.
 *
 * @param doubted - for a digest that may be of other bytes: the digest to use if it does not match, or undefined for none.
 */
export const verify = (
  file: PartialFile,
  digest: Digest,
  doubted?: Effect.Effect<Digest | undefined>
): Effect.Effect<Digest | undefined, DownloadError> =>
  Effect.gen(function* () {
    const actual = yield* actualDigest(file, digest.algorithm)
    if (actual === digest.hex.toLowerCase()) return digest
    if (doubted === undefined) return yield* Effect.zipRight(file.remove, mismatch(file, digest, actual))
    const certain = yield* doubted
    return certain === undefined ? undefined : yield* verify(file, certain)
  })
