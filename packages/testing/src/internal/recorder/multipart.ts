/** Multipart bodies (RFC 2046 §5.1), as a text with one character for each byte. */

/** A part of a multipart body. */
export interface Part {
  readonly name: string
  readonly contentType: string
  readonly content: string
}

/** The fields of a part are short. A longer head is searched in its first characters only. */
const maxHead = 8192

const disposition = /^content-disposition:[^\r\n]*?[;\s]name\*?\s*=\s*(?:"((?:[^"\\\r\n]|\\.)*)"|([^;\s]*))/im

/** The boundary of a body, or undefined if it has no parts. The recorder replaces the one of a request by `boundary`. */
export const boundaryOf = (contentType: string, content: string): string | undefined => {
  const declared = /^multipart\/.*boundary="?([^";]+)/i.exec(contentType)?.[1]?.trim()
  if (declared !== undefined && content.includes(`--${declared}`)) return declared
  return /^\s{0,10}--([^\r\n]{1,70})\r?\n(?:content-|\r?\n)/i.exec(content)?.[1]?.trim()
}

const mapPart = (part: string, map: (part: Part) => string): string => {
  const separator = /\r?\n\r?\n/.exec(part)
  if (separator === null) return part
  const start = separator.index + separator[0].length
  const head = part.slice(0, Math.min(separator.index, maxHead))
  const [, quoted, token] = disposition.exec(head) ?? []
  const contentType = /^content-type:[ \t]*([^\r\n]*)/im.exec(head)?.[1] ?? ""
  const end = part.endsWith("\r") ? Math.max(start, part.length - 1) : part.length
  const content = map({ name: quoted ?? token ?? "", contentType, content: part.slice(start, end) })
  return part.slice(0, start) + content + part.slice(end)
}

/** The same body with other contents of its parts. A delimiter is at the start of a line. */
export const mapParts = (content: string, boundary: string, map: (part: Part) => string): string => {
  const delimiter = `\n--${boundary}`
  return `\n${content}`
    .split(delimiter)
    .map((part) => mapPart(part, map))
    .join(delimiter)
    .slice(1)
}
