/**
 * The requests of a call before this one. A server may quote the credentials of one of them in the `Location` that leads to
 * this one, so that they stand in its URL: the URL is requested as it is, and shown without them.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Redact from "@countersign/protocol/Redact"
import * as Option from "effect/Option"
import type { Signing } from "./requestCredentials.js"
import { makeRedactor } from "./requestCredentials.js"

type Request = HttpClientRequest.HttpClientRequest

type Redactor = (text: string, limit?: number) => string

interface RequestHistory {
  readonly signings: ReadonlyArray<Signing>
  /** Made when it is first used: most requests after a redirect show nothing. */
  redact: Redactor | undefined
}

/**
 * By the fragment of a request. The platform makes a new request for each change of one, and its fragment is the one part
 * that policies do not change; each `Option.some` is an object of its own. What goes to a transport has no fragment: of that
 * it is by the request itself.
 */
const histories: WeakMap<object, RequestHistory> = new WeakMap()

const keyOf = (request: Request): object => (request.hash._tag === "None" ? request : request.hash)

const historyOf = (request: Request): RequestHistory | undefined => histories.get(keyOf(request))

/** The earlier requests of the call that a request belongs to. */
export const earlierSignings = (request: Request): ReadonlyArray<Signing> => historyOf(request)?.signings ?? []

/** Gives a request the earlier requests of its call. */
export const withHistory = (request: Request, signings: ReadonlyArray<Signing>): Request => {
  const fragment = Option.getOrElse(request.hash, () => request.url.split("#", 2)[1] ?? "")
  const next = HttpClientRequest.setHash(request, fragment)
  histories.set(next.hash, { signings, redact: undefined })
  return next
}

/** Gives a request that was made of another one the earlier requests of that one. It is the last one: the transport's. */
export const copyHistory = (from: Request, to: Request): Request => {
  // Only a request with a fragment has a history before it goes to the transport.
  const history = from === to || from.hash._tag === "None" ? undefined : historyOf(from)
  if (history !== undefined) histories.set(keyOf(to), history)
  return to
}

/** The same for a request that changes on its way to the transport: a scheme may have taken its fragment away. */
export const keepHistory = (from: Request, to: Request): Request =>
  from.hash._tag === "None" || from.hash === to.hash ? to : withHistory(to, earlierSignings(from))

/** What replaces the credentials of earlier requests; undefined for the first request of a call. */
export const redactorOf = (request: Request): Redactor | undefined => {
  const history = historyOf(request)
  return history === undefined ? undefined : (history.redact ??= makeRedactor(history.signings))
}

/** The URL of a request, safe to print. */
export const redactedUrl = (request: Request): string => Redact.url(request.url, redactorOf(request))

/** The origin of a request, or its host, safe to print. */
export const redactedOrigin = (request: Request, origin: string): string => redactorOf(request)?.(origin) ?? origin
