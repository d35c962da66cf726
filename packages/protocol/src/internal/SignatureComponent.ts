import type { Result } from "../Result.js"
import { err, ok } from "../Result.js"
import * as Base64 from "./Base64.js"
import { isBlank, isTokenChar, skip } from "./Char.js"
import type { Component, FieldType } from "./SignatureModel.js"
import type { BaseReason } from "./SignatureReason.js"
import type { Source } from "./SignatureSource.js"
import { checked, linesOf, structured } from "./SignatureSource.js"
import { parseDictionary, parseItem, parseList } from "./StructuredParser.js"
import type { SerializeReason } from "./StructuredSerializer.js"
import { serializeDictionary, serializeList, serializeMember } from "./StructuredSerializer.js"

/**
 * Messages of a signature, and the types of structured fields.
 *
 * @internal
 */
export interface Context {
  readonly target: Source
  /** The request of a response. */
  readonly request: Source | undefined
  readonly typeOf: (name: string) => FieldType | undefined
}

type Value = Result<string, BaseReason>

/**
 * The canonical value of a component (RFC 9421 §2.1 and §2.2).
 *
 * @internal
 */
export const valueOf = (component: Component, context: Context): Value => {
  const { name } = component
  const isDerived = name.startsWith("@")
  if (isDerived && !Object.hasOwn(derived, name)) return err("UnknownDerivedComponent")
  if (!isDerived && !isFieldName(name)) return err("InvalidComponent")
  const flags = flagsOf(component)
  if (flags._tag === "Err") return flags
  const source = sourceOf(flags.value, context)
  if (source._tag === "Err") return source
  return isDerived
    ? derivedValue(name, flags.value, source.value)
    : fieldValue(name, flags.value, source.value, context.typeOf(name))
}

const isFieldName = (name: string): boolean =>
  name !== "" && skip(name, 0, isTokenChar) === name.length && name === name.toLowerCase()

interface Flags {
  readonly sf: boolean
  readonly bs: boolean
  readonly req: boolean
  readonly tr: boolean
  readonly key: string | undefined
  readonly name: string | undefined
}

const fieldParameters: ReadonlySet<string> = new Set(["sf", "key", "bs", "req", "tr"])

const derivedParameters: ReadonlySet<string> = new Set(["req"])

const queryParameters: ReadonlySet<string> = new Set(["req", "name"])

const allowedParameters = (name: string): ReadonlySet<string> => {
  if (name === "@query-param") return queryParameters
  return name.startsWith("@") ? derivedParameters : fieldParameters
}

const flagsOf = ({ name, params }: Component): Result<Flags, BaseReason> => {
  const allowed = allowedParameters(name)
  const texts = new Map<string, string>()
  for (const [key, value] of params) {
    if (!allowed.has(key)) return err("UnknownParameter")
    if (key === "key" || key === "name") {
      if (value._tag !== "String") return err("InvalidParameter")
      texts.set(key, value.value)
    } else if (value._tag !== "Boolean" || !value.value) {
      return err("InvalidParameter")
    }
  }
  const [sf, bs, req, tr] = [params.has("sf"), params.has("bs"), params.has("req"), params.has("tr")]
  if (bs && (sf || params.has("key"))) return err("IncompatibleParameters")
  if (name === "@query-param" && !params.has("name")) return err("InvalidParameter")
  return ok({ sf, bs, req, tr, key: texts.get("key"), name: texts.get("name") })
}

const sourceOf = ({ req }: Flags, { request, target }: Context): Result<Source, BaseReason> => {
  if (!req) return ok(target)
  if (!("status" in target.message)) return err("WrongTarget")
  return request === undefined ? err("MissingRequest") : ok(request)
}

type Derive = (source: Source, flags: Flags) => Value

const ofUrl =
  (select: (url: { readonly origin: string; readonly path: string; readonly query: string }) => string): Derive =>
  (source) => {
    const url = source.url()
    return url._tag === "Ok" ? ok(select(url.value)) : url
  }

