import { Blob } from "node:buffer"
import { Readable } from "node:stream"
import type { Dispatcher } from "undici"
import { FormData, errors } from "undici"
import { encodeMultipart } from "./multipart.js"

/** A body that can be sent, its length where that is known, and the type that it brings with it. */
export interface BodySource {
  readonly source: Buffer | Readable
  readonly length: number | undefined
  readonly type?: string | undefined
}

const empty: BodySource = { source: Buffer.alloc(0), length: 0 }

const whole = (source: Buffer): BodySource => ({ source, length: source.length })

const viewOf = ({ buffer, byteLength, byteOffset }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

async function* joined(parts: ReadonlyArray<Buffer | Blob>): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Blob) yield* part.stream()
    else yield part
  }
}

const formBody = (form: FormData): BodySource => {
  const { length, parts, type } = encodeMultipart(form)
  return { source: Readable.from(joined(parts)), length, type }
}

const isIterable = (body: object): body is Iterable<unknown> | AsyncIterable<unknown> =>
  Symbol.iterator in body || Symbol.asyncIterator in body

/**
 * What can be sent of a body of undici's dispatcher.
 *
 * @throws undici's error for a body of another kind.
 */
export const bodySource = (body: Dispatcher.DispatchOptions["body"]): BodySource => {
  // A caller without types may give anything as a raw body.
  const given: unknown = body
  if (given === null || given === undefined) return empty
  if (typeof given === "string") return whole(Buffer.from(given))
  if (ArrayBuffer.isView(given)) return whole(viewOf(given))
  if (given instanceof ArrayBuffer) return whole(Buffer.from(given))
  if (given instanceof Readable) return { source: given, length: undefined }
  if (given instanceof FormData) return formBody(given)
  if (given instanceof Blob) {
    return { source: Readable.from(joined([given])), length: given.size, type: given.type || undefined }
  }
  if (typeof given === "object" && isIterable(given)) return { source: Readable.from(given), length: undefined }
  throw new errors.InvalidArgumentError(
    "body must be a string, a Buffer, a Readable stream, an iterable, or an async iterable"
  )
}
