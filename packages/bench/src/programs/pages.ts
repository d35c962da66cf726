/** Reads the pages of a list: `pages READER ORIGIN`. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Paginate from "@countersign/client/Paginate"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { itemsPerPage, pathOf } from "../PagedList.js"
import { Payload } from "../PayloadSchema.js"
import { answer } from "../Remote.js"
import { timed } from "../Turns.js"

const [, , reader, origin = ""] = process.argv

const Page = Schema.Struct({
  items: Schema.Array(Payload),
  next: Schema.NullOr(Schema.Number)
})

class Api extends ApiClient.Tag("bench/Api")<Api>() {}

const runtime = ManagedRuntime.make(
  Api.layer({ baseUrl: origin, auth: Auth.none }).pipe(Layer.provide(NodeTransport.layer))
)

/** Returns the number of items. */
type Read = (api: ApiClient.ApiClient, pages: number) => Effect.Effect<number, unknown>

const plain: Read = (api, pages) =>
  Effect.suspend(() => {
    let [count, page] = [0, 0]
    const all = Effect.whileLoop({
      while: () => page < pages,
      body: () => api.get(pathOf(pages), { query: { page: page++ }, schema: Page }),
      step: ({ items }) => {
        count += items.length
      }
    })
    return Effect.map(all, () => count)
  })

const paginate: Read = (api, pages) =>
  Stream.runFold(
    Paginate.pages(api, pathOf(pages), {
      query: { page: 0 },
      schema: Page,
      items: ({ items }) => items,
      next: Paginate.cursor(({ next }) => next, "page")
    }),
    0,
    (count, { items }) => count + items.length
  )

const read = reader === "Paginate" ? paginate : plain

const methods = {
  measure: (pages: number) =>
    timed(async () => {
      const count = await runtime.runPromise(Effect.flatMap(Api, (api) => read(api, pages)))
      if (count !== pages * itemsPerPage) throw new Error(`${count} items of ${pages} pages were read`)
    })
}

/** The methods of the process. */
export type Pages = typeof methods

answer(methods)
