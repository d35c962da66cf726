/**
 * Structured field values (RFC 9651): parser and serializer for Lists, Dictionaries and Items.
 *
 * RFC 8941, which RFC 9651 obsoletes, has no Dates and no Display Strings. Otherwise the two are equal.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651
 * @since 0.1.0
 */
import type { BareItem, Dictionary, InnerList, Item, List, Parameters } from "./internal/StructuredModel.js"
import type { ParseReason } from "./internal/StructuredParser.js"
import * as Parser from "./internal/StructuredParser.js"
import type { SerializeReason } from "./internal/StructuredSerializer.js"
import * as Serializer from "./internal/StructuredSerializer.js"
import type { Result } from "./Result.js"
import { err, ok } from "./Result.js"

export type { BareItem, Dictionary, InnerList, Item, List, Member, Parameters } from "./internal/StructuredModel.js"
export type { ParseReason } from "./internal/StructuredParser.js"
export type { SerializeReason } from "./internal/StructuredSerializer.js"

/**
 * Maximum number of characters of a field value, of all lines together. Longer values are rejected as `TooLong`.
 *
 * It is more than transports accept as a header section, and more than the minimum sizes of RFC 9651.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxLength = 131_072

/**
 * Parses a List from one or several field lines. Lines are joined with a comma. An empty value is an empty List.
 *
 * A syntax error anywhere makes the whole field invalid, as RFC 9651 §4.2 requires.
 *
 * @example
 * import * as StructuredField from "@countersign/protocol/StructuredField"
 *
 * StructuredField.parseList('sugar, tea;q=0.5, ("a" "b")')
 *
 * @param fieldValues the field value, or the values of its lines
 * @returns the List, or the first rule that the value violates
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-4.2.1
 * @since 0.1.0
 * @category decoding
 */
export const parseList = (fieldValues: string | ReadonlyArray<string>): Result<List, ParseReason> =>
  parsed(fieldValues, Parser.parseList)

/**
 * Parses a Dictionary from one or several field lines. Lines are joined with a comma. An empty value is an empty Dictionary.
 *
 * Of two members with one key the last is used, at the position of the first.
 *
 * @example
 * import * as StructuredField from "@countersign/protocol/StructuredField"
 *
 * const priority = StructuredField.parseDictionary("u=2, i")
 * if (priority._tag === "Ok") priority.value.get("u")
 *
 * @param fieldValues the field value, or the values of its lines
 * @returns the Dictionary, or the first rule that the value violates
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-4.2.2
 * @since 0.1.0
 * @category decoding
 */
export const parseDictionary = (fieldValues: string | ReadonlyArray<string>): Result<Dictionary, ParseReason> =>
  parsed(fieldValues, Parser.parseDictionary)

/**
 * Parses an Item from one or several field lines. Several lines are an error, except in a String that contains the comma.
 *
 * @param fieldValues the field value, or the values of its lines
 * @returns the Item, or the first rule that the value violates
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-4.2.3
 * @since 0.1.0
 * @category decoding
 */
export const parseItem = (fieldValues: string | ReadonlyArray<string>): Result<Item, ParseReason> =>
  parsed(fieldValues, Parser.parseItem)

const parsed = <A extends object>(
  fieldValues: string | ReadonlyArray<string>,
  parse: (text: string) => A | ParseReason
): Result<A, ParseReason> => {
  const text = typeof fieldValues === "string" ? fieldValues : fieldValues.join(", ")
  if (text.length > maxLength) return err("TooLong")
  const value = parse(text)
  return typeof value === "string" ? err(value) : ok(value)
}

/**
 * Serializes a List. An empty List gives an empty text, and the field is not sent.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-4.1.1
 * @since 0.1.0
 * @category encoding
 */
export const serializeList: (list: List) => Result<string, SerializeReason> = Serializer.serializeList

/**
 * Serializes a Dictionary. An empty Dictionary gives an empty text, and the field is not sent.
 *
 * @example
 * import * as StructuredField from "@countersign/protocol/StructuredField"
 *
 * const { boolean, integer, item } = StructuredField
 * StructuredField.serializeDictionary(
 *   new Map([
 *     ["u", item(integer(2))],
 *     ["i", item(boolean(true))]
 *   ])
 * )
 * // { _tag: "Ok", value: "u=2, i" }
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-4.1.2
 * @since 0.1.0
 * @category encoding
 */
export const serializeDictionary: (dictionary: Dictionary) => Result<string, SerializeReason> =
  Serializer.serializeDictionary

/**
 * Serializes an Item.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-4.1.3
 * @since 0.1.0
 * @category encoding
 */
export const serializeItem: (item: Item) => Result<string, SerializeReason> = Serializer.serializeMember

/**
 * Serializes an Inner List.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-4.1.1.1
 * @since 0.1.0
 * @category encoding
 */
export const serializeInnerList: (list: InnerList) => Result<string, SerializeReason> = Serializer.serializeMember

/**
 * Makes an Integer.
 *
 * @param value an integer of at most 15 digits
 * @since 0.1.0
 * @category constructors
 */
export const integer = (value: number): BareItem => ({ _tag: "Integer", value })

/**
 * Makes a Decimal. It is serialized with one to three digits after the point: `1.0`.
 *
 * @param value a number with at most 12 digits before the point
 * @since 0.1.0
 * @category constructors
 */
export const decimal = (value: number): BareItem => ({ _tag: "Decimal", value })

/**
 * Makes a String.
 *
 * @param value printable ASCII, without quotes and escapes
 * @since 0.1.0
 * @category constructors
 */
export const string = (value: string): BareItem => ({ _tag: "String", value })

/**
 * Makes a Token.
 *
 * @param value such as `gzip` or `text/html`
 * @since 0.1.0
 * @category constructors
 */
export const token = (value: string): BareItem => ({ _tag: "Token", value })

/**
 * Makes a Byte Sequence.
 *
 * @since 0.1.0
 * @category constructors
 */
export const byteSequence = (value: Uint8Array): BareItem => ({ _tag: "ByteSequence", value })

/**
 * Makes a Boolean.
 *
 * @since 0.1.0
 * @category constructors
 */
export const boolean = (value: boolean): BareItem => ({ _tag: "Boolean", value })

/**
 * Makes a Date.
 *
 * @param value whole seconds since 1970-01-01T00:00:00Z
 * @since 0.1.0
 * @category constructors
 */
export const date = (value: number): BareItem => ({ _tag: "Date", value })

/**
 * Makes a Display String.
 *
 * @param value Unicode text without lone surrogates
 * @since 0.1.0
 * @category constructors
 */
export const displayString = (value: string): BareItem => ({ _tag: "DisplayString", value })

const NONE: Parameters = new Map()

/**
 * Makes an Item.
 *
 * @param params none by default
 * @since 0.1.0
 * @category constructors
 */
export const item = (value: BareItem, params: Parameters = NONE): Item => ({ _tag: "Item", value, params })

/**
 * Makes an Inner List.
 *
 * @param params none by default
 * @since 0.1.0
 * @category constructors
 */
export const innerList = (items: ReadonlyArray<Item>, params: Parameters = NONE): InnerList => ({
  _tag: "InnerList",
  items,
  params
})
