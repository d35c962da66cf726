/** Verifies the digest of a partial file before it gets its name. */
import type { Digest } from "@countersign/protocol/ReprDigest"
import * as ReprDigest from "@countersign/protocol/ReprDigest"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { tryFileSystem } from "../filesystem/systemError.js"
import { DownloadError, fileSystemError } from "./downloadError.js"
import type { PartialFile } from "./partialFile.js"

/** Bytes that are read and hashed at once. */
const blockSize = 1024 * 1024

const lengths: Readonly<Record<Digest["algorithm"], number>> = { sha256: 64, sha512: 128, md5: 32 }

/** Whether a digest of a caller has the digits of its algorithm. */
export const isValid = (digest: Digest): boolean =>
  Object.hasOwn(lengths, digest.algorithm) &&
  typeof digest.hex === "string" &&
  digest.hex.length === lengths[digest.algorithm] &&
  /^[0-9a-f]*$/i.test(digest.hex)

/** The digest of the whole file that a response names. A decoded body has no length, and another digest. */
export const digestOf = (headers: Readonly<Record<string, string | undefined>>): Digest | undefined => {
  if (headers["content-length"] === undefined || headers["content-encoding"] !== undefined) return undefined
  return ReprDigest.parse(headers["repr-digest"] ?? "") ?? ReprDigest.parseContentMd5(headers["content-md5"] ?? "")
}

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

/** Fails with `DigestMismatch`, and removes the partial file, if its bytes have another digest. */
export const verify = (file: PartialFile, digest: Digest): Effect.Effect<void, DownloadError> =>
  Effect.gen(function* () {
    const { part, path } = file.paths
    const actual = yield* Effect.mapError(
      tryFileSystem(() => hashFile(file.handle, digest.algorithm, file.position)),
      fileSystemError(path, "read", part)
    )
    if (actual === digest.hex.toLowerCase()) return
    yield* file.remove
    return yield* new DownloadError({
      reason: "DigestMismatch",
      path,
      detail:
        `its ${digest.algorithm} is ${actual}, expected ${digest.hex.toLowerCase()}. The partial file was removed. ` +
        "Download it again, and check the expected digest."
    })
  })
