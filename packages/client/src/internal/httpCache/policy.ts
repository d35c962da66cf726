/** The policy of a cache. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Origin from "@countersign/protocol/Origin"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import type { CallContext } from "../call/context.js"
import { runExternal } from "../call/externalCode.js"
import { runnerOf } from "../call/immediate.js"
import type { Policy, Send } from "../call/pipeline.js"
import { makePolicy } from "../call/pipeline.js"
import { responseOfError } from "../errors/errorResponse.js"
import { urlOf } from "../request/requestUrl.js"
import * as Transport from "../../Transport.js"
import type { CacheClient } from "./cacheClient.js"
import type { CacheKey } from "./cacheKey.js"
import { keyOf, normalUrl } from "./cacheKey.js"
import type { CallingClient } from "./cachedCall.js"
import { CachedCall } from "./cachedCall.js"
import { requestDirectives } from "./freshness.js"
import type { Cache } from "./cacheState.js"
import { runStore } from "./cacheState.js"

/** Methods that change nothing (RFC 9110 §9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH", "TRACE"])

/** Fields with which the caller validates, or reads a part, by itself. */
const ownConditions = ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"]

const mayUseCache = ({ body, headers, method }: HttpClientRequest): boolean =>
  (method === "GET" || method === "HEAD") &&
  body._tag === "Empty" &&
  ownConditions.every((name) => headers[name] === undefined) &&
  !requestDirectives(headers).has("no-store")

/** The URLs that a response to an unsafe request invalidates (RFC 9111 §4.4): those of its own origin. */
const invalidatedUrls = (url: string, response: HttpClientResponse | undefined): ReadonlyArray<string> => {
  const named = [response?.headers["location"], response?.headers["content-location"]].flatMap((reference) =>
    reference === undefined ? [] : [normalUrl(reference, url)?.href ?? ""]
  )
  return [normalUrl(url)?.href ?? "", ...named.filter((one) => Origin.same(one, url))]
}

/** Without a response the server may have changed something. An error status says that it did not. */
const mayHaveChanged = (exit: Exit.Exit<HttpClientResponse, unknown>): boolean => {
  if (Exit.isSuccess(exit)) return exit.value.status < 400
  const error: unknown = Option.getOrUndefined(Cause.failureOption(exit.cause))
  return !(typeof error === "object" && error !== null && responseOfError.has(error))
}

/** A change without an answer has used up its time, so the deadline of the call does not count. */
const invalidate = (cache: Cache, urls: ReadonlyArray<string>, context: CallContext): Effect.Effect<void> =>
  Effect.suspend(() => {
    for (const url of urls) cache.invalidations.add(url)
    const removed = Effect.forEach(urls, (url) => cache.store.invalidate(url), { discard: true })
    return runStore(cache, removed, undefined, { ...context, deadline: undefined })
  })

const sendChange = <E, R>(cache: Cache, request: HttpClientRequest, next: Send<E, R>, context: CallContext) =>
  Effect.onExit(next(request, context), (exit) =>
    mayHaveChanged(exit)
      ? invalidate(cache, invalidatedUrls(urlOf(request), Exit.isSuccess(exit) ? exit.value : undefined), context)
      : Effect.void
  )

/** The policy of one client. It stands inside `Redirects.follow` and outside `Retry.policy`. */
export const policyFor = (cache: Cache, client: CacheClient): Policy => {
  const { jar, readsBodies, scope, settings } = client
  const calling: CallingClient = { maxBodySize: settings.maxBodySize ?? Transport.defaults.maxBodySize, scope }
  const cookiesOf = (url: string, context: CallContext) =>
    jar === undefined ? Effect.succeed("") : runnerOf(jar)(jar.cookiesFor(url), context)
  const keyFor = (request: HttpClientRequest, context: CallContext): Effect.Effect<CacheKey | undefined> =>
    Effect.flatMap(runExternal(cache.accountOf(client), context), (account) =>
      account === undefined
        ? Effect.succeed(undefined)
        : Effect.map(cookiesOf(urlOf(request), context), (cookies) => keyOf(request, account, cookies))
    )
  return makePolicy((request, next, context) => {
    if (!safeMethods.has(request.method)) return sendChange(cache, request, next, context)
    if (!readsBodies || !mayUseCache(request)) return next(request, context)
    return Effect.flatMap(keyFor(request, context), (key) =>
      key === undefined ? next(request, context) : new CachedCall(cache, key, request, next, context, calling).run
    )
  })
}
