import * as Errors from "@countersign/client/Errors"
import * as Paginate from "@countersign/client/Paginate"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { api, base, failure, requestTimes, run, urls } from "./support/mockApi.js"

const { respond } = MockClient

const Numbers = Schema.Array(Schema.Number)
const Page = Schema.Struct({
  items: Numbers,
  next: Schema.optional(Schema.NullOr(Schema.Union(Schema.String, Schema.Number)))
})
const itemsOf = (page: typeof Page.Type) => page.items
const nextOf = (page: typeof Page.Type) => page.next

/** A page with a link to the next one. */
const linked = (items: ReadonlyArray<number>, next?: string) =>
  respond(200, items, next === undefined ? {} : { link: `<${next}>; rel="next"` })

const collect = <A, E>(stream: Stream.Stream<A, E>) => run(Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray))

const byLink = { schema: Numbers, next: Paginate.link() } as const

describe("Paginate.items", () => {
  it.effect("reads all pages by Link, in order, and sends each URL byte for byte", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([
        linked([1, 2], `${base}/numbers?after=%2F+x&q='`),
        linked([], "numbers?page=3"),
        linked([3])
      ])
      expect(yield* collect(Paginate.items(client, "/numbers", { ...byLink, query: { tag: ["a", "b"] } }))).toEqual([
        1, 2, 3
      ])
      expect(yield* urls(mock)).toEqual([
        `GET ${base}/numbers?tag=a&tag=b`,
        `GET ${base}/numbers?after=%2F+x&q='`,
        `GET ${base}/numbers?page=3`
      ])
    })
  )

  it.effect("resolves a relative link against the URL of the page after its redirect", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([
        respond(307, "", { location: `${base}/lists/numbers/?page=1` }),
        linked([1], "?page=2"),
        linked([2])
      ])
      expect(yield* collect(Paginate.items(client, "/numbers", byLink))).toEqual([1, 2])
      expect((yield* urls(mock)).at(-1)).toBe(`GET ${base}/lists/numbers/?page=2`)
    })
  )

  const ways = [
    {
      name: "a URL in the body",
      next: Paginate.url((page: typeof Page.Type) => (page.next == null ? undefined : String(page.next))),
      pages: [
        { items: [1], next: `${base}/n?page=2` },
        { items: [2], next: null }
      ],
      sent: ["/n?page=2"]
    },
    {
      name: "a cursor as a query parameter",
      next: Paginate.cursor(nextOf, "after"),
      pages: [
        { items: [1], next: "a b&c" },
        { items: [2], next: 7 },
        { items: [3], next: "" }
      ],
      sent: ["/n?limit=1&after=a+b%26c", "/n?limit=1&after=7"]
    },
    {
      name: "a page number",
      next: Paginate.page(),
      pages: [{ items: [1] }, { items: [2] }, { items: [] }],
      sent: ["/n?limit=1&page=2", "/n?limit=1&page=3"]
    },
    {
      name: "an offset",
      next: Paginate.offset("skip"),
      pages: [{ items: [1, 1, 1] }, { items: [2, 2] }, { items: [] }],
      sent: ["/n?limit=1&skip=3", "/n?limit=1&skip=5"]
    },
    {
      name: "a function",
      next: ({ body, position }: Paginate.PageRead<typeof Page.Type>) =>
        body.next == null ? undefined : { query: { token: body.next, nth: position.page } },
      pages: [{ items: [1], next: "x" }, { items: [2] }],
      sent: ["/n?limit=1&token=x&nth=0"]
    }
  ]

  it.effect.each(ways)("reads all pages by $name", ({ next, pages, sent }) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(pages.map((page) => respond(200, page)))
      const options = { schema: Page, items: itemsOf, next, query: { limit: 1 } }
      expect(yield* collect(Paginate.items(client, "/n", options))).toEqual(pages.flatMap(({ items }) => items))
      expect(yield* urls(mock)).toEqual([`GET ${base}/n?limit=1`, ...sent.map((path) => `GET ${base}${path}`)])
    })
  )

  it.effect("begins at the number in the query, and replaces it also in the URL", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200, []), {})
      yield* collect(Paginate.items(client, "/n", { schema: Numbers, next: Paginate.page("p"), query: { p: 7 } }))
      const { api: other, mock: otherMock } = yield* api([respond(200, [1]), respond(200, [])])
      yield* collect(Paginate.items(other, "/n?p=1&x=%20&p=1", { schema: Numbers, next: Paginate.page("p") }))
      expect(yield* urls(mock)).toEqual([`GET ${base}/n?p=7`])
      expect(yield* urls(otherMock)).toEqual([`GET ${base}/n?p=1&x=%20&p=1`, `GET ${base}/n?x=%20&p=2`])
    })
  )

  it.effect("sends a cursor as a member of the JSON body", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([
        respond(200, { items: [1], next: "c" }),
        respond(200, { items: [2], next: null })
      ])
      yield* collect(
        Paginate.items(client, "/search", {
          schema: Page,
          items: itemsOf,
          method: "POST",
          json: { q: "x" },
          next: Paginate.jsonCursor(nextOf, "start_cursor")
        })
      )
      expect((yield* mock.sent).map(({ body, method }) => [method, body])).toEqual([
        ["POST", '{"q":"x"}'],
        ["POST", '{"q":"x","start_cursor":"c"}']
      ])
    })
  )

  it.effect("requests no page before it is needed", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([linked([1, 2], "/v1/n?page=2"), linked([3, 4], "/v1/n?page=3")])
      expect(yield* collect(Stream.take(Paginate.items(client, "/n", byLink), 3))).toEqual([1, 2, 3])
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.effect("can run again from the first page", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api((_, index) => (index % 2 === 0 ? linked([1], "?page=2") : linked([2])))
      const stream = Paginate.items(client, "/n", byLink)
      expect(yield* collect(stream)).toEqual([1, 2])
      expect(yield* collect(stream)).toEqual([1, 2])
    })
  )

  it.effect("retries a page, and gives no item twice", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([
        linked([1], "/v1/n?page=2"),
        respond(503),
        MockClient.fail("ECONNRESET"),
        linked([2])
      ])
      expect(yield* collect(Paginate.items(client, "/n", byLink))).toEqual([1, 2])
      expect(yield* mock.sent).toHaveLength(4)
    })
  )

  it.effect("fails with the error of a page after the items before it, and continues at its position", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([linked([1], "/v1/n?page=2"), respond(404), linked([2])])
      const read: Array<Paginate.Page<ReadonlyArray<number>, number>> = []
      const pages = Paginate.pages(client, "/n", byLink)
      const error = yield* run(failure(Stream.runForEach(pages, (page) => Effect.sync(() => read.push(page)))))
      expect(error).toBeInstanceOf(Errors.ClientError)
      expect(read.map(({ items }) => items)).toEqual([[1]])
      const stored = JSON.stringify(read[0]?.next)
      const from = yield* Schema.decodeUnknown(Schema.parseJson(Paginate.Position))(stored)
      expect(yield* collect(Paginate.items(client, "/ignored", { ...byLink, from }))).toEqual([2])
    })
  )

  it.effect("fails with InvalidResponse for a page of another shape", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(200, { error: "no list" })])
      expect(yield* run(failure(Stream.runDrain(Paginate.items(client, "/n", byLink))))).toBeInstanceOf(
        Errors.InvalidResponse
      )
    })
  )
})

