/** The pages of a list: one call for each, in order. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as OptionNames from "@countersign/protocol/OptionNames"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import type * as Call from "../../Call.js"
import type { InvalidResponse } from "../../Errors.js"
import { InvalidRequest } from "../../Errors.js"
import type { ApiClient } from "../client/apiClient.js"
import { parseParams } from "../request/formParams.js"
import { defaultNames, otherNames } from "../request/optionNames.js"
import { expandPath, missingParameter } from "../request/pathParameters.js"
import type { Next } from "./next.js"
import { PaginationError } from "./paginationError.js"
import type { Position } from "./position.js"
import { makePosition, move } from "./position.js"
import { VisitedPages } from "./visitedPages.js"

/** A schema of any type. The signatures of `Paginate` declare which. */
type AnySchema = Schema.Schema<unknown, unknown, unknown>

/** The options of all functions of `Paginate`, which declare the types of body and items. */
export interface AnyOptions extends Call.Options<unknown> {
  readonly schema: AnySchema
  readonly next: Next<unknown>
  readonly items?: ((body: unknown) => ReadonlyArray<unknown>) | undefined
  readonly method?: "GET" | "POST" | undefined
  readonly json?: unknown
  readonly path?: Readonly<Record<string, unknown>> | undefined
  readonly maxPages?: number | undefined
  readonly prefetch?: boolean | undefined
  readonly from?: Position | undefined
}

/** See `Paginate.Page`. */
export interface Page<out B, out A> {
  /** The items of the page. */
  readonly items: ReadonlyArray<A>
  /** The decoded body. */
  readonly body: B
  /** The response. Its body can be read again. */
  readonly response: HttpClientResponse
  /** Where this page is. */
  readonly position: Position
  /** Where the next page is, for the option `from` of a later run. Undefined for the last page. */
  readonly next: Position | undefined
}

const names: OptionNames.ShapeOf<AnyOptions> = {
  ...defaultNames,
  schema: true,
  next: true,
  items: true,
  method: true,
  json: true,
  path: true,
  maxPages: "count",
  prefetch: true,
  from: true
}

/** See `Paginate.defaults`. */
export const defaults = {
  /** Maximum number of pages of one stream. */
  maxPages: 1000
} as const

type Failure = InvalidRequest | InvalidResponse | PaginationError

type AnyPage = Page<unknown, unknown>

const invalidOptions = (options: AnyOptions): InvalidRequest | undefined => {
  const unknown = OptionNames.findUnknown(options, names, otherNames)
  if (unknown !== undefined) {
    return new InvalidRequest({ reason: "Options", detail: OptionNames.explain("`Paginate`", unknown) })
  }
  const { method = "GET" } = options
  const wrong = OptionNames.findWrongValue(options, names)
  const detail =
    method !== "GET" && method !== "POST"
      ? "`method` of `Paginate` is neither GET nor POST."
      : wrong && OptionNames.explainWrongValue("`Paginate`", wrong)
  return detail === undefined ? undefined : new InvalidRequest({ reason: "Options", detail })
}

const firstPosition = (url: string | URL, { from, json, path, query }: AnyOptions): Position | InvalidRequest => {
  if (from !== undefined) return from
  const target = path === undefined ? (missingParameter(url) ?? String(url)) : expandPath(String(url), path)
  if (target instanceof InvalidRequest) return target
  const params = query === undefined ? [] : parseParams(query, "query", "Url")
  return params instanceof InvalidRequest ? params : makePosition(target, params, json, 0)
}

const commonNames = Struct.omit(defaultNames, "query")

/** The options of a call that all pages have. */
const callNames: ReadonlyArray<keyof Call.Options | "schema"> = [
  // The type of the object has all its names.
  ...(Object.keys(commonNames) as Array<keyof typeof commonNames>),
  "schema"
]

const callOf = <E>(api: ApiClient<E>, options: AnyOptions) => {
  // An option of the scheme has its own errors. The signatures of `Paginate` declare them.
  const common = Struct.pick(options, ...callNames) as Call.Options & Pick<AnyOptions, "schema">
  const call = { ...common, withResponse: true as const }
  // V8 adds properties slowly to an object that was spread before.
  return ({ json, query, url }: Position) =>
    options.method === "POST" ? api.post(url, { query, json, ...call }) : api.get(url, { query, ...call })
}

/** Reads one page after another. It is made anew for each run of the stream, because it stores which pages were read. */
const makeReader = <E>(api: ApiClient<E>, options: AnyOptions, first: Position) => {
  const { maxPages = defaults.maxPages, next } = options
  // The signatures of `Paginate` require `items` for a body that is no array.
  const itemsOf = options.items ?? ((body: unknown) => body as ReadonlyArray<unknown>)
  const call = callOf(api, options)
  const visited = new VisitedPages()

  const problemOf = (at: Position, key: string): PaginationError | undefined => {
    if (visited.has(key)) return new PaginationError("Circle", at)
    return at.page - first.page < maxPages ? undefined : new PaginationError("TooManyPages", at)
  }

  const pageOf = (at: Position, body: unknown, response: HttpClientResponse): AnyPage | PaginationError => {
    const items = itemsOf(body)
    const change = next({ body, response, items, position: at })
    const following = change === undefined ? undefined : move(at, change, response)
    return change !== undefined && following === undefined
      ? new PaginationError("InvalidNext", at)
      : { items, body, response, position: at, next: following }
  }

  return (at: Position): Effect.Effect<AnyPage, E | Failure, unknown> =>
    Effect.suspend(() => {
      const key = visited.requestKey(at)
      const problem = problemOf(at, key)
      if (problem !== undefined) return Effect.fail(problem)
      return Effect.flatMap(call(at), ([body, response]) => {
        const page = visited.add(key, at, response) ? pageOf(at, body, response) : new PaginationError("Circle", at)
        return page instanceof PaginationError ? Effect.fail(page) : Effect.succeed(page)
      })
    })
}

/** The pages as a stream. With `prefetch`, the next page is read while the reader of the stream uses this one. */
export const pages = <E>(
  api: ApiClient<E>,
  url: string | URL,
  options: AnyOptions
): Stream.Stream<AnyPage, E | Failure, unknown> =>
  Stream.unwrapScoped(
    Effect.map(Effect.scope, (scope) => {
      const first = invalidOptions(options) ?? firstPosition(url, options)
      if (first instanceof InvalidRequest) return Stream.fail(first)
      const read = makeReader(api, options, first)
      const follow = (at: Position) =>
        options.prefetch === true ? Effect.map(Effect.forkIn(read(at), scope), Fiber.join) : Effect.succeed(read(at))
      return Stream.paginateEffect(read(first), (reading) =>
        Effect.flatMap(reading, (page) =>
          page.next === undefined
            ? Effect.succeed([page, Option.none()] as const)
            : Effect.map(follow(page.next), (following) => [page, Option.some(following)] as const)
        )
      )
    })
  )
