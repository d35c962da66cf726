import type { Result } from "../Result.js"
import { err, ok } from "../Result.js"
import * as SignatureBase from "./SignatureBase.js"
import type { Component, SignatureInput } from "./SignatureModel.js"
import type { BareItem, InnerList, Member, Parameters } from "./StructuredModel.js"
import { parseEntries } from "./StructuredParser.js"
import type { SerializeReason } from "./StructuredSerializer.js"
import { serializeDictionary } from "./StructuredSerializer.js"

/**
 * Why a field of signatures is rejected.
 *
 * - `MalformedField`: the field is no Dictionary, or it is longer than `StructuredField.maxLength`.
 * - `DuplicateLabel`: two members have one label.
 * - `InvalidMember`: a member of `Signature-Input` or `Accept-Signature` is no Inner List of Strings, or a member of
 *   `Signature` is no Byte Sequence.
 * - `InvalidParameter`: a parameter that RFC 9421 defines has another type than the one it defines.
 * - `UnpairedLabel`: a label is in only one of the fields `Signature-Input` and `Signature`.
 *
 * @since 0.1.0
 * @category models
 */
export type ParseReason = "MalformedField" | "DuplicateLabel" | "InvalidMember" | "InvalidParameter" | "UnpairedLabel"

/**
 * Why a field of signatures cannot be formatted.
 *
 * - `InvalidLabel`: the label is no key of a structured field: lower-case letters, digits, `_`, `-`, `.` and `*`.
 * - `InvalidComponent`: the name of a component has a character that is not printable ASCII.
 * - `InvalidParameter`: a parameter cannot be serialized, such as a `created` with a fraction.
 *
 * @since 0.1.0
 * @category models
 */
export type FormatReason = "InvalidLabel" | "InvalidComponent" | "InvalidParameter"

type Values = string | ReadonlyArray<string>

/**
 * The types of the parameters that RFC 9421 defines.
 *
 * @internal
 */
export type ParameterTypes = Readonly<Record<string, BareItem["_tag"]>>

/** @internal */
export const signatureParameters: ParameterTypes = {
  created: "Integer",
  expires: "Integer",
  nonce: "String",
  alg: "String",
  keyid: "String",
  tag: "String"
}

/** @internal */
export const requestedParameters: ParameterTypes = { ...signatureParameters, created: "Boolean", expires: "Boolean" }

/**
 * Parses `Signature-Input` (RFC 9421 §4.1) or `Accept-Signature` (§5.1).
 *
 * @internal
 */
export const parseInputs = (
  fieldValues: Values,
  maxLength: number,
  types: ParameterTypes
): Result<ReadonlyMap<string, SignatureInput>, ParseReason> =>
  labelled(fieldValues, maxLength, (member) => {
    const components = member._tag === "InnerList" ? componentsOf(member) : undefined
    if (components === undefined) return err("InvalidMember")
    return hasTypes(member.params, types) ? ok({ components, params: member.params }) : err("InvalidParameter")
  })

/**
 * Parses `Signature` (RFC 9421 §4.2).
 *
 * @internal
 */
export const parseSignatures = (
  fieldValues: Values,
  maxLength: number
): Result<ReadonlyMap<string, Uint8Array>, ParseReason> =>
  labelled(fieldValues, maxLength, (member) =>
    member._tag === "Item" && member.value._tag === "ByteSequence" ? ok(member.value.value) : err("InvalidMember")
  )

const labelled = <A>(
  fieldValues: Values,
  maxLength: number,
  read: (member: Member) => Result<A, ParseReason>
): Result<ReadonlyMap<string, A>, ParseReason> => {
  const text = typeof fieldValues === "string" ? fieldValues : fieldValues.join(", ")
  const entries = text.length > maxLength ? "TooLong" : parseEntries(text)
  if (typeof entries === "string") return err("MalformedField")
  const found = new Map<string, A>()
  for (const [label, member] of entries) {
    if (found.has(label)) return err("DuplicateLabel")
    const value = read(member)
    if (value._tag === "Err") return value
    found.set(label, value.value)
  }
  return ok(found)
}

const componentsOf = ({ items }: InnerList): ReadonlyArray<Component> | undefined => {
  const components: Array<Component> = []
  for (const { params, value } of items) {
    if (value._tag !== "String") return undefined
    components.push({ name: value.value, params })
  }
  return components
}

const hasTypes = (params: Parameters, types: ParameterTypes): boolean => {
  for (const [name, value] of params) {
    const type = Object.hasOwn(types, name) ? types[name] : undefined
    if (type === undefined) continue
    // A Boolean asks for a time, so `false` has no meaning.
    if (value._tag !== type || value.value === false) return false
  }
  return true
}

/**
 * Formats `Signature-Input` or `Accept-Signature`.
 *
 * @internal
 */
export const formatInputs = (inputs: Iterable<readonly [string, SignatureInput]>): Result<string, FormatReason> => {
  const members = new Map<string, Member>()
  for (const [label, input] of inputs) {
    const text = SignatureBase.signatureParams(input)
    if (text._tag === "Err") return err(hasValidNames(input) ? "InvalidParameter" : "InvalidComponent")
    members.set(label, SignatureBase.innerList(input))
  }
  return formatted(serializeDictionary(members))
}

/**
 * Formats `Signature`.
 *
 * @internal
 */
export const formatSignatures = (signatures: Iterable<readonly [string, Uint8Array]>): Result<string, FormatReason> => {
  const members = Array.from(signatures, ([label, value]): [string, Member] => [
    label,
    { _tag: "Item", value: { _tag: "ByteSequence", value }, params: new Map() }
  ])
  return formatted(serializeDictionary(new Map(members)))
}

const hasValidNames = ({ components }: SignatureInput): boolean =>
  SignatureBase.signatureParams({
    components: components.map(({ name }) => ({ name, params: new Map() })),
    params: new Map()
  })._tag === "Ok"

/** Values are checked before, so only a label can be invalid. */
const formatted = (text: Result<string, SerializeReason>): Result<string, FormatReason> =>
  text._tag === "Ok" ? text : err("InvalidLabel")
