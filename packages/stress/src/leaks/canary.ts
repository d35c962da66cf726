/** A secret that occurs nowhere else, so that it is recognized in any encoding. */
import type { PCGRandom } from "effect/Utils"
import { Buffer } from "node:buffer"

/** A secret, and its forms in a text: those without letter case, and those in base64. */
export interface Canary {
  readonly value: string
  readonly folded: ReadonlyArray<string>
  readonly exact: ReadonlyArray<string>
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

const bytesOf = (text: string): ReadonlyArray<string> =>
  [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, "0"))

/**
 * Base64 of a text inside another text, such as a password after its user name. The characters that depend on the text alone
 * differ with the number of preceding bytes modulo 3.
 */
const withinBase64 = (text: string, before: number): string => {
  const encoded = Buffer.from("\0".repeat(before) + text).toString("base64")
  return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + text.length) * 8) / 6))
}

const of = (value: string): Canary => {
  const hex = bytesOf(value)
  const reversed = [...value].reverse().join("")
  return {
    value,
    folded: [value, reversed, hex.join(""), hex.map((byte) => `%${byte}`).join("")].map((text) => text.toLowerCase()),
    exact: [0, 1, 2].map((before) => withinBase64(value, before))
  }
}

/** Makes a canary of 24 letters and digits. It is valid in URLs, forms and header fields without encoding. */
export const make = (random: PCGRandom): Canary =>
  of(Array.from({ length: 24 }, () => letters.charAt(random.integer(letters.length))).join(""))

/** Makes a canary that is a trace id: 32 hexadecimal digits. */
export const makeTrace = (random: PCGRandom): Canary =>
  of(`1${Array.from({ length: 31 }, () => random.integer(16).toString(16)).join("")}`)

/** A text to be searched, as it is and in lower case. */
export interface Haystack {
  readonly text: string
  readonly lower: string
}

/** Prepares a text for a search of many canaries. */
export const haystack = (text: string): Haystack => ({
  // The base64 alphabet for URLs differs in two characters.
  text: text.replaceAll("-", "+").replaceAll("_", "/"),
  lower: text.toLowerCase()
})

/** Whether a text contains the canary: in any letter case, percent-encoded, in hexadecimal, reversed, or in base64. */
export const isIn = ({ exact, folded }: Canary, { lower, text }: Haystack): boolean =>
  folded.some((needle) => lower.includes(needle)) || exact.some((needle) => text.includes(needle))
