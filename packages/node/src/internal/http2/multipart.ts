import type { File } from "node:buffer"
import { Blob } from "node:buffer"
import { randomUUID } from "node:crypto"

/** A form encoded as `multipart/form-data`: its parts in order, their length, and the media type with the boundary. */
export interface Multipart {
  readonly parts: ReadonlyArray<Buffer | Blob>
  readonly length: number
  readonly type: string
}

const normalizeLineBreaks = (text: string): string => text.replace(/\r?\n|\r/g, "\r\n")

/** Escapes a name inside quotes as browsers do: HTML, "multipart/form-data encoding algorithm". */
const escapeName = (name: string): string => name.replace(/\n/g, "%0A").replace(/\r/g, "%0D").replace(/"/g, "%22")

const sizeOf = (part: Buffer | Blob): number => (part instanceof Blob ? part.size : part.length)

/** Encodes a form. Specification: RFC 7578. */
export const encodeMultipart = (entries: Iterable<readonly [string, string | File]>): Multipart => {
  const boundary = `----countersign-${randomUUID()}`
  const parts: Array<Buffer | Blob> = []
  const add = (text: string): void => void parts.push(Buffer.from(text))
  for (const [name, value] of entries) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(normalizeLineBreaks(name))}"`
    if (typeof value === "string") {
      add(`${head}\r\n\r\n${normalizeLineBreaks(value)}\r\n`)
      continue
    }
    const type = value.type || "application/octet-stream"
    add(`${head}; filename="${escapeName(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`)
    parts.push(value)
    add("\r\n")
  }
  add(`--${boundary}--\r\n`)
  const length = parts.reduce((total, part) => total + sizeOf(part), 0)
  return { parts, length, type: `multipart/form-data; boundary=${boundary}` }
}