/** A component of requests. `@status` is the only one of responses. */
const derived: Readonly<Record<string, Derive>> = {
  "@method": ({ message }) => ("status" in message ? err("WrongTarget") : ok(message.method)),
  "@target-uri": ofUrl(({ origin, path, query }) => origin + path + query),
  "@authority": ofUrl(({ origin }) => origin.slice(origin.indexOf("//") + 2)),
  "@scheme": ofUrl(({ origin }) => origin.slice(0, origin.indexOf(":"))),
  "@request-target": (source, flags) => {
    const given = "status" in source.message ? undefined : source.message.requestTarget
    return given === undefined ? ofUrl(({ path, query }) => path + query)(source, flags) : ok(given)
  },
  "@path": ofUrl(({ path }) => path),
  "@query": ofUrl(({ query }) => (query === "" ? "?" : query)),
  "@query-param": (source, { name = "" }) => source.queryParameter(name),
  "@status": ({ message }) => {
    if (!("status" in message)) return err("WrongTarget")
    const { status } = message
    return Number.isInteger(status) && status >= 100 && status <= 999 ? ok(String(status)) : err("InvalidStatus")
  }
}

const derivedValue = (name: string, flags: Flags, source: Source): Value => {
  if ("status" in source.message !== (name === "@status")) return err("WrongTarget")
  const value = derived[name]?.(source, flags) ?? err("UnknownDerivedComponent")
  if (value._tag === "Err") return value
  const text = value.value
  if (isBlank(text.charCodeAt(0)) || isBlank(text.charCodeAt(text.length - 1))) return err("InvalidValue")
  return text.includes("\t") ? err("ControlCharacter") : checked(text)
}

const fieldValue = (name: string, flags: Flags, source: Source, type: FieldType | undefined): Value => {
  const { bs, key, sf, tr } = flags
  if (key !== undefined) return memberValue(name, key, tr, source, type)
  const lines = linesOf(source.message, name, tr)
  if (lines._tag === "Err") return lines
  if (bs) return wrapped(lines.value)
  const combined = lines.value.join(", ")
  return sf ? strict(combined, type) : checked(combined)
}

/** RFC 9421 §2.1.2. A field of unknown type is a Dictionary, because `key` is for Dictionaries only. */
const memberValue = (name: string, key: string, tr: boolean, source: Source, type: FieldType | undefined): Value => {
  if (type !== undefined && type !== "dictionary") return err("UnknownFieldType")
  const dictionary = source.dictionary(name, tr)
  if (dictionary._tag === "Err") return dictionary
  const member = dictionary.value.get(key)
  return member === undefined ? err("MissingMember") : serialized(serializeMember(member))
}

/** RFC 9421 §2.1.1. */
const strict = (text: string, type: FieldType | undefined): Value => {
  if (type === undefined) return err("UnknownFieldType")
  if (type === "dictionary") return reserialized(parseDictionary(text), serializeDictionary)
  return type === "list" ? reserialized(parseList(text), serializeList) : reserialized(parseItem(text), serializeMember)
}

const reserialized = <A extends object>(
  parsed: A | string,
  serialize: (value: A) => Result<string, SerializeReason>
): Value => {
  const value = structured(parsed)
  return value._tag === "Ok" ? serialized(serialize(value.value)) : value
}

/** A parsed value can always be serialized. */
const serialized = (text: Result<string, SerializeReason>): Value => (text._tag === "Ok" ? text : err("MalformedField"))

/** RFC 9421 §2.1.3. */
const wrapped = (lines: ReadonlyArray<string>): Value => {
  const members: Array<string> = []
  for (const line of lines) {
    if (skip(line, 0, isOctet) !== line.length) return err("NonAsciiValue")
    members.push(`:${Base64.encode(Uint8Array.from(line, (character) => character.charCodeAt(0)))}:`)
  }
  return ok(members.join(", "))
}

const isOctet = (code: number): boolean => code <= 0xff
