/**
 * Pagination: the pages of a list, and their items, as a stream.
 *
 * Each page is a call of the client with its own retries and time limits. A page is requested when the reader of the stream
 * needs it. A list that does not end fails with {@link PaginationError}, and is never cut without an error.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ApiClient } from "./ApiClient.js"
import type * as Call from "./Call.js"
import type { InvalidRequest, InvalidResponse } from "./Errors.js"
import * as Nexts from "./internal/pagination/next.js"
import type { AnyOptions } from "./internal/pagination/pages.js"
import * as Pages from "./internal/pagination/pages.js"
import type * as PaginationErrors from "./internal/pagination/paginationError.js"
import type { PaginationError } from "./internal/pagination/paginationError.js"
import * as Positions from "./internal/pagination/position.js"

/**
 * Where a page is: plain JSON, to store it and continue later with the option `from`.
 *
 * It holds URL, query and body of the request, and no credentials of the client. A server may write secrets into the URL of
 * a page.
 *
 * @since 0.1.0
 * @category models
 */
export type Position = Positions.Position

/**
 * Schema of a {@link Position}, for one that was stored.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Position: Schema.Schema<Position> = Positions.Position

/**
 * The request of the next page: another URL, parameters that replace those of the query, or another JSON body. `undefined`
 * after the last page.
 *
 * A relative URL is relative to the URL of this page, after redirects. It replaces the query too.
 *
 * @since 0.1.0
 * @category models
 */
export type Change = Positions.Change

/**
 * A page that was read: the input of {@link Next}.
 *
 * @since 0.1.0
 * @category models
 */
export type PageRead<B> = Nexts.PageRead<B>

/**
 * Finds the next page: {@link link}, {@link url}, {@link cursor}, {@link jsonCursor}, {@link page}, {@link offset}, or a
 * function of your own.
 *
 * @since 0.1.0
 * @category models
 */
export type Next<B> = Nexts.Next<B>

/**
 * A page with its items, its decoded body, its response, and the position of the next page.
 *
 * @since 0.1.0
 * @category models
 */
export type Page<B, A> = Pages.Page<B, A>

/**
 * Why a list did not end.
 *
 * - `Circle`: the next page was read before.
 * - `TooManyPages`: the list has more than `maxPages` pages.
 * - `InvalidNext`: the server gave no http or https URL, or a URL or cursor of more than 16,384 characters.
 *
 * @since 0.1.0
 * @category errors
 */
export type PaginationReason = PaginationErrors.PaginationReason

export { PaginationError } from "./internal/pagination/paginationError.js"

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: typeof Pages.defaults = Pages.defaults

/**
 * Options of {@link items} and {@link pages}. Those of a call apply to each page: `timeout` limits a page, not the stream.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<S extends Schema.Schema.Any, E = never> extends Call.Options<E> {
  /** Schema that decodes the JSON body of a page. */
  readonly schema: S
  /** Finds the next page: `Paginate.link()`, `Paginate.cursor((page) => page.next)` … */
  readonly next: Next<Schema.Schema.Type<S>>
  /** Method of the requests (GET). A POST is repeated only with an idempotency key, as in any call. */
  readonly method?: "GET" | "POST" | undefined
  /** Value to send as JSON, with `method: "POST"`. */
  readonly json?: unknown
  /** Maximum number of pages (1000). More of them are a {@link PaginationError}. */
  readonly maxPages?: number | undefined
  /** Whether the next page is requested while this one is used, at most one ahead (false). */
  readonly prefetch?: boolean | undefined
  /** Continues at this position, instead of the first page. `url`, `path`, `query` and `json` are those of the position. */
  readonly from?: Position | undefined
}

/**
 * The option `items`: where the items of a page are. Required if the page is no array.
 *
 * @since 0.1.0
 * @category models
 */
export type ItemsOption<B, A> =
  B extends ReadonlyArray<unknown>
    ? { readonly items?: ((body: B) => ReadonlyArray<A>) | undefined }
    : { readonly items: (body: B) => ReadonlyArray<A> }

/**
 * The items of a page that is an array.
 *
 * @since 0.1.0
 * @category models
 */
export type ItemOf<B> = B extends ReadonlyArray<infer A> ? A : never

/**
 * The pages of a list, in order.
 *
 * Fails as a call of the client fails, with the error of the page. The pages before it were given already, so continue
 * with the `next` of the last one. A link that leaves the base URL and the `origins` of the client fails with
 * `InvalidRequest`, and nothing is sent. Fails with {@link PaginationError} if the list does not end.
 *
 * @param api - the client.
 * @param url - URL of the first page: a path below the base URL, or an absolute URL of one of the client's origins.
 * @param options - see {@link Options} and {@link ItemsOption}.
 * @since 0.1.0
 * @category constructors
 */
export const pages = <
  E,
  const Url extends string,
  S extends Schema.Schema.Any,
  A = ItemOf<Schema.Schema.Type<S>>,
  E1 = never
