/** Path parameters, queries, response headers, and pages. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Paginate from "@countersign/client/Paginate"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
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

// #region pages
/** The titles of all pages. The next page is the link with `rel="next"` of the response. */
export const titles = Effect.gen(function* () {
  const api = yield* Api
  yield* Paginate.items(api, "/issues", { schema: Issues, next: Paginate.link() }).pipe(
    Stream.runForEach(({ title }) => Console.log(title))
  )
})
// #endregion

export const program = Effect.all([one, list, titles], { discard: true })
