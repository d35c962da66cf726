import * as RequestTarget from "../RequestTarget.js"
import type { Result } from "../Result.js"
import { err, ok } from "../Result.js"
import { isAlpha, isDigit, isPrintable, skip, trimBlanks } from "./Char.js"
import type { Fields, Request, Response } from "./SignatureModel.js"
import type { BaseReason } from "./SignatureReason.js"
import type { Dictionary } from "./StructuredModel.js"
import { parseDictionary } from "./StructuredParser.js"

/**
 * A message from which component values are taken. What several components share is computed once, so that the work is
 * linear in the message and the number of components.
 *
 * @internal
 */
export interface Source {
  readonly message: Request | Response
  /** The Dictionary of a field. Undefined if the field is missing. */
  readonly dictionary: (name: string, inTrailers: boolean) => Result<Dictionary, BaseReason>
  /** Origin, path, and query with its `?`. */
  readonly url: () => Result<Url, BaseReason>
  /** The value of the only query parameter with an encoded name, encoded. */
  readonly queryParameter: (name: string) => Result<string, BaseReason>
}

interface Url {
  readonly origin: string
  readonly path: string
  readonly query: string
}

/** @internal */
export const make = (message: Request | Response): Source => {
  const dictionaries = new Map<string, Result<Dictionary, BaseReason>>()
  const url = once(() => urlOf(message))
  const parameters = once(() => {
    const parsed = url()
    return parsed._tag === "Ok" ? ok(queryParameters(parsed.value.query)) : parsed
  })
  return {
    message,
    url,
    dictionary: (name, inTrailers) => {
      const key = `${name} ${inTrailers}`
      const known = dictionaries.get(key)
      if (known !== undefined) return known
      const lines = linesOf(message, name, inTrailers)
      const parsed = lines._tag === "Ok" ? structured(parseDictionary(lines.value.join(", "))) : lines
      dictionaries.set(key, parsed)
      return parsed
    },
    queryParameter: (name) => {
      const all = parameters()
      if (all._tag === "Err") return all
      const values = all.value.get(name) ?? []
      if (values[0] === undefined) return err("MissingQueryParameter")
      return values.length === 1 ? ok(values[0]) : err("RepeatedQueryParameter")
    }
  }
}

/**
 * A parsed structured field, or the reason of the parser as one reason.
 *
 * @internal
 */
export const structured = <A extends object>(parsed: A | string): Result<A, "MalformedField"> =>
  typeof parsed === "string" ? err("MalformedField") : ok(parsed)

/**
 * The lines of a field without whitespace at the ends, and with a single space for each obsolete line folding
 * (RFC 9421 §2.1).
 *
 * @internal
 */
export const linesOf = (
  message: Request | Response,
  name: string,
  inTrailers: boolean
): Result<ReadonlyArray<string>, BaseReason> => {
  const fields: Fields = (inTrailers ? message.trailers : message.headers) ?? {}
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  const lines = typeof value === "string" ? [value] : (value ?? [])
  if (lines.length === 0) return err("MissingField")
  const unfolded: Array<string> = []
  for (const line of lines) {
    const text = unfold(line)
    if (text === undefined) return err("NewlineInValue")
    unfolded.push(text)
  }
  return ok(unfolded)
}

/** Undefined if a line break is no folding (RFC 9112 §5.2), because no whitespace follows it. */
const unfold = (line: string): string | undefined => {
  if (!line.includes("\n") && !line.includes("\r")) return trimBlanks(line)
  const parts = line.split("\n")
  const isFolded = parts.every((part, index) => index === 0 || part.startsWith(" ") || part.startsWith("\t"))
  const texts = parts.map((part, index) => trimBlanks(index < parts.length - 1 ? withoutReturn(part) : part))
  return isFolded && texts.every((text) => !text.includes("\r")) ? trimBlanks(texts.join(" ")) : undefined
}

const withoutReturn = (part: string): string => (part.endsWith("\r") ? part.slice(0, -1) : part)

const urlOf = (message: Request | Response): Result<Url, BaseReason> => {
  const parsed = "status" in message ? undefined : RequestTarget.parse(message.url)
  if (parsed === undefined) return err("InvalidUrl")
  const question = parsed.path.indexOf("?")
  const end = question === -1 ? parsed.path.length : question
  return ok({ origin: parsed.origin, path: parsed.path.slice(0, end), query: parsed.path.slice(end) })
}

/** Encoded values by encoded name (RFC 9421 §2.2.8). */
const queryParameters = (query: string): ReadonlyMap<string, ReadonlyArray<string>> => {
  const found = new Map<string, Array<string>>()
  for (const [name, value] of new URLSearchParams(query)) {
    const encoded = encodeQuery(name)
    const values = found.get(encoded)
    if (values === undefined) found.set(encoded, [encodeQuery(value)])
    else values.push(encodeQuery(value))
  }
  return found
}

/**
 * Percent-encodes a name or a value of a query as RFC 9421 §2.2.8 says: UTF-8, then the set of
 * `application/x-www-form-urlencoded`, with `%20` for a space.
 *
 * @see https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set
 * @internal
 */
export const encodeQuery = (text: string): string => {
  let encoded = ""
  for (const octet of new TextEncoder().encode(text)) encoded += encodedOctets[octet] ?? ""
  return encoded
}

const isUnreserved = (octet: number): boolean =>
  isAlpha(octet) || isDigit(octet) || octet === 0x2a || octet === 0x2d || octet === 0x2e || octet === 0x5f

const encodedOctets: ReadonlyArray<string> = /* @__PURE__ */ Array.from({ length: 256 }, (_, octet) =>
  isUnreserved(octet) ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`
)

/**
 * Rejects a value with a character that no signature base may contain.
 *
 * @internal
 */
export const checked = (value: string): Result<string, BaseReason> => {
  const index = skip(value, 0, isValueChar)
  if (index === value.length) return ok(value)
  const code = value.charCodeAt(index)
  if (code === 0x0a || code === 0x0d) return err("NewlineInValue")
  return err(code < 0x80 ? "ControlCharacter" : "NonAsciiValue")
}

/** A character of `field-content` (RFC 9110 §5.5) without `obs-text`. */
const isValueChar = (code: number): boolean => isPrintable(code) || code === 0x09

const once = <A extends object>(compute: () => A): (() => A) => {
  let value: A | undefined
  return () => (value ??= compute())
}
