/** Pages and operations of HttpBin, read by the client. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Operation from "@countersign/client/Operation"
import * as Paginate from "@countersign/client/Paginate"
import * as HttpBin from "@countersign/testing/HttpBin"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const api = Effect.flatMap(HttpBin.HttpBin, ({ baseUrl }) => ApiClient.make({ baseUrl, auth: Auth.none }))

const Numbers = Schema.Array(Schema.Number)
const Page = Schema.Struct({
  items: Numbers,
  next: Schema.optional(Schema.NullOr(Schema.String)),
  cursor: Schema.optional(Schema.NullOr(Schema.String))
})
type Page = typeof Page.Type

const itemsOf = ({ items }: Page) => items

const paths = Effect.flatMap(HttpBin.HttpBin, ({ requests }) =>
  Effect.map(requests, (all) => all.map(({ path }) => path.replace("/countersign/pages/", "")))
)

const list = (path: string, next: Paginate.Next<unknown> = Paginate.link()) =>
  Effect.flatMap(api, (client) =>
    Stream.runCollect(Paginate.items(client, `/countersign/pages/${path}`, { schema: Numbers, next }))
  ).pipe(Effect.map(Chunk.toReadonlyArray))

const objects = (path: string, next: Paginate.Next<Page>) =>
  Effect.flatMap(api, (client) =>
    Stream.runCollect(Paginate.items(client, `/countersign/pages/${path}`, { schema: Page, items: itemsOf, next }))
  ).pipe(Effect.map(Chunk.toReadonlyArray))

describe("HttpBin pages", () => {
  it.effect.each([
    { style: "link", read: list("link") },
    { style: "page", read: list("page", Paginate.page()) },
    { style: "offset", read: list("offset", Paginate.offset()) },
    {
      style: "url",
      read: objects(
        "url",
        Paginate.url(({ next }) => next)
      )
    },
    {
      style: "cursor",
      read: objects(
        "cursor",
        Paginate.cursor(({ cursor }) => cursor)
      )
    }
  ])("gives the numbers of three pages in the style $style", ({ read }) =>
    Effect.gen(function* () {
      expect(yield* read).toEqual([1, 2, 3, 4, 5, 6])
    }).pipe(Effect.provide(HttpBin.layerMemory))
  )

  it.effect("links back with circle, and to another host with foreign", () =>
    Effect.gen(function* () {
      for (const read of [
        list("link?circle=2"),
        objects(
          "cursor?circle=2",
          Paginate.cursor(({ cursor }) => cursor)
        )
      ]) {
        expect(yield* Effect.flip(read)).toMatchObject({ _tag: "PaginationError", reason: "Circle" })
      }
      expect(yield* Effect.flip(list("link?foreign=1"))).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    }).pipe(Effect.provide(HttpBin.layerMemory))
  )

  it.effect("responds 503 to the first request of the broken page", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(list("link?pages=2&size=1&broken=2"))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toEqual([1, 2])
      expect(yield* paths).toEqual([
        "link?pages=2&size=1&broken=2",
        "link?pages=2&size=1&broken=2&page=2",
        "link?pages=2&size=1&broken=2&page=2"
      ])
    }).pipe(Effect.provide(HttpBin.layerMemory))
  )

  it.effect("responds 404 to another style, and bounds its numbers", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(list("toString"))).toMatchObject({ _tag: "ClientError", status: 404 })
      expect(yield* list("link?pages=1&size=1e9")).toHaveLength(1000)
      expect(yield* list("link?pages=-1")).toEqual([1, 2, 3, 4, 5, 6])
    }).pipe(Effect.provide(HttpBin.layerMemory))
  )
})

const Made = Schema.Struct({ id: Schema.String, made: Schema.Boolean })

const operation = (path: string) =>
  Effect.gen(function* () {
    const client = yield* api
    const fiber = yield* Effect.fork(
      Operation.run(client, `/countersign/operations/${path}`, { schema: Made, maxWait: "1 minute" })
    )
    yield* TestClock.adjust("2 minutes")
    return yield* Fiber.join(fiber)
  })

describe("HttpBin operations", () => {
  for (const style of ["location", "operation-location", "azure-asyncoperation"]) {
    it.effect(`runs for two looks, and succeeds, fails or never ends in the style ${style}`, () =>
      Effect.gen(function* () {
        expect(yield* operation(style)).toEqual({ id: "0", made: true })
        const failed = yield* Effect.flip(operation(`${style}?result=failed`))
        expect(failed).toMatchObject({ reason: "Failed", serverMessage: "The disk of the server is full" })
        expect(yield* Effect.flip(operation(`${style}?result=canceled`))).toMatchObject({ reason: "Canceled" })
        expect(yield* Effect.flip(operation(`${style}?result=running`))).toMatchObject({ reason: "TooLong" })
      }).pipe(Effect.provide(HttpBin.layerMemory))
    )
  }

  it.effect("sends Retry-After with wait, and 404 for another style", () =>
    Effect.gen(function* () {
      yield* operation("location?wait=7&looks=1")
      const { requests } = yield* HttpBin.HttpBin
      expect((yield* requests).map(({ at }) => at)).toEqual([0, 7000, 14_000])
      expect(yield* Effect.flip(operation("other"))).toMatchObject({ _tag: "ClientError", status: 404 })
    }).pipe(Effect.provide(HttpBin.layerMemory))
  )
})
