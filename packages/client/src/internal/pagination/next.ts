/** Where servers say what the next page is. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Link from "@countersign/protocol/Link"
import { isObject } from "../request/optionKinds.js"
import type { Change, Position } from "./position.js"

/** See `Paginate.PageRead`. */
export interface PageRead<out B> {
  /** The decoded body. */
  readonly body: B
  /** The response. Its body can be read again. */
  readonly response: HttpClientResponse
  /** The items of the page. */
  readonly items: ReadonlyArray<unknown>
  /** Where this page is. */
  readonly position: Position
}

/** See `Paginate.Next`. */
export interface Next<in B> {
  (page: PageRead<B>): Change
}

/** A text or number of a server. An empty text, null and a missing one end the list. */
type Cursor = string | number | null | undefined

const textOf = (cursor: Cursor): string | undefined =>
  cursor === undefined || cursor === null || cursor === "" ? undefined : String(cursor)

/** See `Paginate.link`. */
export const link =
  (relation = "next"): Next<unknown> =>
  ({ response }) => {
    const found = Link.find(Link.parse(response.headers["link"] ?? ""), relation)
    return found === undefined ? undefined : { url: found.target }
  }

/** See `Paginate.url`. */
export const url =
  <B>(of: (body: B) => string | null | undefined): Next<B> =>
  ({ body }) => {
    const text = textOf(of(body))
    return text === undefined ? undefined : { url: text }
  }

/** See `Paginate.cursor`. */
export const cursor =
  <B>(of: (body: B) => Cursor, parameter = "cursor"): Next<B> =>
  ({ body }) => {
    const text = textOf(of(body))
    return text === undefined ? undefined : { query: { [parameter]: text } }
  }

/** See `Paginate.jsonCursor`. */
export const jsonCursor =
  <B>(of: (body: B) => Cursor, member = "cursor"): Next<B> =>
  ({ body, position }) => {
    const value = of(body)
    if (textOf(value) === undefined) return undefined
    return { json: { ...(isObject(position.json) && position.json), [member]: value } }
  }

/** The number that a parameter of a page has. */
const numberAt = ({ query }: Position, parameter: string, otherwise: number): number => {
  const value = new Map(query).get(parameter)
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : otherwise
}

/** See `Paginate.page`. */
export const page =
  (parameter = "page", first = 1): Next<unknown> =>
  ({ items, position }) =>
    items.length === 0 ? undefined : { query: { [parameter]: numberAt(position, parameter, first) + 1 } }

/** See `Paginate.offset`. */
export const offset =
  (parameter = "offset"): Next<unknown> =>
  ({ items, position }) =>
    items.length === 0 ? undefined : { query: { [parameter]: numberAt(position, parameter, 0) + items.length } }