const endless = (next: (page: number) => string) => api((_, index) => linked([index], next(index)))

const error = (client: Parameters<typeof Paginate.items>[0], options: Partial<Paginate.Options<typeof Numbers>> = {}) =>
  run(failure(Stream.runDrain(Paginate.items(client, "/n", { ...byLink, ...options }))))

describe("Paginate: lists that do not end", () => {
  it.effect.each([
    { name: "to the same page", next: () => "" },
    { name: "to the same URL", next: () => `${base}/n` },
    { name: "to another spelling of the URL", next: () => `HTTPS://API.test:443/v1/./n#top` }
  ])("fails with Circle without another request after a link $name", ({ next }) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* endless(next)
      expect(yield* error(client)).toMatchObject({ _tag: "PaginationError", reason: "Circle", page: 1 })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect.each([
    { name: "to another spelling of its path", last: `${base}/./n?page=2#top` },
    { name: "with its URL relative to the last page", last: "?page=2" }
  ])("fails with Circle after a link to a page in the middle, $name", ({ last }) =>
    Effect.gen(function* () {
      const next = [`${base}/n?page=2`, `${base}/n?page=3`, last]
      const { api: client, mock } = yield* endless((index) => next[index] ?? "")
      expect(yield* error(client)).toMatchObject({ _tag: "PaginationError", reason: "Circle", page: 3 })
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.effect("fails with Circle before the items of a page that redirects to an earlier one", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([
        linked([1], "/v1/n?page=2"),
        respond(302, "", { location: "/v1/n" }),
        linked([1], "/v1/n?page=3")
      ])
      const given: Array<number> = []
      const stream = Paginate.items(client, "/n", byLink)
      const found = yield* run(failure(Stream.runForEach(stream, (item) => Effect.sync(() => given.push(item)))))
      expect(found).toMatchObject({ _tag: "PaginationError", reason: "Circle" })
      expect(given).toEqual([1])
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.effect("fails with Circle for a cursor that comes again", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api((_, index) =>
        respond(200, { items: [index], next: ["a", "b"][index % 2] })
      )
      const stream = Paginate.items(client, "/n", { schema: Page, items: itemsOf, next: Paginate.cursor(nextOf) })
      expect(yield* run(failure(Stream.runDrain(stream)))).toMatchObject({ reason: "Circle", page: 3 })
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.effect("fails with TooManyPages after maxPages, and continues there", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* endless((index) => `/v1/n?page=${index + 2}`)
      const found = yield* error(client, { maxPages: 3 })
      expect(found).toMatchObject({ _tag: "PaginationError", reason: "TooManyPages", page: 3 })
      expect(yield* mock.sent).toHaveLength(3)
      const from = found instanceof Paginate.PaginationError ? found.position : undefined
      expect(from).toEqual({ url: `${base}/n?page=4`, query: [], page: 3 })
      const rest = Paginate.items(client, "/n", { ...byLink, from, maxPages: 2 })
      expect(yield* collect(Stream.take(rest, 2))).toEqual([3, 4])
      expect((yield* urls(mock))[3]).toBe(`GET ${base}/n?page=4`)
    })
  )

  it.effect("reads at most 1000 pages", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* endless((index) => `/v1/n?page=${index + 2}`)
      expect(yield* error(client)).toMatchObject({ reason: "TooManyPages", page: 1000 })
      expect(yield* mock.sent).toHaveLength(1000)
    })
  )
})

describe("Paginate: hostile links", () => {
  it.effect.each([
    "https://evil.test/n",
    "http://api.test/v1/n?page=2",
    "//evil.test/n",
    "https://api.test:8443/v1/n",
    "/other/n",
    "/v1/../n",
    "https://api.test/v1/%2e%2e/n"
  ])("sends nothing to %j, and fails with InvalidRequest", (next) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* endless(() => next)
      expect(yield* error(client)).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("follows a link to another origin of the client", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([linked([1], "https://pages.test/2"), linked([2])], {
        origins: ["https://pages.test"]
      })
      expect(yield* collect(Paginate.items(client, "/n", byLink))).toEqual([1, 2])
    })
  )

  it.effect.each([
    ["https://user:secret@api.test/v1/n", "userinfo"],
    ["ftp://api.test/n", "another scheme"],
    ["https://[::1/n", "no URL"],
    [`/v1/n?page=${"9".repeat(20_000)}`, "a long URL"]
  ])("fails with InvalidNext for a URL in the body with %2$s", ([next]) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(200, { items: [1], next }))
      const stream = Paginate.items(client, "/n", {
        schema: Page,
        items: itemsOf,
        next: Paginate.url((page: typeof Page.Type) => String(page.next))
      })
      const found = yield* run(failure(Stream.runDrain(stream)))
      expect(found).toMatchObject({ _tag: "PaginationError", reason: "InvalidNext", page: 0 })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("fails with InvalidNext for a long cursor", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(200, { items: [1], next: "c".repeat(20_000) }))
      const stream = Paginate.items(client, "/n", { schema: Page, items: itemsOf, next: Paginate.cursor(nextOf) })
      expect(yield* run(failure(Stream.runDrain(stream)))).toMatchObject({ reason: "InvalidNext" })
    })
  )

  it.effect("shows no query in an error", () =>
    Effect.gen(function* () {
      const { api: client } = yield* endless(() => "/v1/n?token=s3cret")
      const found = yield* error(client)
      const shown = [String(found), inspect(found, { depth: 9, showHidden: true }), JSON.stringify(found)].join("\n")
      expect(shown).toContain("Page 3 of https://api.test/v1/n")
      expect(shown).not.toContain("s3cret")
    })
  )
})

