/** A secret that is nothing else in the world: wherever it is found, in whatever coat, it was taken there. */
import type { PCGRandom } from "effect/Utils"
import { Buffer } from "node:buffer"

/** A secret, and how it looks in a text, in lower case or in base64. */
export interface Canary {
  readonly value: string
  readonly folded: ReadonlyArray<string>
  readonly exact: ReadonlyArray<string>
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

const bytesOf = (text: string): ReadonlyArray<string> =>
  [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, "0"))

/**
 * What base64 makes of a text that stands within another one, as a password after its user name does: which characters are
 * its own depends on how many bytes stand before it, by threes.
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

/** Makes a canary of 24 letters and digits, which no encoding of URLs or forms changes and which is a token of a header. */
export const make = (random: PCGRandom): Canary =>
  of(Array.from({ length: 24 }, () => letters.charAt(random.integer(letters.length))).join(""))

/** Makes a canary that is the id of a trace: 32 digits of hexadecimal. */
export const makeTrace = (random: PCGRandom): Canary =>
  of(`1${Array.from({ length: 31 }, () => random.integer(16).toString(16)).join("")}`)

/** A text to be searched, in both ways of looking at it. */
export interface Haystack {
  readonly text: string
  readonly lower: string
}

/** Prepares a text to be searched for many canaries. */
export const haystack = (text: string): Haystack => ({
  // The alphabet for URLs differs in two characters.
  text: text.replaceAll("-", "+").replaceAll("_", "/"),
  lower: text.toLowerCase()
})

/** Whether a text holds it: as it is or in another letter case, percent-encoded, in hexadecimal, reversed, in base64. */
export const isIn = ({ exact, folded }: Canary, { lower, text }: Haystack): boolean =>
  folded.some((needle) => lower.includes(needle)) || exact.some((needle) => text.includes(needle))
