import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"

/** Where a request goes, as the dispatcher wants it: the path with its query, without a fragment (RFC 9110 §4.2.5). */
export interface Target {
  readonly origin: string
  readonly path: string
}

/**
 * The characters that a URL parser leaves as they are, wherever behind the origin they stand: 1 in a path and in a
 * query, 2 in a query only. A percent sign is not among the former, since `%2e` is a dot to that parser.
 */
const plain: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[A-Za-z0-9\-_~/:@!$()*,;=&+.]/.test(character)) return 1
  return character === "%" ? 2 : 0
})

const slash = 47
const dot = 46
const question = 63

/** Whether parsing what stands from `start` on would give it back unchanged. */
const isPlain = (url: string, start: number): boolean => {
  let allowed = 1
  for (let at = start; at < url.length; at++) {
    const code = url.charCodeAt(at)
    if (code === question && allowed === 1) {
      allowed = 2
      continue
    }
    const kind = plain[code]
    if (kind === undefined || kind === 0 || kind > allowed) return false
    // A segment that begins with a dot may be one that the parser resolves.
    if (code === dot && allowed === 1 && url.charCodeAt(at - 1) === slash) return false
  }
  return true
}

/** More than an application talks to; beyond it the cheap way is not taken, and nothing grows. */
const mostOrigins = 256

/**
 * Makes what splits URLs. Parsing one costs more than everything else here does, and most are written as the parser
 * would write them: for the origins that it has seen, those are only cut in two.
 */
export const splitter = (): ((request: HttpClientRequest) => Either.Either<Target, unknown>) => {
  const known = new Set<string>()

  const parse = (request: HttpClientRequest): Either.Either<Target, unknown> =>
    Either.map(UrlParams.makeUrl(request.url, request.urlParams, request.hash), (url) => {
      if (known.size < mostOrigins) known.add(url.origin)
      return { origin: url.origin, path: url.pathname + url.search }
    })

  return (request) => {
    const { url, urlParams } = request
    const end = url.indexOf("/", 8)
    if (end === -1 || !known.has(url.slice(0, end)) || !isPlain(url, end)) return parse(request)
    const path = url.slice(end)
    if (urlParams.length === 0) return Either.right({ origin: url.slice(0, end), path })
    const query = (path.includes("?") ? "&" : "?") + UrlParams.toString(urlParams)
    return Either.right({ origin: url.slice(0, end), path: path + query })
  }
}