describe("Paginate: prefetch", () => {
  const slow = (index: number) => MockClient.delay("1 second", linked([index], `/v1/n?page=${index + 2}`))

  const timesWith = (prefetch: boolean) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api((_, index) => slow(index))
      const pages = Stream.take(Paginate.pages(client, "/n", { ...byLink, prefetch }), 3)
      yield* run(Stream.runForEach(pages, () => Effect.sleep("5 seconds")))
      return yield* requestTimes(mock)
    })

  it.effect("requests one page while the one before it is used", () =>
    Effect.gen(function* () {
      expect(yield* timesWith(true)).toEqual([0, 1_000, 6_000, 11_000])
    })
  )

  it.effect("requests a page after the one before it was used, without the option", () =>
    Effect.gen(function* () {
      expect(yield* timesWith(false)).toEqual([0, 6_000, 12_000])
    })
  )

  it.effect("interrupts the request of the next page when the stream ends", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([linked([1], "/v1/n?page=2"), MockClient.never])
      expect(yield* collect(Stream.take(Paginate.items(client, "/n", { ...byLink, prefetch: true }), 1))).toEqual([1])
      expect((yield* mock.events).map(({ _tag }) => _tag)).toContain("Interrupted")
    })
  )

  it.effect("fails with the error of a requested page when its items are needed", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([linked([1], "/v1/n?page=2"), respond(404)])
      const options = { ...byLink, prefetch: true }
      expect(yield* collect(Stream.take(Paginate.items(client, "/n", options), 1))).toEqual([1])
      const { api: again } = yield* api([linked([1], "/v1/n?page=2"), respond(404)])
      expect(yield* run(failure(Stream.runDrain(Paginate.items(again, "/n", options))))).toBeInstanceOf(
        Errors.ClientError
      )
    })
  )
})

