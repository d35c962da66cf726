/** A body that is signed chunk by chunk while it is sent (`aws-chunked`). */
import { InvalidRequest } from "@countersign/client/Errors"
import * as RequestBody from "@countersign/client/RequestBody"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Stream from "effect/Stream"
import { bodyHash } from "../hash/sha256.js"
import type { SignChunk } from "./signing.js"

/** The size of each chunk but the last ones, in bytes. S3 accepts 8 KiB and more. */
const chunkSize = 64 * 1024

/** A body of known length that is streamed. */
export interface StreamedBody {
  readonly stream: Stream.Stream<Uint8Array, unknown>
  readonly length: number
  readonly isReplayable: boolean
}

const unknownLength = new InvalidRequest({
  reason: "Body",
  detail:
    'the length of the body stream is unknown, and `payload: "chunked"` sends it. Pass the length: `HttpBody.stream(stream, type, length)`.'
})

/** The length of the body, or that of the field if the caller sets it. */
const lengthOf = ({ contentLength }: HttpBody.Stream, field: string | undefined): number | undefined => {
  const length = String(contentLength ?? field)
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

/** The body of a request, if it is streamed. Undefined for bytes, texts and forms. */
export const streamedBodyOf = ({
  body,
  headers
}: HttpClientRequest.HttpClientRequest): Effect.Effect<StreamedBody | undefined, InvalidRequest> => {
  if (body._tag === "Raw" && body.body instanceof Blob) {
    const blob = body.body
    const stream = Stream.fromReadableStream({ evaluate: () => blob.stream(), onError: (cause) => cause })
    return Effect.succeed({ stream, length: blob.size, isReplayable: true })
  }
  if (body._tag !== "Stream") return Effect.succeed(undefined)
  const length = lengthOf(body, headers["content-length"])
  return length === undefined
    ? Effect.fail(unknownLength)
    : Effect.succeed({ stream: body.stream, length, isReplayable: RequestBody.isReplayable(body) })
}

/** The fields of a request with such a body. */
export const fieldsOf = (
  { length }: StreamedBody,
  contentEncoding: string | undefined
): Readonly<Record<string, string>> => ({
  "content-encoding": contentEncoding ? `aws-chunked,${contentEncoding}` : "aws-chunked",
  "x-amz-decoded-content-length": String(length)
})

const encoder = new TextEncoder()

/** A signature is as long as this one. */
const placeholder = "0".repeat(64)

/** A chunk as it is sent. The data is a view of it. */
interface Frame {
  readonly bytes: Uint8Array
  readonly data: Uint8Array
}

const makeFrame = (size: number): Frame => {
  const start = AwsSignature.chunkHeader(size, placeholder).length
  const bytes = new Uint8Array(start + size + 2)
  bytes.set(encoder.encode("\r\n"), start + size)
  return { bytes, data: bytes.subarray(start, start + size) }
}

const wrongLength = (length: number, comparison: "fewer" | "more"): InvalidRequest =>
  new InvalidRequest({
    reason: "Body",
    detail: `the body stream has ${comparison} than the ${length} bytes of its declared length. Check the length and the source.`
  })

/** The frames of one send. Each has the signature of the one before it. */
class Framing {
  readonly #length: number
  readonly #sign: SignChunk
  #previous: string
  #frame: Frame
  /** Bytes in the current frame. */
  #filled = 0
  /** Bytes of the body that were not received yet. */
  #missing: number

  constructor(length: number, sign: SignChunk, seed: string) {
    this.#length = length
    this.#sign = sign
    this.#previous = seed
    this.#missing = length
    this.#frame = makeFrame(Math.min(chunkSize, length))
  }

  /** Adds at most {@link chunkSize} bytes. Returns the frames that they complete. */
  readonly add = (piece: Uint8Array): Effect.Effect<ReadonlyArray<Uint8Array>, InvalidRequest> => {
    if (piece.length > this.#missing) return Effect.fail(wrongLength(this.#length, "more"))
    this.#missing -= piece.length
    const rest = piece.subarray(this.#copy(piece))
    if (this.#filled < this.#frame.data.length) return Effect.succeed([])
    const full = this.#frame
    this.#frame = makeFrame(Math.min(chunkSize, rest.length + this.#missing))
    this.#filled = 0
    this.#copy(rest)
    const isLast = this.#filled > 0 && this.#filled === this.#frame.data.length
    return Effect.forEach(isLast ? [full, this.#frame] : [full], this.#signed)
  }

  /** The chunk without data. */
  readonly end = Effect.suspend(() =>
    this.#missing > 0 ? Effect.fail(wrongLength(this.#length, "fewer")) : this.#signed(makeFrame(0))
  )

  /** Copies what the current frame has room for. Returns the number of bytes. */
  #copy(piece: Uint8Array): number {
    const copied = piece.subarray(0, this.#frame.data.length - this.#filled)
    this.#frame.data.set(copied, this.#filled)
    this.#filled += copied.length
    return copied.length
  }

  readonly #signed = ({ bytes, data }: Frame): Effect.Effect<Uint8Array> =>
    Effect.map(
      Effect.promise(() => bodyHash(data)),
      (hash) => {
        this.#previous = this.#sign(this.#previous, Encoding.encodeHex(hash))
        bytes.set(encoder.encode(AwsSignature.chunkHeader(data.length, this.#previous)))
        return bytes
      }
    )
}

/** Views of a piece, so that frames of a large one are made one after another. */
function* viewsOf(piece: Uint8Array): Generator<Uint8Array, void> {
  for (let start = 0; start < piece.length; start += chunkSize) yield piece.subarray(start, start + chunkSize)
}

const framed = ({ length, stream }: StreamedBody, sign: SignChunk, seed: string): Stream.Stream<Uint8Array, unknown> =>
  Stream.suspend(() => {
    const framing = new Framing(length, sign, seed)
    return stream.pipe(
      Stream.flatMap((piece) => Stream.fromIterable(viewsOf(piece))),
      Stream.mapEffect(framing.add),
      Stream.flatMap(Stream.fromIterable),
      Stream.concat(Stream.fromEffect(framing.end))
    )
  })

/**
 * The request with the framed body and its `content-length`, which is not signed, because `fetch` does not send it. Each send of
 * the body makes the same bytes.
 *
 * @param seed - the signature of the request.
 */
export const withChunkedBody = (
  request: HttpClientRequest.HttpClientRequest,
  body: StreamedBody,
  sign: SignChunk,
  seed: string
): HttpClientRequest.HttpClientRequest => {
  const sentLength = AwsSignature.chunkedLength(body.length, chunkSize)
  // The body must not set a content type that the signature does not cover.
  const contentType = request.headers["content-type"] ?? ""
  const made = HttpBody.stream(framed(body, sign, seed), contentType, sentLength)
  return HttpClientRequest.setBody(request, body.isReplayable ? RequestBody.markReplayable(made) : made)
}
