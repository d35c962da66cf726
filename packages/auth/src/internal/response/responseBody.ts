/** Parses the body of a response: JSON, or a form. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

export type Body = Readonly<Record<string, unknown>>

const parseJson = Schema.decodeUnknownOption(Schema.parseJson())

/** A form without spaces and markup. The content type is ignored, because it is often wrong. */
const form = /^[^\s<>"=&]+=[^\s<>"]*$/

/** A form is accepted only if it has one of these members of OAuth responses. */
const formMembers = ["access_token", "error", "device_code", "request_uri"]

/** `JSON.parse` and forms can create a member `__proto__`. A copy with `Object.assign` would set the prototype. */
const withoutPrototype = (body: Body): Body => {
  if (!Object.hasOwn(body, "__proto__")) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== "__proto__"))
}

const formOf = (text: string): Body | undefined => {
  if (!form.test(text)) return undefined
  const members = new URLSearchParams(text)
  return formMembers.some((name) => members.has(name)) ? Object.fromEntries(members) : undefined
}

/** Whether a text starts like a JSON object. */
export const isJsonLike = (text: string): boolean => text.trimStart().startsWith("{")

/** Whether the content type is JSON, or the body starts like a JSON object. Otherwise the body is a page, or empty. */
export const isMeantAsJson = (text: string, contentType: string | undefined): boolean =>
  isJsonLike(text) || /^application\/(?:[^;,\s]*\+)?json\b/i.test(contentType ?? "")

/**
 * Parses a body as a JSON object or a form, whatever its content type. Returns undefined for any other body. The last of
 * duplicate members counts.
 */
export const parse = (text: string): Body | undefined => {
  const trimmed = text.trim()
  const read = isJsonLike(trimmed) ? Option.getOrUndefined(parseJson(trimmed)) : formOf(trimmed)
  return Predicate.isRecord(read) ? withoutPrototype(read) : undefined
}
