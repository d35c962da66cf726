/** The data types of RFC 9651 §3. */

/**
 * A bare item: a value without parameters, with the name of its type.
 *
 * | `_tag` | `value` |
 * |---|---|
 * | `Integer` | an integer of at most 15 digits |
 * | `Decimal` | a number with at most 12 digits before and 3 after the point |
 * | `String` | printable ASCII |
 * | `Token` | a letter or `*`, then characters of an HTTP token, `:` and `/` |
 * | `ByteSequence` | bytes |
 * | `Boolean` | `true` or `false` |
 * | `Date` | seconds since 1970-01-01T00:00:00Z, an integer |
 * | `DisplayString` | Unicode text without lone surrogates |
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-3.3
 * @since 0.1.0
 * @category models
 */
export type BareItem =
  | { readonly _tag: "Integer" | "Decimal" | "Date"; readonly value: number }
  | { readonly _tag: "String" | "Token" | "DisplayString"; readonly value: string }
  | { readonly _tag: "ByteSequence"; readonly value: Uint8Array }
  | { readonly _tag: "Boolean"; readonly value: boolean }

/**
 * Parameters by key, in their order. A parameter without a value is the Boolean `true`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-3.1.2
 * @since 0.1.0
 * @category models
 */
export type Parameters = ReadonlyMap<string, BareItem>

/**
 * An Item: a bare item with parameters.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-3.3
 * @since 0.1.0
 * @category models
 */
export interface Item {
  readonly _tag: "Item"
  readonly value: BareItem
  readonly params: Parameters
}

/**
 * An Inner List: Items in parentheses, with parameters of the list.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-3.1.1
 * @since 0.1.0
 * @category models
 */
export interface InnerList {
  readonly _tag: "InnerList"
  readonly items: ReadonlyArray<Item>
  readonly params: Parameters
}

/**
 * A member of a List or a Dictionary.
 *
 * @since 0.1.0
 * @category models
 */
export type Member = Item | InnerList

/**
 * A List of members. It may be empty.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-3.1
 * @since 0.1.0
 * @category models
 */
export type List = ReadonlyArray<Member>

/**
 * A Dictionary: members by key, in their order. It may be empty.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-3.2
 * @since 0.1.0
 * @category models
 */
export type Dictionary = ReadonlyMap<string, Member>
