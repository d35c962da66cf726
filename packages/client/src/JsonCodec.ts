/**
 * JSON codecs: how a client parses and writes JSON ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)).
 *
 * @since 0.1.0
 */
import { randomUuid } from "./internal/random/uuid.js"

/**
 * Parses and writes JSON. Both functions may throw, which the client reports as invalid JSON.
 *
 * @since 0.1.0
 * @category models
 */
export interface JsonCodec {
  /** Parses the text of a response. */
  readonly parse: (text: string) => unknown
  /** Writes the value of a request. */
  readonly stringify: (value: unknown) => string
}

/** An integer that a number may not represent exactly: 2^53 has 16 digits. */
const longInteger = /\d{16}/

/** Texts and numbers of JSON. A number inside of a text is part of the text. */
const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

const isUnsafeInteger = (text: string): boolean => /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text))

/** A prefix that no text of the value has, because it is random. */
const makeMark = (): string => `${randomUuid()}:`

const parseBigInt = (text: string): unknown => {
  // Rejects what is not JSON, which the replacement below may hide.
  const parsed: unknown = JSON.parse(text)
  if (!longInteger.test(text)) return parsed
  const mark = makeMark()
  const marked = text.replace(token, (one) => (isUnsafeInteger(one) ? `"${mark}${one}"` : one))
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value
  )
}

const stringifyBigInt = (value: unknown): string => {
  const mark = makeMark()
  let hasBigInt = false
  const text = JSON.stringify(value, (_, one: unknown) => {
    if (typeof one !== "bigint") return one
    hasBigInt = true
    return `${mark}${one}`
  })
  return hasBigInt ? text.replace(new RegExp(`"${mark}(-?\\d+)"`, "g"), "$1") : text
}

/**
 * The codec that keeps integers beyond 2^53: it parses them as `bigint`, and writes a `bigint` as a number. All other values are
 * those of `JSON`.
 *
 * Decode such a value with `Schema.BigIntFromSelf`.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as JsonCodec from "@countersign/client/JsonCodec"
 *
 * const client = ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none, json: JsonCodec.bigInt })
 *
 * @since 0.1.0
 * @category codecs
 */
export const bigInt: JsonCodec = { parse: parseBigInt, stringify: stringifyBigInt }
