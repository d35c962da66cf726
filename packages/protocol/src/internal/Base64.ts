import { isAlpha, isDigit, skip } from "./Char.js"

/**
 * Encodes bytes as base64 with padding (RFC 4648 §4).
 *
 * @internal
 */
export const encode = (bytes: Uint8Array): string => {
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/**
 * Decodes base64 of the standard alphabet. Padding is optional. If present, it completes the last group of four characters.
 * Bits that belong to no byte are ignored. Undefined for any other text.
 *
 * @internal
 */
export const decode = (text: string): Uint8Array | undefined => {
  // `atob` would ignore whitespace.
  if (skip(text, 0, isBase64Char) !== text.length) return undefined
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

const isBase64Char = (code: number): boolean =>
  isAlpha(code) || isDigit(code) || code === 0x2b || code === 0x2f || code === 0x3d
