/**
 * Bodies that are signed chunk by chunk (`aws-chunked`).
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */

/**
 * The payload hash of a request with a body that is signed chunk by chunk. S3 accepts it.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 * @since 0.1.0
 * @category constants
 */
export const chunkedPayload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

/** SHA-256 of no bytes: the fields of a chunk, which has none. */
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/**
 * What the signature of a chunk covers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Chunk {
  /** The time of the request, in the format of `formatTime`. */
  readonly time: string
  /** The credential scope of the request. */
  readonly scope: string
  /** The signature of the chunk before it. For the first chunk, that of the request. */
  readonly previous: string
  /** SHA-256 of the data of the chunk, in lower-case hexadecimal. */
  readonly hash: string
}

/**
 * Makes the string to sign of a chunk.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html#sigv4-chunked-body-definition
 * @since 0.1.0
 * @category encoding
 */
export const chunkStringToSign = ({ hash, previous, scope, time }: Chunk): string =>
  ["AWS4-HMAC-SHA256-PAYLOAD", time, scope, previous, emptyHash, hash].join("\n")

/**
 * The line before the data of a chunk. The data is followed by a line break.
 *
 * @param size the number of bytes of the data. The last chunk has none.
 * @param signature the signature of the chunk, in lower-case hexadecimal
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html#sigv4-chunked-body-definition
 * @since 0.1.0
 * @category encoding
 */
export const chunkHeader = (size: number, signature: string): string =>
  `${size.toString(16)};chunk-signature=${signature}\r\n`

/** The number of bytes of a chunk with its header and line break. */
const sentLength = (size: number): number => chunkHeader(size, emptyHash).length + size + 2

/**
 * The length of the body as it is sent, in bytes: the chunks with their headers, and the last chunk without data.
 *
 * @param length the length of the data in bytes
 * @param chunkSize the size of each chunk but the last ones, in bytes
 * @since 0.1.0
 * @category encoding
 */
export const chunkedLength = (length: number, chunkSize: number): number => {
  const rest = length % chunkSize
  const full = (length - rest) / chunkSize
  return full * sentLength(chunkSize) + (rest === 0 ? 0 : sentLength(rest)) + sentLength(0)
}