describe("Paginate: options", () => {
  it.effect.each([
    [{ maxPage: 3 }, "`Paginate` has no option `maxPage`. Did you mean `maxPages`?"],
    [{ maxPages: 0 }, "`maxPages` of `Paginate` is 0. Set a whole number from 1."],
    [{ maxPages: Number.NaN }, "`maxPages` of `Paginate` is NaN. Set a whole number from 1."],
    [{ method: "PUT" }, "`method` of `Paginate` is neither GET nor POST."],
    [{ path: { id: 1 } }, "the URL has no parameter {id}. Add it to the URL, or remove it from `path`."]
  ])("rejects %j, and sends nothing", ([wrong, message]) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* endless(() => "?page=2")
      // The types reject these options, as for callers in TypeScript.
      const found = yield* error(client, wrong as object)
      expect(found).toMatchObject({ _tag: "InvalidRequest" })
      expect(String(found)).toContain(message)
      expect(yield* mock.sent).toHaveLength(0)
    })
  )

  it.effect("expands path parameters for the first page", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([linked([1], "?page=2"), linked([2])])
      yield* collect(Paginate.items(client, "/users/{id}/n", { ...byLink, path: { id: "a b" } }))
      expect(yield* urls(mock)).toEqual([`GET ${base}/users/a%20b/n`, `GET ${base}/users/a%20b/n?page=2`])
    })
  )

  it.effect("applies the time limit to each page, not to the stream", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api((_, index) =>
        MockClient.delay("2 seconds", linked([index], index < 4 ? `?page=${index + 2}` : undefined))
      )
      expect(yield* collect(Paginate.items(client, "/n", { ...byLink, timeout: "3 seconds" }))).toHaveLength(5)
      const { api: slower } = yield* api([linked([0], "?page=2"), MockClient.delay("4 seconds", linked([1]))])
      const late = Paginate.items(slower, "/n", { ...byLink, timeout: "3 seconds", retry: false })
      expect(yield* run(failure(Stream.runDrain(late)))).toMatchObject({ _tag: "Timeout" })
    })
  )

  it.effect("interrupts its request when the stream is interrupted", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([MockClient.never])
      const fiber = yield* Effect.fork(Stream.runDrain(Paginate.items(client, "/n", byLink)))
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      yield* Fiber.interrupt(fiber)
      expect((yield* mock.events).map(({ _tag }) => _tag)).toContain("Interrupted")
    })
  )
})
