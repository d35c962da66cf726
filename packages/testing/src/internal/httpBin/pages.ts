import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Request from "../httpServer/requestReader.js"
import { json, text } from "../httpServer/responses.js"
import type { Handler, Row } from "../httpServer/router.js"
import { get } from "../httpServer/router.js"
import type { State } from "./state.js"
import { isAmongFirst } from "./state.js"

/** A list of numbers in pages, as the query of a request describes it. */
interface List {
  readonly pages: number
  readonly size: number
  /** The page that links back to the first page. 0 for none. */
  readonly circle: number
  /** The page that links to another host. 0 for none. */
  readonly foreign: number
}

const positiveInteger = (request: HttpServerRequest.HttpServerRequest, name: string, fallback: number): number =>
  Math.trunc(Request.number(request, name, { max: 100_000, fallback }))

const listOf = (request: HttpServerRequest.HttpServerRequest): List => ({
  pages: positiveInteger(request, "pages", 3),
  size: Math.min(1000, positiveInteger(request, "size", 2)),
  circle: positiveInteger(request, "circle", 0),
  foreign: positiveInteger(request, "foreign", 0)
})

/** The items of a page: numbers from 1. */
const itemsAt = ({ pages, size }: List, page: number): ReadonlyArray<number> =>
  page < 1 || page > pages ? [] : Array.from({ length: size }, (_, index) => (page - 1) * size + index + 1)

/** The query of this request with another page. */
const queryAt = (request: HttpServerRequest.HttpServerRequest, page: number): string => {
  const query = Request.query(request)
  query.set("page", String(page))
  return `?${query.toString()}`
}

/** The URL of the page after a page, relative to it. */
const nextOf = (request: HttpServerRequest.HttpServerRequest, list: List, page: number): string | undefined => {
  if (page === list.foreign) return `https://elsewhere.test/${queryAt(request, page + 1)}`
  if (page === list.circle) return queryAt(request, 1)
  return page < list.pages ? queryAt(request, page + 1) : undefined
}

type Style = (
  request: HttpServerRequest.HttpServerRequest,
  list: List
) => Effect.Effect<HttpServerResponse.HttpServerResponse>

const pageOf = (request: HttpServerRequest.HttpServerRequest): number => positiveInteger(request, "page", 1)

const styles: Readonly<Record<string, Style>> = {
  link: (request, list) => {
    const page = pageOf(request)
    const next = nextOf(request, list, page)
    const headers = next === undefined ? {} : { link: `<${next}>; rel="next", <${queryAt(request, 1)}>; rel="first"` }
    return json(itemsAt(list, page), { headers })
  },
  url: (request, list) => {
    const page = pageOf(request)
    return json({ items: itemsAt(list, page), next: nextOf(request, list, page) ?? null })
  },
  cursor: (request, list) => {
    const page = positiveInteger(request, "cursor", 1)
    const next = page === list.circle ? 1 : page + 1
    return json({ items: itemsAt(list, page), cursor: page < list.pages || page === list.circle ? String(next) : null })
  },
  page: (request, list) => json(itemsAt(list, pageOf(request))),
  offset: (request, list) => json(itemsAt(list, Math.floor(positiveInteger(request, "offset", 0) / list.size) + 1))
}

const handler =
  (state: State): Handler =>
  (request, { style = "" }) => {
    const respond = Object.hasOwn(styles, style) ? styles[style] : undefined
    if (respond === undefined) return Effect.succeed(text(404, `Styles: ${Object.keys(styles).join(", ")}`))
    const broken = positiveInteger(request, "broken", 0)
    const isBroken = broken > 0 && pageOf(request) === broken
    if (isBroken && isAmongFirst(state, `pages ${Request.query(request).get("key") ?? ""}`, 1)) {
      return Effect.succeed(HttpServerResponse.empty({ status: 503 }))
    }
    return respond(request, listOf(request))
  }

export const routes = (state: State): ReadonlyArray<Row> => [get("/countersign/pages/:style", handler(state))]
