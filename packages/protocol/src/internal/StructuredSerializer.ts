import type { Result } from "../Result.js"
import { err, ok } from "../Result.js"
import * as Base64 from "./Base64.js"
import { isLoneSurrogate, isPrintable, skip } from "./Char.js"
import type { BareItem, Dictionary, InnerList, Item, List, Member, Parameters } from "./StructuredModel.js"
import { isKeyChar, isKeyStart, isTokenRest, isTokenStart } from "./StructuredParser.js"

/**
 * Why a value cannot be serialized.
 *
 * - `InvalidInteger`: not an integer of at most 15 digits.
 * - `InvalidDecimal`: not a finite number, or more than 12 digits before the point after rounding.
 * - `InvalidString`: a character that is not printable ASCII. Use a Display String or a Byte Sequence.
 * - `InvalidToken`: empty, or a character that no Token may contain.
 * - `InvalidDate`: not an integer of at most 15 digits.
 * - `InvalidDisplayString`: a lone surrogate, which has no UTF-8 encoding.
 * - `InvalidKey`: a key that does not begin with a lower-case letter or `*`, or has a character other than lower-case letters,
 *   digits, `_`, `-`, `.` and `*`.
 *
 * @since 0.1.0
 * @category models
 */
export type SerializeReason =
  | "InvalidInteger"
  | "InvalidDecimal"
  | "InvalidString"
  | "InvalidToken"
  | "InvalidDate"
  | "InvalidDisplayString"
  | "InvalidKey"

/** Text that is written piece by piece, and the first value that cannot be written. */
interface Output {
  text: string
  failure: SerializeReason | undefined
}

const written =
  <A>(write: (output: Output, value: A) => void) =>
  (value: A): Result<string, SerializeReason> => {
    const output: Output = { text: "", failure: undefined }
    write(output, value)
    return output.failure === undefined ? ok(output.text) : err(output.failure)
  }

/** @internal */
export type Serialize<A> = (value: A) => Result<string, SerializeReason>

/**
 * Serializes an Item (RFC 9651 §4.1.3) or an Inner List (§4.1.1.1).
 *
 * @internal
 */
export const serializeMember: Serialize<Member> = /* @__PURE__ */ written((output, value) => member(output, value))

/**
 * Serializes a List (RFC 9651 §4.1.1).
 *
 * @internal
 */
export const serializeList: Serialize<List> = /* @__PURE__ */ written((output, list) => {
  list.forEach((value, index) => {
    if (index > 0) output.text += ", "
    member(output, value)
  })
})

/**
 * Serializes a Dictionary (RFC 9651 §4.1.2).
 *
 * @internal
 */
export const serializeDictionary: Serialize<Dictionary> = /* @__PURE__ */ written((output, dictionary) => {
  for (const [name, value] of dictionary) {
    if (output.text !== "") output.text += ", "
    key(output, name)
    if (value._tag === "Item" && isTrue(value.value)) {
      parameters(output, value.params)
    } else {
      output.text += "="
      member(output, value)
    }
  }
})

const member = (output: Output, value: Member): void => {
  if (value._tag === "Item") item(output, value)
  else innerList(output, value)
}

const item = (output: Output, { params, value }: Item): void => {
  bareItem(output, value)
  parameters(output, params)
}

const innerList = (output: Output, { items, params }: InnerList): void => {
  output.text += "("
  items.forEach((value, index) => {
    if (index > 0) output.text += " "
    item(output, value)
  })
  output.text += ")"
  parameters(output, params)
}

const parameters = (output: Output, params: Parameters): void => {
  for (const [name, value] of params) {
    output.text += ";"
    key(output, name)
    if (isTrue(value)) continue
    output.text += "="
    bareItem(output, value)
  }
}

const isTrue = (value: BareItem): boolean => value._tag === "Boolean" && value.value

const key = (output: Output, name: string): void => {
  const isKey = isKeyStart(name.charCodeAt(0)) && skip(name, 0, isKeyChar) === name.length
  write(output, isKey ? name : undefined, "InvalidKey")
}

const bareItem = (output: Output, item: BareItem): void => {
  switch (item._tag) {
    case "Integer":
      return write(output, integer(item.value), "InvalidInteger")
    case "Decimal":
      return write(output, decimal(item.value), "InvalidDecimal")
    case "Date":
      return write(output, integer(item.value, "@"), "InvalidDate")
    case "String":
      return write(output, string(item.value), "InvalidString")
    case "Token":
      return write(output, token(item.value), "InvalidToken")
    case "DisplayString":
      return write(output, displayString(item.value), "InvalidDisplayString")
    case "ByteSequence":
      return write(output, `:${Base64.encode(item.value)}:`)
    case "Boolean":
      return write(output, item.value ? "?1" : "?0")
  }
}

const write = (output: Output, text: string | undefined, reason?: SerializeReason): void => {
  if (text === undefined) output.failure ??= reason
  else output.text += text
}

const MAX_INTEGER = 999_999_999_999_999

const integer = (value: number, prefix = ""): string | undefined =>
  Number.isInteger(value) && Math.abs(value) <= MAX_INTEGER ? `${prefix}${value}` : undefined

/**
 * RFC 9651 §4.1.5: at most three digits after the point, rounded to the nearest, and halves to the even digit.
 *
 * The digits of `String(value)` are rounded. Binary arithmetic would round 0.0025, which is slightly more, to 0.003.
 */
const decimal = (value: number): string | undefined => {
  const size = Math.abs(value)
  if (!(size < 1e12)) return undefined
  // Smaller numbers have an exponent in `String(value)`.
  const [whole = "", fraction = ""] = size < 1e-6 ? ["0"] : String(size).split(".")
  const thousandths = BigInt(whole + fraction.slice(0, 3).padEnd(3, "0"))
  const rest = fraction.slice(3)
  const isHalf = rest !== "" && skip(rest, 1, isZero) === rest.length && rest[0] === "5"
  const roundsUp = isHalf ? thousandths % 2n === 1n : (rest[0] ?? "0") >= "5"
  const digits = String(thousandths + (roundsUp ? 1n : 0n)).padStart(4, "0")
  const integral = digits.slice(0, -3)
  if (integral.length > 12) return undefined
  const sign = value < 0 && digits !== "0000" ? "-" : ""
  return `${sign}${integral}.${withoutZeros(digits.slice(-3))}`
}

/** Removes zeros at the end, except the first digit. */
const withoutZeros = (digits: string): string => {
  let end = digits.length
  while (end > 1 && digits[end - 1] === "0") end--
  return digits.slice(0, end)
}

const isZero = (code: number): boolean => code === 0x30

const string = (value: string): string | undefined =>
  skip(value, 0, isPrintable) === value.length
    ? `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
    : undefined

const token = (value: string): string | undefined =>
  isTokenStart(value.charCodeAt(0)) && skip(value, 1, isTokenRest) === value.length ? value : undefined

const displayString = (value: string): string | undefined => {
  for (let index = 0; index < value.length; index++) if (isLoneSurrogate(value, index)) return undefined
  let text = '%"'
  for (const octet of new TextEncoder().encode(value)) {
    const isPlain = isPrintable(octet) && octet !== 0x22 && octet !== 0x25
    text += isPlain ? String.fromCharCode(octet) : `%${octet.toString(16).padStart(2, "0")}`
  }
  return `${text}"`
}
