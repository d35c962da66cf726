/** Where a page of a list is: what its request needs, as plain JSON. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Link from "@countersign/protocol/Link"
import * as Schema from "effect/Schema"
import { urlOfResponse } from "../response/responseUrl.js"

/** See `Paginate.Position`. */
export interface Position {
  /** URL of the page: absolute, or relative to the base URL of the client. */
  readonly url: string
  /** Query parameters beside those in the URL, in their order. */
  readonly query: ReadonlyArray<readonly [name: string, value: string]>
  /** JSON body of the request. */
  readonly json?: unknown
  /** Number of pages before this one. */
  readonly page: number
}

/** The schema of a position, for one that was stored. */
export const Position: Schema.Schema<Position> = Schema.Struct({
  url: Schema.String,
  query: Schema.Array(Schema.Tuple(Schema.String, Schema.String)),
  json: Schema.optionalWith(Schema.Unknown, { exact: true }),
  page: Schema.NonNegativeInt
})

/** What is different in the request of the next page. See `Paginate.Change`. */
export type Change = { readonly url: string } | { readonly query: Parameters } | { readonly json: unknown } | undefined

/** Longer texts of a server are no cursors. They are stored for each page, to detect a circle. */
const maxLength = 16_384

type Parameters = Readonly<Record<string, string | number>>

const setParameters = (query: Position["query"], changed: Parameters): Position["query"] | undefined => {
  const all = query.filter(([name]) => !Object.hasOwn(changed, name))
  for (const [name, value] of Object.entries(changed)) {
    const text = String(value)
    if (text.length > maxLength) return undefined
    all.push([name, text])
  }
  return all
}

/** Removes parameters from the query of a URL. The others stay as they are. */
const withoutParameters = (url: string, changed: Parameters): string => {
  const start = url.indexOf("?")
  if (start === -1) return url
  const names = Object.keys(changed)
  const isOther = (piece: string) => !names.some((name) => new URLSearchParams(piece).has(name))
  const others = url
    .slice(start + 1)
    .split("&")
    .filter(isOther)
    .join("&")
  return url.slice(0, start) + (others === "" ? "" : `?${others}`)
}

/** Makes a position. A spread of the last one would take a microsecond more for each page. */
export const makePosition = (url: string, query: Position["query"], json: unknown, page: number): Position =>
  json === undefined ? { url, query, page } : { url, query, json, page }

/** The position after a page. Undefined if the change has no valid URL, or a text that is too long. */
export const move = (position: Position, change: Change & {}, response: HttpClientResponse): Position | undefined => {
  const { json, page, query, url } = position
  if ("json" in change) return makePosition(url, query, change.json, page + 1)
  if ("query" in change) {
    const changed = setParameters(query, change.query)
    return changed && makePosition(withoutParameters(url, change.query), changed, json, page + 1)
  }
  const target = change.url.length > maxLength ? undefined : Link.resolve(change.url, urlOfResponse(response))
  return target === undefined ? undefined : makePosition(target, [], json, page + 1)
}
