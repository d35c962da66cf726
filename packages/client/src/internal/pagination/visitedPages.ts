/** The pages of a list that were read. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Link from "@countersign/protocol/Link"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import { urlOfResponse } from "../response/responseUrl.js"
import type { Position } from "./position.js"

/** Whether a URL has no scheme. The parser ignores spaces before a scheme. */
const isRelative = (url: string): boolean => url.startsWith("/") || !/^ *[a-z][a-z\d+.-]*:/i.test(url)

/** Detects circles. A page is identified by its request, and by the URL that it was read from. */
export class VisitedPages {
  readonly #keys: Set<string> = new Set()
  /** The origin of the URL that was parsed last. */
  #origin: string | undefined

  /** Identifies the request of a position. A relative URL has another key than the absolute one. */
  requestKey({ json, query, url }: Position): string {
    return this.#keyOf(RequestTarget.append(url, UrlParams.toString(query)), json)
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  /**
   * Adds a page.
   *
   * @param requestKey - the key of its request.
   * @returns false if another page was read from the same URL.
   */
  add(requestKey: string, { json }: Position, response: HttpClientResponse): boolean {
    const pageKey = this.#keyOf(urlOfResponse(response), json)
    if (this.#keys.has(pageKey)) return false
    this.#keys.add(requestKey).add(pageKey)
    return true
  }

  /** The text of a JSON value and a URL contain no line feed. */
  #keyOf(url: string, json: unknown): string {
    const normalized = this.#normalize(url)
    return json === undefined ? normalized : `${JSON.stringify(json)}\n${normalized}`
  }

  /** Parsing a URL is expensive. A normalized path and query of the last origin need none. */
  #normalize(url: string): string {
    if (isRelative(url)) return url
    const end = url.indexOf("/", "https://".length)
    if (url.slice(0, end) === this.#origin && RequestTarget.isNormalized(url, end)) return url
    const normalized = Link.resolve(url, url)
    this.#origin = normalized?.slice(0, normalized.indexOf("/", "https://".length))
    return normalized ?? url
  }
}
