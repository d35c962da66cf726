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
export type Change =
  | { readonly url: string }
  | { readonly query: Readonly<Record<string, string | number>> }
  | { readonly json: unknown }
  | undefined

/** Longer texts of a server are no cursors. They are stored for each page, to detect a circle. */
const maxLength = 16_384

const setParameters = (query: Position["query"], changed: Readonly<Record<string, string | number>>) => {
  const values = Object.entries(changed).map(([name, value]) => [name, String(value)] as const)
  return values.some(([, value]) => value.length > maxLength)
    ? undefined
    : [...query.filter(([name]) => !Object.hasOwn(changed, name)), ...values]
}

/** Removes parameters from the query of a URL. The others stay as they are. */
const withoutParameters = (url: string, names: ReadonlyArray<string>): string => {
  const start = url.indexOf("?")
  if (start === -1) return url
  const isOther = (piece: string) => !names.some((name) => new URLSearchParams(piece).has(name))
  const others = url
    .slice(start + 1)
    .split("&")
    .filter(isOther)
    .join("&")
  return url.slice(0, start) + (others === "" ? "" : `?${others}`)
}

/** The position after a page. Undefined if the change has no valid URL, or a text that is too long. */
export const move = (position: Position, change: Change & {}, response: HttpClientResponse): Position | undefined => {
  const page = position.page + 1
  if ("json" in change) return { ...position, page, json: change.json }
  if ("query" in change) {
    const query = setParameters(position.query, change.query)
    const url = withoutParameters(position.url, Object.keys(change.query))
    return query === undefined ? undefined : { ...position, page, url, query }
  }
  const url = change.url.length > maxLength ? undefined : Link.resolve(change.url, urlOfResponse(response))
  return url === undefined ? undefined : { ...position, page, url, query: [] }
}
