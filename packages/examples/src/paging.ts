/** Path parameters, queries, response headers, and pages. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region client
/** Each request has `per_page=2`, unless the call sets another one. */
export const ApiLive = Api.layer({
  baseUrl: "https://api.example.com/v1",
  auth: Auth.none,
  query: { per_page: 2 },
  headers: { accept: "application/json" }
})
// #endregion

const Issue = Schema.Struct({ number: Schema.Number, title: Schema.String })
const Issues = Schema.Array(Issue)

// #region one
/** GET /v1/repos/my%20team/shop/issues/1 */
export const one = Effect.gen(function* () {
  const api = yield* Api
  const issue = yield* api.get("/repos/{owner}/{repo}/issues/{number}", {
    path: { owner: "my team", repo: "shop", number: 1 },
    schema: Issue
  })
  yield* Console.log(issue.title)
})
// #endregion

// #region list
/** GET /v1/issues?per_page=2&state=open&label=bug&label=docs */
export const list = Effect.gen(function* () {
  const api = yield* Api
  const [issues, response] = yield* api.get("/issues", {
    query: { state: "open", label: ["bug", "docs"], assignee: undefined },
    schema: Issues,
    withResponse: true
  })
  yield* Console.log(`${issues.length} of ${response.headers["x-total-count"]}`)
})
// #endregion

// #region link
/** The URL with `rel="next"` in a `Link` field (RFC 8288). A relative one is relative to the URL of the response. */
const nextUrl = ({ headers, request }: HttpClientResponse) =>
  Option.fromNullable(/<([^>]*)>[^,]*rel="?next\b/.exec(headers["link"] ?? "")?.[1]).pipe(
    Option.map((url) => new URL(url, request.url).href)
  )

const allIssues = Stream.paginateChunkEffect("/issues", (url) =>
  Effect.gen(function* () {
    const api = yield* Api
    const [issues, response] = yield* api.get(url, { schema: Issues, withResponse: true })
    return [Chunk.unsafeFromArray(issues), nextUrl(response)] as const
  })
)

export const titles = Stream.runForEach(allIssues, ({ title }) => Console.log(title))
// #endregion

// #region cursor
const Page = Schema.Struct({
  items: Issues,
  cursor: Schema.optionalWith(Schema.String, { as: "Option" })
})

const allEvents = Stream.paginateChunkEffect(Option.none<string>(), (cursor) =>
  Effect.gen(function* () {
    const api = yield* Api
    const page = yield* api.get("/events", {
      query: { cursor: Option.getOrUndefined(cursor) },
      schema: Page
    })
    return [Chunk.unsafeFromArray(page.items), Option.map(page.cursor, Option.some)] as const
  })
)

/** No page is requested before the stream needs it. */
export const firstEvent = Effect.flatMap(Stream.runHead(allEvents), (event) =>
  Console.log(Option.map(event, ({ title }) => title).pipe(Option.getOrElse(() => "none")))
)
// #endregion

export const program = Effect.all([one, list, titles, firstEvent], { discard: true })