>(
  api: ApiClient<E>,
  url: Url | URL,
  options: Options<S, E1> & ItemsOption<Schema.Schema.Type<S>, A> & Call.PathOptions<Url>
): Stream.Stream<
  Page<Schema.Schema.Type<S>, A>,
  E | E1 | InvalidRequest | InvalidResponse | PaginationError,
  Schema.Schema.Context<S>
> =>
  // The implementation does not know the types of body and items. The signature declares them.
  Pages.pages(api, url, options as unknown as AnyOptions) as Stream.Stream<
    Page<Schema.Schema.Type<S>, A>,
    E | E1 | InvalidRequest | InvalidResponse | PaginationError,
    Schema.Schema.Context<S>
  >

/**
 * The items of all pages of a list, in order. An item is never given twice because of a retry.
 *
 * `Stream.take` requests no more pages than it needs, and with `prefetch` at most one more. Fails as {@link pages}.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Paginate from "@countersign/client/Paginate"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Stream from "effect/Stream"
 *
 * class GitHub extends ApiClient.Tag("app/GitHub")<GitHub>() {}
 *
 * const Issues = Schema.Array(Schema.Struct({ title: Schema.String }))
 *
 * const titles = Effect.flatMap(GitHub, (github) =>
 *   Paginate.items(github, "/repos/{owner}/{repo}/issues", {
 *     path: { owner: "effect-ts", repo: "effect" },
 *     schema: Issues,
 *     next: Paginate.link()
 *   }).pipe(Stream.runForEach(({ title }) => Console.log(title)))
 * )
 *
 * @param api - the client.
 * @param url - URL of the first page: a path below the base URL, or an absolute URL of one of the client's origins.
 * @param options - see {@link Options} and {@link ItemsOption}.
 * @since 0.1.0
 * @category constructors
 */
export const items = <
  E,
  const Url extends string,
  S extends Schema.Schema.Any,
  A = ItemOf<Schema.Schema.Type<S>>,
  E1 = never
>(
  api: ApiClient<E>,
  url: Url | URL,
  options: Options<S, E1> & ItemsOption<Schema.Schema.Type<S>, A> & Call.PathOptions<Url>
): Stream.Stream<A, E | E1 | InvalidRequest | InvalidResponse | PaginationError, Schema.Schema.Context<S>> =>
  Stream.mapConcatChunk(pages<E, Url, S, A, E1>(api, url, options), (page) => Chunk.unsafeFromArray(page.items))

/**
 * The next page is the link with a relation type in the field `Link`, as of GitHub, GitLab, Shopify and Sentry. A response
 * without such a link is the last page.
 *
 * Specification: [RFC 8288 §3](https://www.rfc-editor.org/rfc/rfc8288#section-3),
 * [RFC 5005 §3](https://www.rfc-editor.org/rfc/rfc5005#section-3).
 *
 * @param relation - the relation type (`next`).
 * @since 0.1.0
 * @category next pages
 */
export const link: (relation?: string) => Next<unknown> = Nexts.link

/**
 * The next page is a URL in the body, as of OData (`@odata.nextLink`), Django REST framework and Spotify. Null, undefined and
 * an empty text end the list.
 *
 * @param of - the URL in the body of a page. A relative URL is relative to that of the page.
 * @since 0.1.0
 * @category next pages
 */
export const url: <B>(of: (body: B) => string | null | undefined) => Next<B> = Nexts.url

/**
 * The next page is a cursor in the body, sent as a query parameter, as of Slack, Google and X. Null, undefined and an empty
 * text end the list.
 *
 * For an API with a flag, as of Stripe: `(page) => (page.has_more ? page.data.at(-1)?.id : undefined)`.
 *
 * @param of - the cursor in the body of a page.
 * @param parameter - the name of the query parameter (`cursor`).
 * @since 0.1.0
 * @category next pages
 */
export const cursor: <B>(of: (body: B) => string | number | null | undefined, parameter?: string) => Next<B> =
  Nexts.cursor

/**
 * The next page is a cursor in the body, sent as a member of the JSON body, as of Notion. Use it with `method: "POST"`. Null,
 * undefined and an empty text end the list.
 *
 * @param of - the cursor in the body of a page.
 * @param member - the name of the member (`cursor`).
 * @since 0.1.0
 * @category next pages
 */
export const jsonCursor: <B>(of: (body: B) => string | number | null | undefined, member?: string) => Next<B> =
  Nexts.jsonCursor

/**
 * Pages are numbered, and a page without items is the last one.
 *
 * @param parameter - the name of the query parameter (`page`).
 * @param first - the number of the first page (1). The option `query` may begin with another one.
 * @since 0.1.0
 * @category next pages
 */
export const page: (parameter?: string, first?: number) => Next<unknown> = Nexts.page

/**
 * Pages begin at an offset: the number of items before them. A page without items is the last one.
 *
 * @param parameter - the name of the query parameter (`offset`).
 * @since 0.1.0
 * @category next pages
 */
export const offset: (parameter?: string) => Next<unknown> = Nexts.offset
