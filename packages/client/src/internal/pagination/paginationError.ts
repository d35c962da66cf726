/** The error of a list that does not end as it should. */
import * as Redact from "@countersign/protocol/Redact"
import * as Data from "effect/Data"
import { ErrorMap } from "../runtime/platform.js"
import type { Position } from "./position.js"

/** See `Paginate.PaginationReason`. */
export type PaginationReason = "Circle" | "TooManyPages" | "InvalidNext"

const problems: Readonly<Record<PaginationReason, string>> = {
  Circle: "was read before. The server links in a circle, or `next` does not advance. Check the option `next`.",
  TooManyPages:
    "exceeds `maxPages`. Raise `maxPages`, take fewer items with `Stream.take`, or continue from `position`.",
  InvalidNext: "has no valid URL or cursor: it is no http or https URL, or too long. Check the option `next`."
}

/** Stored outside the error, because printers would show the query, which may contain secrets. */
const positions: WeakMap<object, Position> = /* @__PURE__ */ new ErrorMap()

/**
 * Pagination failure: the list does not end, or the next page is invalid. No printer shows its `position`.
 *
 * @since 0.1.0
 * @category errors
 */
export class PaginationError
  extends /* @__PURE__ */ Data.TaggedError("PaginationError")<{
    /** Why the stream ended. */
    readonly reason: PaginationReason
    /** Number of pages before the one that was not read, all runs from the first page together. */
    readonly page: number
    /** URL of that page, or of the page before an invalid one, safe to print: without query values. */
    readonly url: string
    readonly message: string
  }>
{
  constructor(reason: PaginationReason, position: Position) {
    const url = Redact.url(position.url)
    super({ reason, page: position.page, url, message: `Page ${position.page + 1} of ${url} ${problems[reason]}` })
    positions.set(this, position)
  }

  /** Where to continue: the position of the page that was not read, or of the page before an invalid one. */
  get position(): Position {
    return positions.get(this) ?? { url: this.url, query: [], page: this.page }
  }
}
