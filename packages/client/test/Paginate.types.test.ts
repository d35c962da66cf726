/** Types of lists: options, items, errors and requirements. */
import type { ApiClient } from "@countersign/client/ApiClient"
import type * as Auth from "@countersign/client/Auth"
import type * as Errors from "@countersign/client/Errors"
import * as Paginate from "@countersign/client/Paginate"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { describe, expectTypeOf, it } from "vitest"

const User = Schema.Struct({ id: Schema.Number, born: Schema.Date })
type User = typeof User.Type
const Users = Schema.Array(User)
const Page = Schema.Struct({ data: Users, next: Schema.NullOr(Schema.String) })

class Key extends Context.Tag("test/Key")<Key, string>() {}
const Sealed = Schema.Array(
  Schema.transformOrFail(Schema.String, Schema.Number, { decode: () => Effect.as(Key, 1), encode: () => Key })
)

declare class Denied {
  readonly _tag: "Denied"
}

type Failure = Errors.ApiError | Errors.InvalidResponse | Paginate.PaginationError
type List<A, E = Failure, R = never> = Stream.Stream<A, E, R>

const next = Paginate.link()

describe("Paginate types", () => {
  it("infer the items of an array, of a selector, and the types of a page", () => {
    const _lists = (api: ApiClient) => ({
      array: Paginate.items(api, "/users", { schema: Users, next }),
      selected: Paginate.items(api, "/users", {
        schema: Page,
        items: (page) => page.data,
        next: Paginate.cursor((page) => page.next)
      }),
      mapped: Paginate.items(api, "/users", { schema: Users, items: (users) => users.map(({ id }) => id), next }),
      page: Paginate.pages(api, "/users", {
        schema: Page,
        items: ({ data }) => data,
        next: ({ body }) => (body.next === null ? undefined : { url: body.next })
      })
    })
    type Lists = ReturnType<typeof _lists>
    expectTypeOf<Lists["array"]>().toEqualTypeOf<List<User>>()
    expectTypeOf<Lists["selected"]>().toEqualTypeOf<List<User>>()
    expectTypeOf<Lists["mapped"]>().toEqualTypeOf<List<number>>()
    expectTypeOf<Lists["page"]>().toEqualTypeOf<List<Paginate.Page<typeof Page.Type, User>>>()
  })

  it("have the errors of the client and of a scheme, and the services of the schema", () => {
    const _lists = (api: ApiClient<Errors.ApiError | Denied>, auth: Auth.Service<Denied>) => ({
      client: Paginate.items(api, "/x", { schema: Users, next }),
      scheme: Paginate.items(api as ApiClient, "/x", { schema: Users, next, auth }),
      sealed: Paginate.items(api as ApiClient, "/x", { schema: Sealed, next })
    })
    type Lists = ReturnType<typeof _lists>
    expectTypeOf<Lists["client"]>().toEqualTypeOf<List<User, Failure | Denied>>()
    expectTypeOf<Lists["scheme"]>().toEqualTypeOf<List<User, Failure | Denied>>()
    expectTypeOf<Lists["sealed"]>().toEqualTypeOf<List<number, Failure, Key>>()
  })

  it("reject missing, misspelt and wrong options", () => {
    const _wrong = (api: ApiClient) => [
      // @ts-expect-error The page is no array, so `items` is required.
      Paginate.items(api, "/x", { schema: Page, next }),
      // @ts-expect-error Without `next` there is one page: use a call.
      Paginate.items(api, "/x", { schema: Users }),
      // @ts-expect-error A misspelt option.
      Paginate.items(api, "/x", { schema: Users, next, maxPage: 3 }),
      // @ts-expect-error The cursor is no text.
      Paginate.items(api, "/x", { schema: Page, items: ({ data }) => data, next: Paginate.cursor(({ data }) => data) }),
      // @ts-expect-error The path needs its parameter.
      Paginate.items(api, "/users/{id}", { schema: Users, next }),
      // @ts-expect-error Another method.
      Paginate.items(api, "/x", { schema: Users, next, method: "PUT" }),
      Paginate.items(api, "/users/{id}", { schema: Users, next, path: { id: 1 } })
    ]
    expectTypeOf(_wrong).toBeFunction()
  })
})
