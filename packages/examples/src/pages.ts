/** All pages of a list: by Link, by cursor, by a function, and continued after a failure. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Paginate from "@countersign/client/Paginate"
import * as PromiseClient from "@countersign/client/PromiseClient"
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

// #region link
class Api extends ApiClient.Tag("app/Api")<Api>() {}

const Issues = Schema.Array(Schema.Struct({ title: Schema.String }))

export const allIssues = Effect.gen(function* () {
  const api = yield* Api
  const issues = Paginate.items(api, "/issues", { schema: Issues, next: Paginate.link(), query: { state: "open" } })
  yield* Stream.runForEach(issues, ({ title }) => Console.log(title))
})
// #endregion

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com/v1", auth: Auth.none })

// #region cursor
const Events = Schema.Struct({
  data: Schema.Array(Schema.Struct({ id: Schema.String })),
  next_cursor: Schema.NullOr(Schema.String)
})

/** The stream requests no page more than it needs. */
export const firstEvents = Effect.gen(function* () {
  const api = yield* Api
  const events = Paginate.items(api, "/events", {
    schema: Events,
    items: (page) => page.data,
    next: Paginate.cursor((page) => page.next_cursor)
  })
  yield* Stream.runForEach(Stream.take(events, 3), ({ id }) => Console.log(id))
})
// #endregion

// #region function
const Charges = Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String })), has_more: Schema.Boolean })

export const charges = Effect.gen(function* () {
  const api = yield* Api
  const list = Paginate.items(api, "/charges", {
    schema: Charges,
    items: (page) => page.data,
    next: Paginate.cursor((page) => (page.has_more ? page.data.at(-1)?.id : undefined), "starting_after")
  })
  yield* Console.log(`${yield* Stream.runCount(list)} charges`)
})
// #endregion

// #region resume
/** Reads pages until one fails, and returns its position. With the position of an earlier run, it continues there. */
const copyIssues = (from?: Paginate.Position) =>
  Effect.gen(function* () {
    const api = yield* Api
    const next = yield* Ref.make(from)
    const pages = Paginate.pages(api, "/issues", { schema: Issues, next: Paginate.link(), from, prefetch: true })
    const copied = Stream.runForEach(pages, (page) =>
      Effect.zipRight(Console.log(`copied ${page.items.length}`), Ref.set(next, page.next))
    )
    yield* Effect.catchAll(copied, (error) => Console.log(error.message))
    return yield* Ref.get(next)
  })

const StoredPosition = Schema.parseJson(Paginate.Position)

export const copied = Effect.gen(function* () {
  const position = yield* copyIssues()
  if (position === undefined) return
  const stored = yield* Schema.encode(StoredPosition)(position)
  yield* Console.log(`stored ${stored}`)
  yield* copyIssues(yield* Schema.decode(StoredPosition)(stored))
})
// #endregion

// #region errors
export const checked = Effect.gen(function* () {
  const api = yield* Api
  return yield* Stream.runDrain(Paginate.items(api, "/circle", { schema: Issues, next: Paginate.link() }))
}).pipe(Effect.catchTag("PaginationError", (error) => Console.log(error.message)))
// #endregion

// #region promises
export const printTitles = async (transport: Layer.Layer<HttpClient>) => {
  await using api = PromiseClient.make(Api, Layer.provide(ApiLive, transport))
  const issues = api.iterate((client) => Paginate.items(client, "/issues", { schema: Issues, next: Paginate.link() }))
  for await (const { title } of issues) console.log(title)
}
// #endregion

export const program = Effect.all([allIssues, firstEvents, charges, copied, checked], { discard: true })
