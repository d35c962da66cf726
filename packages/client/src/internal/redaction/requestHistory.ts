/**
 * The earlier requests of a call. A server may quote the credentials of one of them in a `Location`, so that they are
 * in the URL of the next request. That URL is redacted where it is shown. Parameters that a scheme added are not sent to another
 * origin.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Redact from "@countersign/protocol/Redact"
import * as Option from "effect/Option"
import { urlOf } from "../request/requestUrl.js"
import type { Signing } from "./requestCredentials.js"
import { makeRedactor, withoutAddedParameters } from "./requestCredentials.js"

type Request = HttpClientRequest.HttpClientRequest

type Redactor = (text: string, limit?: number) => string

interface RequestHistory {
  readonly signings: ReadonlyArray<Signing>
  /** Names of the query parameters to show with their values. Undefined for the default of `Redact.url`. */
  readonly show: ReadonlyArray<string> | undefined
  /** Made on first use, because most requests after a redirect are never shown. */
  redact: Redactor | undefined
}

/**
 * Keyed by the fragment of a request. The platform makes a new request object for each change, but policies do not
 * change the fragment, and each `Option.some` is a separate object. A request to the transport has no fragment, so it
 * is the key itself.
 */
const histories: WeakMap<object, RequestHistory> = new WeakMap()

const keyOf = (request: Request): object => (request.hash._tag === "None" ? request : request.hash)

const historyOf = (request: Request): RequestHistory | undefined => histories.get(keyOf(request))

/** The earlier requests of the request's call. */
export const earlierSignings = (request: Request): ReadonlyArray<Signing> => historyOf(request)?.signings ?? []

const setHistory = (request: Request, history: RequestHistory): Request => {
  const fragment = Option.getOrElse(request.hash, () => request.url.split("#", 2)[1] ?? "")
  const next = HttpClientRequest.setHash(request, fragment)
  histories.set(next.hash, history)
  return next
}

/** Names of the query parameters to show with their values. Undefined for the default of `Redact.url`. */
export const shownQueryOf = (request: Request): ReadonlyArray<string> | undefined => historyOf(request)?.show

/** Adds earlier requests to a request, which shows the same query values as `from`. */
export const withHistory = (request: Request, signings: ReadonlyArray<Signing>, from: Request = request): Request =>
  setHistory(request, { signings, show: shownQueryOf(from), redact: undefined })

/** Sets the names of the query parameters to show with their values, wherever the URL of the request is shown. */
export const withShownQuery = (request: Request, show: ReadonlyArray<string>): Request =>
  setHistory(request, { signings: earlierSignings(request), show, redact: undefined })

/** Copies the history of a request to the request made from it for the transport. */
export const copyHistory = (from: Request, to: Request): Request => {
  // Until it goes to the transport, a request without a fragment has no history.
  const history = from === to || from.hash._tag === "None" ? undefined : historyOf(from)
  if (history !== undefined) histories.set(keyOf(to), history)
  return to
}

/** Keeps the history of a request that a scheme has changed, even if the scheme removed the fragment. */
export const keepHistory = (from: Request, to: Request): Request =>
  from.hash._tag === "None" || from.hash === to.hash ? to : withHistory(to, earlierSignings(from), from)

/** Redacts the credentials of earlier requests. Undefined for the first request of a call. */
export const redactorOf = (request: Request): Redactor | undefined => {
  const history = historyOf(request)
  if (history === undefined || history.signings.length === 0) return undefined
  return (history.redact ??= makeRedactor(history.signings))
}

/** The URL of a request, safe to print. `show` has the names of the query parameters to show with their values. */
export const redactedUrl = (request: Request, show = shownQueryOf(request)): string =>
  Redact.url(urlOf(request), { hide: redactorOf(request), show })

/** The origin of a request, or its host, safe to print. */
export const redactedOrigin = (request: Request, origin: string): string => redactorOf(request)?.(origin) ?? origin

/** The request without query parameters of schemes, which a server may repeat in the `Location` of another origin. */
export const withoutEchoedCredentials = (request: Request): Request => {
  const signings = earlierSignings(request)
  // A request after a redirect has its query in its URL.
  return signings.length === 0
    ? request
    : HttpClientRequest.setUrl(request, withoutAddedParameters(request.url, signings))
}
