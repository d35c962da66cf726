/** The body of a response as an object: JSON, or a form. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

export type Body = Readonly<Record<string, unknown>>

const parseJson = Schema.decodeUnknownOption(Schema.parseJson())

/** A form without spaces and markup. Text that is no form is not read as one, whatever its content type. */
const form = /^[^\s<>"=&]+=[^\s<>"]*$/

/** A form counts only with one of the members that make it a response of OAuth. */
const formMembers = ["access_token", "error", "device_code", "request_uri"]

/** `JSON.parse` and forms make `__proto__` a member; a copy by `Object.assign` would make it a prototype. */
const withoutPrototype = (body: Body): Body => {
  if (!Object.hasOwn(body, "__proto__")) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== "__proto__"))
}

const formOf = (text: string): Body | undefined => {
  if (!form.test(text)) return undefined
  const members = new URLSearchParams(text)
  return formMembers.some((name) => members.has(name)) ? Object.fromEntries(members) : undefined
}

/** Whether a text is meant to be a JSON object. */
export const isJsonLike = (text: string): boolean => text.trimStart().startsWith("{")

/** Whether a response says that its body is JSON, or the body looks like an object. Otherwise it is a page, or nothing. */
export const isMeantAsJson = (text: string, contentType: string | undefined): boolean =>
  isJsonLike(text) || /^application\/(?:[^;,\s]*\+)?json\b/i.test(contentType ?? "")

/**
 * The object in a body, whatever its content type; undefined where there is none. Of duplicate members the last one counts,
 * in JSON and in forms.
 */
export const parse = (text: string): Body | undefined => {
  const trimmed = text.trim()
  const read = isJsonLike(trimmed) ? Option.getOrUndefined(parseJson(trimmed)) : formOf(trimmed)
  return Predicate.isRecord(read) ? withoutPrototype(read) : undefined
}
