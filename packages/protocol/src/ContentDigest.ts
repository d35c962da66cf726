/**
 * Digest fields (RFC 9530): parser and formatter for `Content-Digest`, `Repr-Digest` and the `Want-` fields.
 *
 * A `Content-Digest` is the hash of the bytes that a message carries, after content coding. A `Repr-Digest` is the hash of
 * the whole selected representation. The two differ in a partial response, and in the response to `HEAD`. Both have one grammar.
 *
 * This module computes no hash.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9530
 * @since 0.1.0
 */
import type { Result } from "./Result.js"
import { err, ok } from "./Result.js"
import * as StructuredField from "./StructuredField.js"

/**
 * Sizes in bytes of the hashes that RFC 9530 does not deprecate, by algorithm, strongest first.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-7.2
 * @since 0.1.0
 * @category constants
 */
export const sizes = { "sha-512": 64, "sha-256": 32 } as const

/**
 * An algorithm that RFC 9530 does not deprecate.
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm = keyof typeof sizes

/**
 * Hashes by algorithm, such as `sha-256`.
 *
 * @since 0.1.0
 * @category models
 */
export type Digests = ReadonlyMap<string, Uint8Array>

/**
 * Preferences by algorithm: integers from 1 (least preferred) to 10 (most preferred), or 0 for "not acceptable".
 *
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-4
 * @since 0.1.0
 * @category models
 */
export type Preferences = ReadonlyMap<string, number>

/**
 * Why digests or preferences cannot be formatted.
 *
 * - `InvalidAlgorithm`: the name of an algorithm is no key of a structured field.
 * - `InvalidSize`: the hash has not the size of its algorithm. Only `sha-512` and `sha-256` are checked.
 * - `InvalidPreference`: not an integer from 0 to 10.
 *
 * @since 0.1.0
 * @category models
 */
export type FormatReason = "InvalidAlgorithm" | "InvalidSize" | "InvalidPreference"

/**
 * Parses the hashes of `Content-Digest` or `Repr-Digest`. Members that are no Byte Sequences are ignored, and so are
 * parameters. Of two members with one algorithm the last is used.
 *
 * @example
 * import * as ContentDigest from "@countersign/protocol/ContentDigest"
 *
 * const digests = ContentDigest.parse("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")
 * if (digests._tag === "Ok") ContentDigest.strongest(digests.value)
 *
 * @param fieldValues the field value, or the values of its lines
 * @returns the hashes, or the first rule of structured fields that the value violates
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-2
 * @since 0.1.0
 * @category decoding
 */
export const parse = (fieldValues: string | ReadonlyArray<string>): Result<Digests, StructuredField.ParseReason> =>
  values(fieldValues, (value) => (value._tag === "ByteSequence" ? value.value : undefined))

/**
 * Finds the strongest hash of the size of its algorithm: `sha-512`, else `sha-256`. Other algorithms are deprecated or
 * unknown, and give no protection from an attacker.
 *
 * @since 0.1.0
 * @category getters
 */
export const strongest = (
  digests: Digests
): { readonly algorithm: Algorithm; readonly hash: Uint8Array } | undefined => {
  const [first] = algorithms.flatMap((algorithm) => {
    const hash = digests.get(algorithm)
    return hash?.length === sizes[algorithm] ? [{ algorithm, hash }] : []
  })
  return first
}

/**
 * Formats the value of `Content-Digest` or `Repr-Digest`.
 *
 * @example
 * import * as ContentDigest from "@countersign/protocol/ContentDigest"
 *
 * const field = async (content: BufferSource) =>
 *   ContentDigest.format([["sha-256", new Uint8Array(await crypto.subtle.digest("SHA-256", content))]])
 *
 * @param digests hashes by algorithm, in the order of the field. Empty gives an empty text, and the field is not sent
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-2
 * @since 0.1.0
 * @category encoding
 */
export const format = (
  digests: Iterable<readonly [algorithm: string, hash: Uint8Array]>
): Result<string, FormatReason> => {
  const all = new Map(digests)
  const isWrong = algorithms.some((algorithm) => {
    const hash = all.get(algorithm)
    return hash !== undefined && hash.length !== sizes[algorithm]
  })
  return isWrong ? err("InvalidSize") : dictionary(all, StructuredField.byteSequence)
}

/**
 * Parses the preferences of `Want-Content-Digest` or `Want-Repr-Digest`. Members that are no integers from 0 to 10 are
 * ignored. Of two members with one algorithm the last is used.
 *
 * @param fieldValues the field value, or the values of its lines
 * @returns the preferences, or the first rule of structured fields that the value violates
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-4
 * @since 0.1.0
 * @category decoding
 */
export const parsePreferences = (
  fieldValues: string | ReadonlyArray<string>
): Result<Preferences, StructuredField.ParseReason> =>
  values(fieldValues, (value) => (value._tag === "Integer" && isPreference(value.value) ? value.value : undefined))

/**
 * Formats the value of `Want-Content-Digest` or `Want-Repr-Digest`.
 *
 * @param preferences integers from 0 to 10 by algorithm, in the order of the field
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-4
 * @since 0.1.0
 * @category encoding
 */
export const formatPreferences = (
  preferences: Iterable<readonly [algorithm: string, preference: number]>
): Result<string, FormatReason> => {
  const all = new Map(preferences)
  for (const preference of all.values()) if (!isPreference(preference)) return err("InvalidPreference")
  return dictionary(all, StructuredField.integer)
}

/**
 * Finds the algorithm that the other side prefers among the ones that the caller can compute.
 *
 * @param supported algorithms of the caller. Of two with one preference the first is used
 * @returns undefined if the other side named none of them, or rejects the ones that it named
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-4
 * @since 0.1.0
 * @category getters
 */
export const preferred = <A extends string>(preferences: Preferences, supported: ReadonlyArray<A>): A | undefined => {
  let best: { readonly algorithm: A; readonly preference: number } | undefined
  for (const algorithm of supported) {
    const preference = preferences.get(algorithm) ?? 0
    if (preference > (best?.preference ?? 0)) best = { algorithm, preference }
  }
  return best?.algorithm
}

const algorithms: ReadonlyArray<Algorithm> = ["sha-512", "sha-256"]

const isPreference = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 10

/** The members of a Dictionary that have a value of the right type. */
const values = <A>(
  fieldValues: string | ReadonlyArray<string>,
  read: (value: StructuredField.BareItem) => A | undefined
): Result<ReadonlyMap<string, A>, StructuredField.ParseReason> => {
  const members = StructuredField.parseDictionary(fieldValues)
  if (members._tag === "Err") return members
  const found = new Map<string, A>()
  for (const [algorithm, member] of members.value) {
    const value = member._tag === "Item" ? read(member.value) : undefined
    if (value !== undefined) found.set(algorithm, value)
  }
  return ok(found)
}

/** Only the names can be invalid, because the values are checked before. */
const dictionary = <A>(
  all: ReadonlyMap<string, A>,
  bareItem: (value: A) => StructuredField.BareItem
): Result<string, "InvalidAlgorithm"> => {
  const members = new Map(Array.from(all, ([name, value]) => [name, StructuredField.item(bareItem(value))]))
  const text = StructuredField.serializeDictionary(members)
  return text._tag === "Ok" ? text : err("InvalidAlgorithm")
}
