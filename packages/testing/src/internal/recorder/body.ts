/** Bodies of a recording. */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Json from "./json.js"
import type { Body } from "./recording.js"

/** Characters of binary content that happens to be valid UTF-8. */
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const binary = /[\u0000-\u0008\u000e-\u001f]/

/** The text of a content. Undefined for binary content. */
export const textOf = (content: Uint8Array): string | undefined => {
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

/** A body with other bytes, which are a text with one character for each. */
export const mapBytes = (body: Body, map: (bytes: string) => string): Body => {
  const content = fromLatin1(map(toLatin1(decode(body))))
  const text = "text" in body ? textOf(content) : undefined
  return text === undefined ? { base64: Encoding.encodeBase64(content) } : { text }
}

const isUtf16 = (bytes: string): boolean => bytes.startsWith("\xff\xfe") || bytes.startsWith("\xfe\xff")

/** The two bytes of each character in the other order. */
const swapped = (bytes: string): string => bytes.replace(/([^])([^])/g, "$2$1")

const utf16Units = (bytes: string): string => {
  const units: Array<string> = []
  for (let at = 0; at < bytes.length; at += 2)
    units.push(String.fromCharCode(bytes.charCodeAt(at) + 256 * bytes.charCodeAt(at + 1)))
  return units.join("")
}

const utf16Bytes = (units: string): string => {
  const bytes: Array<string> = []
  for (let at = 0; at < units.length; at++) {
    const unit = units.charCodeAt(at)
    bytes.push(String.fromCharCode(unit % 256, unit >> 8))
  }
  return bytes.join("")
}

/** A body with other characters: those of UTF-16 with a byte order mark, or one for each byte. */
export const mapCharacters = (body: Body, map: (text: string) => string): Body =>
  mapBytes(body, (bytes) => {
    if (!isUtf16(bytes) || bytes.length % 2 === 1) return map(bytes)
    const isBigEndian = bytes.startsWith("\xfe")
    const shown = utf16Bytes(map(utf16Units(isBigEndian ? swapped(bytes) : bytes)))
    return isBigEndian ? swapped(shown) : shown
  })
