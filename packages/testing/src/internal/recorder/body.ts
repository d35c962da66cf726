/** Bodies of a recording. */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Json from "./json.js"
import type { Body } from "./recording.js"

/** Characters of binary content that happens to be valid UTF-8. */
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const binary = /[\u0000-\u0008\u000e-\u001f]/

const textOf = (content: Uint8Array): string | undefined => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content)
    return binary.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Whether a media type is JSON (RFC 8259, RFC 6839 §3.1). */
const isJson = (contentType: string): boolean => /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType)

/** The stored form of a body, with its secrets. Undefined for an empty one. */
export const encode = (content: Uint8Array, contentType: string): Body | undefined => {
  if (content.length === 0) return undefined
  const text = textOf(content)
  if (text === undefined) return { base64: Encoding.encodeBase64(content) }
  const json = isJson(contentType) ? Json.parse(text) : undefined
  return json === undefined ? { text } : { json: json.value }
}

/** The bytes of a stored body. */
export const decode = (body: Body): Uint8Array => {
  if ("json" in body) return new TextEncoder().encode(JSON.stringify(body.json))
  if ("text" in body) return new TextEncoder().encode(body.text)
  // The parser accepts valid base64 only.
  return Either.getOrElse(Encoding.decodeBase64(body.base64), () => new Uint8Array())
}

/** The bytes as text, one character for each, to search them. */
export const toLatin1 = (content: Uint8Array): string => {
  let text = ""
  for (const byte of content) text += String.fromCharCode(byte)
  return text
}

/** The bytes of such a text. */
export const fromLatin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))

/**
 * A multipart body with a fixed boundary, because clients choose a random one for each request (RFC 2046 §5.1.1).
 */
export const withFixedBoundary = (content: Uint8Array, contentType: string): Uint8Array => {
  const boundary = /^multipart\/.*boundary="?([^";]+)/i.exec(contentType)?.[1]
  return boundary === undefined ? content : fromLatin1(toLatin1(content).replaceAll(boundary, "boundary"))
}
