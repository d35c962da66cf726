/** Patterns of routes, such as `GET /users/:id` and `PUT https://uploads.test/*`. */

type Segment =
  | { readonly _tag: "Literal"; readonly text: string }
  | { readonly _tag: "Parameter"; readonly name: string }
  | { readonly _tag: "Rest" }

/** A parsed pattern. */
export interface Pattern {
  readonly text: string
  readonly method: string
  /** Origin, if the pattern has one. */
  readonly origin: string | undefined
  readonly segments: ReadonlyArray<Segment>
  /** Parameters that the query of the request must have. */
  readonly query: ReadonlyArray<readonly [name: string, value: string]>
}

/** The parts of a request that patterns are compared with. */
export interface Target {
  readonly method: string
  readonly origin: string
  readonly segments: ReadonlyArray<string>
  readonly query: URLSearchParams
}

/** The parts of a sent request. */
export const targetOf = ({ method, url }: { readonly method: string; readonly url: string }): Target => {
  const { origin, pathname, searchParams } = new URL(url)
  return { method, origin, segments: pathname.slice(1).split("/").map(decode), query: searchParams }
}

/** A malformed encoding in a request is compared as it is. */
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const invalid = (pattern: string, problem: string): Error =>
  new Error(`MockClient: the route "${pattern}" is invalid: ${problem}. Write it like "GET /users/:id".`)

const parameterName = /^:([A-Za-z_]\w*)$/

/** The characters of a path (RFC 3986 §3.3), the `*` of a pattern, and all beyond ASCII. */
const otherCharacter = /[^\w\-.~!$&'()+,;=:@%/*\u0080-\u{10ffff}]/u

const segmentOf = (text: string, isLast: boolean, pattern: string): Segment => {
  if (text === "*" && isLast) return { _tag: "Rest" }
  if (text.includes("*")) throw invalid(pattern, "`*` is allowed only as the last segment")
  if (text.startsWith(":")) {
    const name = parameterName.exec(text)?.[1]
    if (name === undefined) throw invalid(pattern, `"${text}" is no parameter name`)
    return { _tag: "Parameter", name }
  }
  try {
    return { _tag: "Literal", text: decodeURIComponent(text) }
  } catch {
    throw invalid(pattern, `"${text}" is not valid percent-encoding`)
  }
}

const segmentsOf = (path: string, pattern: string): ReadonlyArray<Segment> => {
  if (!path.startsWith("/")) throw invalid(pattern, "its path does not begin with a slash")
  const other = otherCharacter.exec(path)?.[0]
  if (other !== undefined) throw invalid(pattern, `its path contains "${other}"`)
  const texts = path.slice(1).split("/")
  if (texts.some((text) => text === "." || text === "..")) throw invalid(pattern, "`.` and `..` are removed from URLs")
  const segments = texts.map((text, index) => segmentOf(text, index === texts.length - 1, pattern))
  const names = segments.flatMap((segment) => (segment._tag === "Parameter" ? [segment.name] : []))
  if (new Set(names).size < names.length) throw invalid(pattern, "two parameters have one name")
  return segments
}

const originOf = (text: string, pattern: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== "" || url.password !== "") throw invalid(pattern, "its origin is invalid")
  return url.origin
}

/** Parses a pattern. Throws an error that says what is wrong. */
export const parse = (text: string): Pattern => {
  const [, method, target] = /^([A-Z][A-Z-]*) (.+)$/.exec(text) ?? []
  if (method === undefined || target === undefined)
    throw invalid(text, "it has no method in upper case before its path")
  const [, origin, rest = target] = /^(https?:\/\/[^/?#]*)(.*)$/.exec(target) ?? []
  const queryAt = rest.indexOf("?")
  const path = queryAt === -1 ? rest : rest.slice(0, queryAt)
  const query = queryAt === -1 ? "" : rest.slice(queryAt + 1)
  if (/[\s#]/.test(query)) throw invalid(text, "its query contains a space or a `#`")
  return {
    text,
    method,
    origin: origin === undefined ? undefined : originOf(origin, text),
    segments: segmentsOf(path === "" && origin !== undefined ? "/" : path, text),
    query: [...new URLSearchParams(query)]
  }
}

const rank: Record<Segment["_tag"], number> = { Literal: 0, Parameter: 1, Rest: 2 }

/** Sorts the more specific pattern first: with an origin, then by segment, then with more parameters of the query. */
export const bySpecificity = (a: Pattern, b: Pattern): number => {
  const origins = Number(a.origin === undefined) - Number(b.origin === undefined)
  if (origins !== 0) return origins
  for (const [index, segment] of a.segments.entries()) {
    const other = b.segments[index]
    const difference = other === undefined ? 0 : rank[segment._tag] - rank[other._tag]
    if (difference !== 0) return difference
  }
  return b.query.length - a.query.length
}

/** Text that two patterns have in common if they match the same requests. */
export const identityOf = ({ method, origin, query, segments }: Pattern): string =>
  JSON.stringify([
    method,
    origin,
    segments.map((segment) => (segment._tag === "Literal" ? [segment.text] : segment._tag)),
    [...query].sort(([a, c], [b, d]) => (a === b ? (c < d ? -1 : 1) : a < b ? -1 : 1))
  ])

/** The parameters of a request, or undefined if the pattern does not match it. */
export const match = (pattern: Pattern, target: Target): Readonly<Record<string, string>> | undefined => {
  if (pattern.method !== target.method) return undefined
  if (pattern.origin !== undefined && pattern.origin !== target.origin) return undefined
  if (!pattern.query.every(([name, value]) => target.query.getAll(name).includes(value))) return undefined
  return matchSegments(pattern.segments, target.segments)
}

const matchSegments = (
  segments: ReadonlyArray<Segment>,
  texts: ReadonlyArray<string>
): Readonly<Record<string, string>> | undefined => {
  const hasRest = segments.at(-1)?._tag === "Rest"
  if (hasRest ? texts.length < segments.length : texts.length !== segments.length) return undefined
  const parameters: Array<readonly [string, string]> = []
  for (const [index, segment] of segments.entries()) {
    const text = texts[index] ?? ""
    if (segment._tag === "Rest") parameters.push(["*", texts.slice(index).join("/")])
    else if (segment._tag === "Parameter" && text !== "") parameters.push([segment.name, text])
    else if (segment._tag === "Parameter" || segment.text !== text) return undefined
  }
  return Object.fromEntries(parameters)
}
