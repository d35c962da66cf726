/**
 * Web links: parser for the field `Link` (RFC 8288 §3).
 *
 * @see https://www.rfc-editor.org/rfc/rfc8288#section-3
 * @since 0.1.0
 */
import {
  COMMA,
  DQUOTE,
  EQUALS,
  isBlank,
  isTokenChar,
  readQuoted,
  skip,
  skipMember,
  trimBlanks
} from "./internal/Char.js"
import * as Url from "./internal/Url.js"

/**
 * A link to another resource.
 *
 * @since 0.1.0
 * @category models
 */
export interface Link {
  /** The URL reference between `<` and `>`. Octets outside ASCII are percent-encoded. It may be relative. */
  readonly target: string
  /** Relation types in lower case, such as `next`. Empty without `rel`. */
  readonly relations: ReadonlyArray<string>
  /**
   * Parameters by lower-case name, without quotes and escapes, such as `title`. The object has no prototype, so `__proto__`
   * is a normal name.
   */
  readonly params: Readonly<Record<string, string>>
}

/**
 * Parses the links of one or several field lines, in their order.
 *
 * Invalid parts are skipped, and the rest is kept:
 *
 * - A list member that does not begin with `<` is dropped. Without the `>`, the rest of the line is dropped.
 * - A parameter is invalid when its quotes are not closed, or it contains a control character. It is dropped.
 * - Of two parameters with one name the first is used (RFC 8288 §3.3).
 * - Empty list members, empty parameters, and blanks around `;` and `=` are ignored.
 *
 * @example
 * import * as Link from "@countersign/protocol/Link"
 *
 * Link.parse('</issues?page=2>; rel="next last"')
 * // [{ target: "/issues?page=2", relations: ["next", "last"], params: { rel: "next last" } }]
 *
 * @param fieldValues the field value, or the values of its lines
 * @see https://www.rfc-editor.org/rfc/rfc8288#appendix-B.2
 * @since 0.1.0
 * @category decoding
 */
export const parse = (fieldValues: string | ReadonlyArray<string>): ReadonlyArray<Link> => {
  const links: Array<Link> = []
  for (const line of typeof fieldValues === "string" ? [fieldValues] : fieldValues) scan(line, links)
  return links
}

/**
 * Finds the first link with a relation type, in any letter case. A link with the parameter `anchor` is ignored, because it
 * belongs to another resource (RFC 8288 §3.2).
 *
 * @param relation such as `next`
 * @see https://www.rfc-editor.org/rfc/rfc8288#section-3.3
 * @since 0.1.0
 * @category getters
 */
export const find = (links: ReadonlyArray<Link>, relation: string): Link | undefined => {
  const name = relation.toLowerCase()
  return links.find(({ params, relations }) => params["anchor"] === undefined && relations.includes(name))
}

/**
 * Resolves a URL reference to an absolute URL without fragment. The query is not changed.
 *
 * @param reference an absolute or relative URL, such as the target of a link
 * @param base the absolute URL of the response. Its userinfo is ignored
 * @returns undefined if the result is not an http or https URL, has userinfo, or if the reference has control characters
 * @see https://www.rfc-editor.org/rfc/rfc8288#section-3.1
 * @since 0.1.0
 * @category conversions
 */
export const resolve = (reference: string, base: string): string | undefined => {
  const from = Url.parse(base)
  if (from === undefined || Url.hasControl(reference)) return undefined
  from.username = ""
  from.password = ""
  const to = Url.parse(reference, from)
  if (to === undefined || !Url.isHttp(to) || Url.hasUserinfo(to)) return undefined
  to.hash = ""
  // A reference without path and query has those of the base.
  return Url.hrefWithQuery(to, Url.queryStart(reference) === -1 && to.search !== "" ? base : reference)
}

const SEMICOLON = 0x3b
const LESS_THAN = 0x3c

const scan = (line: string, links: Array<Link>): void => {
  let index = 0
  for (;;) {
    index = skip(line, index, isSeparator)
    if (index === line.length) return
    const end = line.charCodeAt(index) === LESS_THAN ? line.indexOf(">", index) : undefined
    if (end === -1) return
    index = end === undefined ? skipMember(line, index) : scanLink(line, index, end, links)
  }
}

/** Reads one link. Returns the index of the comma after it, or the end of the line. */
const scanLink = (line: string, start: number, end: number, links: Array<Link>): number => {
  const params = emptyParams()
  let index = skip(line, end + 1, isBlank)
  while (line.charCodeAt(index) === SEMICOLON) index = scanParameter(line, skip(line, index + 1, isBlank), params)
  const relations = (params["rel"] ?? "").toLowerCase().split(/[ \t]+/)
  links.push({
    target: Url.encodeOctets(trimBlanks(line.slice(start + 1, end))),
    relations: relations.filter((relation) => relation !== ""),
    params
  })
  return skipMember(line, index)
}

/** Reads one parameter. Returns the index of the semicolon or comma after it, or the end of the line. */
const scanParameter = (line: string, start: number, params: Record<string, string>): number => {
  const nameEnd = skip(line, start, isTokenChar)
  const name = line.slice(start, nameEnd).toLowerCase()
  const equals = skip(line, nameEnd, isBlank)
  const hasValue = nameEnd > start && line.charCodeAt(equals) === EQUALS
  const valueStart = hasValue ? skip(line, equals + 1, isBlank) : equals
  const quoted = hasValue && line.charCodeAt(valueStart) === DQUOTE
  const value = quoted ? readQuoted(line, valueStart) : undefined
  const end = skipMember(line, value?.end ?? valueStart, SEMICOLON)
  if (quoted && value === undefined) return end
  if (name !== "") params[name] ??= value?.text ?? trimBlanks(line.slice(valueStart, end))
  return end
}

const isSeparator = (code: number): boolean => code === COMMA || isBlank(code)

// `Object.create` returns `any`. An object without members can be typed as any record.
const emptyParams = (): Record<string, string> => Object.create(null) as Record<string, string>
