import { Blob } from "node:buffer"
import { Readable } from "node:stream"
import type { Dispatcher } from "undici"
import { FormData, errors } from "undici/index.js"
import { encodeMultipart } from "./multipart.js"

/** A body to send, its length if known, and its media type if it determines one. */
export interface BodySource {
  readonly source: Buffer | Readable
  readonly length: number | undefined
  readonly type?: string | undefined
}

const empty: BodySource = { source: Buffer.alloc(0), length: 0 }

const fromBuffer = (source: Buffer): BodySource => ({ source, length: source.length })

const toBuffer = ({ buffer, byteLength, byteOffset }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

async function* joinParts(parts: ReadonlyArray<Buffer | Blob>): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Blob) yield* part.stream()
    else yield part
  }
}

const fromForm = (form: FormData): BodySource => {
  const { length, parts, type } = encodeMultipart(form)
  return { source: Readable.from(joinParts(parts)), length, type }
}

const isIterable = (body: object): body is Iterable<unknown> | AsyncIterable<unknown> =>
  Symbol.iterator in body || Symbol.asyncIterator in body

/**
 * Converts a body of undici's dispatcher.
 *
 * @throws undici's error for an unsupported body.
 */
export const makeBodySource = (body: Dispatcher.DispatchOptions["body"]): BodySource => {
  // A caller without types may pass any value.
  const value: unknown = body
  if (value === null || value === undefined) return empty
  if (typeof value === "string") return fromBuffer(Buffer.from(value))
  if (ArrayBuffer.isView(value)) return fromBuffer(toBuffer(value))
  if (value instanceof ArrayBuffer) return fromBuffer(Buffer.from(value))
  if (value instanceof Readable) return { source: value, length: undefined }
  if (value instanceof FormData) return fromForm(value)
  if (value instanceof Blob) {
    return { source: Readable.from(joinParts([value])), length: value.size, type: value.type || undefined }
  }
  if (typeof value === "object" && isIterable(value)) return { source: Readable.from(value), length: undefined }
  throw new errors.InvalidArgumentError(
    "body must be a string, a Buffer, a Readable stream, an iterable, or an async iterable"
  )
}
