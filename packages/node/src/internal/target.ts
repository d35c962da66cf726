import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"

/** Where a request goes, as the dispatcher wants it: the path with its query, without a fragment (RFC 9110 §4.2.5). */
export interface Target {
  readonly origin: string
  readonly path: string
}

const notHttp = "neither http: nor https:"

/** More than an application talks to; beyond it the cheap way is not taken, and nothing grows. */
const mostOrigins = 256

/**
 * Makes what splits URLs. Parsing one costs more than everything else here does, and most are written as the parser
 * would write them: for the origins that it has seen, those are only cut in two.
 */
export const splitter = (): ((request: HttpClientRequest) => Either.Either<Target, unknown>) => {
  const known = new Set<string>()

  const parse = (request: HttpClientRequest): Either.Either<Target, unknown> =>
    Either.flatMap(UrlParams.makeUrl(request.url, request.urlParams, request.hash), (url) => {
      if (url.protocol !== "https:" && url.protocol !== "http:") return Either.left(new Error(notHttp))
      if (known.size < mostOrigins) known.add(url.origin)
      return Either.right({ origin: url.origin, path: url.pathname + url.search })
    })

  return (request) => {
    const { url, urlParams } = request
    const end = url.indexOf("/", 8)
    if (end === -1 || !known.has(url.slice(0, end)) || !RequestTarget.isNormal(url, end)) return parse(request)
    const origin = url.slice(0, end)
    const path = url.slice(end)
    if (urlParams.length === 0) return Either.right({ origin, path })
    // Appending to a query makes the parser write all of it anew.
    return path.includes("?")
      ? parse(request)
      : Either.right({ origin, path: `${path}?${UrlParams.toString(urlParams)}` })
  }
}
