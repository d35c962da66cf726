/** The list in pages that the server sends. */
import type { ServerResponse } from "node:http"
import { payload } from "./Payload.js"

/** Number of items of a page. */
export const itemsPerPage = 20

const items = Array.from({ length: itemsPerPage }, (_, id) => ({ ...payload, id }))

/** The path of a list. The query has the number of the page as `page`, from 0. */
export const pathOf = (pages: number): string => `/pages/${pages}`

/** Sends a page of a list of {@link pathOf}: its items, and the number of the next page. */
export const givePage = (response: ServerResponse, path: string): void => {
  const { pathname, searchParams } = new URL(path, "http://server.test")
  const next = Number(searchParams.get("page")) + 1
  const isLast = pathname === pathOf(next)
  const body = Buffer.from(JSON.stringify({ items, next: isLast ? null : next }))
  response.writeHead(200, ["content-type", "application/json", "content-length", String(body.length)])
  response.end(body)
}
