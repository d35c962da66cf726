import * as HttpClient from "@effect/platform/HttpClient"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import { Forbidden, InvalidRequest, InvalidResponse, Unauthorized } from "@countersign/client/Errors"
import * as PromiseClient from "@countersign/client/PromiseClient"
import * as MockClient from "@countersign/testing/MockClient"
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { afterEach, describe, expect, it } from "vitest"

const { respond } = MockClient
const base = "https://api.test/v1"
const User = Schema.Struct({ id: Schema.Number })

class Api extends ApiClient.Tag("test/Api")<Api>() {}
class NotReady extends Data.TaggedError("NotReady")<{ readonly attempt: number }> {}

const setting = FiberRef.unsafeMake("default")

const closers: Array<() => Promise<void>> = []
afterEach(() => Promise.all(closers.splice(0).map((close) => close())))

/** A Layer over a mock transport, and counts of its builds and releases. */
const setup = (
  script: MockClient.Script,
  build: (attempt: number) => Effect.Effect<unknown, NotReady> = () => Effect.void
) => {
  const { client, mock } = Effect.runSync(MockClient.make(script))
  const counts = { built: 0, released: 0 }
  const resource = Layer.scopedDiscard(
    Effect.acquireRelease(
      Effect.sync(() => ++counts.built),
      () => Effect.sync(() => ++counts.released)
    ).pipe(Effect.flatMap(build))
  )
  const live = Api.layer({ baseUrl: base, userAgent: false, auth: Auth.none, retry: false }).pipe(
    Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
    Layer.provide(resource)
  )
  const api = PromiseClient.make(Api, live)
  closers.push(api.close)
  return {
    api,
    counts,
    sent: () => Effect.runSync(mock.sent),
    interrupted: () => Effect.runSync(mock.interrupted).length
  }
}

/** What a Promise is rejected with. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("the Promise was resolved"),
    (error: unknown) => error
  )

/** Waits until the requests are sent. */
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe("PromiseClient verbs", () => {
  it("return the decoded body with a schema", async () => {
    const { api, sent } = setup([respond(200, { id: 7 })])
    expect(await api.get("/users/{id}", { path: { id: 7 }, query: { full: 1 }, schema: User })).toEqual({ id: 7 })
    expect(sent()).toMatchObject([{ method: "GET", url: `${base}/users/7?full=1` }])
  })

  it("return a Response without a schema", async () => {
    const { api } = setup([respond(200, { id: 7 }, { "x-request-id": "r1" }), respond(204)])
    const response = await api.get("/users/7")
    expect(response).toBeInstanceOf(Response)
    expect(response.headers.get("x-request-id")).toBe("r1")
    expect(await response.json()).toEqual({ id: 7 })
    const empty = await api.delete("/users/7")
    expect([empty.status, await empty.text()]).toEqual([204, ""])
  })

  it("return each Set-Cookie field of a Response", async () => {
    const lines = ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/", "b=2; HttpOnly"]
    const { api } = setup([respond(200, {}, { "set-cookie": lines })])
    const { headers } = await api.get("/users/7")
    expect(headers.getSetCookie().map((line) => line.split(";")[0])).toEqual(["a=1", "b=2"])
    expect(headers.get("content-type")).toBe("application/json")
  })

  it("return body and Response with withResponse", async () => {
    const { api } = setup([respond(200, { id: 7 }, { "x-request-id": "r1" })])
    const [body, response] = await api.get("/users/7", { schema: User, withResponse: true })
    expect([body, response.headers.get("x-request-id")]).toEqual([{ id: 7 }, "r1"])
  })

  it("send the method of their name and the body of the options", async () => {
    const { api, sent } = setup(() => respond(200))
    for (const verb of ["get", "head", "options", "post", "put", "patch", "delete"] as const) await api[verb]("/x")
    await api.request("PROPFIND", "/x")
    await api.post("/x", { json: { a: 1 } })
    expect(sent().map(({ method }) => method)).toEqual([
      "GET",
      "HEAD",
      "OPTIONS",
      "POST",
      "PUT",
      "PATCH",
      "DELETE",
      "PROPFIND",
      "POST"
    ])
    expect(sent().at(-1)?.body).toBe('{"a":1}')
  })
})

describe("PromiseClient rejections", () => {
  it("reject with the errors of the call", async () => {
    const { api } = setup([respond(401), respond(403), respond(200, { id: "7" }), respond(200, { id: 7 })])
    expect(await rejection(api.get("/x"))).toBeInstanceOf(Unauthorized)
    expect(await rejection(api.post("/x", { json: 1 }))).toBeInstanceOf(Forbidden)
    expect(await rejection(api.get("/x", { schema: User }))).toBeInstanceOf(InvalidResponse)
    const misspelt: object = { retries: 3 }
    expect(await rejection(api.get("/x", misspelt))).toBeInstanceOf(InvalidRequest)
  })

  it("reject with the errors, defects and exceptions of a used effect", async () => {
    const { api } = setup([])
    const own = new NotReady({ attempt: 0 })
    const defect = new TypeError("a bug")
    expect(await rejection(api.run(() => Effect.fail(own)))).toBe(own)
    expect(await rejection(api.run(() => Effect.die(defect)))).toBe(defect)
    expect(
      await rejection(
        api.run(() => {
          throw defect
        })
      )
    ).toBe(defect)
    expect(await rejection(api.run(() => Effect.interrupt))).toMatchObject({ message: "The call was interrupted." })
  })
})

describe("PromiseClient.run", () => {
  it("gives the client of the Layer", async () => {
    const { api } = setup([respond(200, { id: 7 })])
    expect(await api.run((client) => client.get("/x", { schema: User }))).toEqual({ id: 7 })
  })

  it("keeps what the Layer sets for its fibers", async () => {
    const { client } = Effect.runSync(MockClient.make([]))
    const live = Api.layer({ baseUrl: base, auth: Auth.none }).pipe(
      Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
      Layer.provideMerge(Layer.locallyScoped(setting, "of the Layer"))
    )
    const api = PromiseClient.make(Api, live)
    closers.push(api.close)
    expect(await api.run(() => FiberRef.get(setting))).toBe("of the Layer")
  })
})

describe("PromiseClient signals", () => {
  it("reject with their reason, and cancel the request", async () => {
    const { api, interrupted, sent } = setup([MockClient.never])
    const controller = new AbortController()
    const pending = rejection(api.get("/x", { signal: controller.signal }))
    await until(() => sent().length === 1)
    const reason = new Error("the user left")
    controller.abort(reason)
    expect(await pending).toBe(reason)
    expect(interrupted()).toBe(1)
  })

  it("reject before anything is built or sent when they are aborted already", async () => {
    const { api, counts } = setup([])
    expect(await rejection(api.get("/x", { signal: AbortSignal.abort("stop") }))).toBe("stop")
    expect(counts.built).toBe(0)
  })

  it("do not change the outcome of a finished call", async () => {
    const { api } = setup([respond(401)])
    const controller = new AbortController()
    const pending = api.get("/x", { signal: controller.signal })
    expect(await rejection(pending)).toBeInstanceOf(Unauthorized)
    controller.abort()
    expect(await rejection(pending)).toBeInstanceOf(Unauthorized)
  })

  it("interrupt the effect of run", async () => {
    const { api, interrupted, sent } = setup([MockClient.never])
    const controller = new AbortController()
    const pending = rejection(api.run((client) => client.get("/x"), { signal: controller.signal }))
    await until(() => sent().length === 1)
    controller.abort("stop")
    expect([await pending, interrupted()]).toEqual(["stop", 1])
  })
})

describe("PromiseClient Layer", () => {
  it("builds at the first call, once for all", async () => {
    const { api, counts } = setup(() => respond(200))
    expect(counts.built).toBe(0)
    await Promise.all([api.get("/a"), api.get("/b")])
    await api.get("/c")
    expect(counts).toEqual({ built: 1, released: 0 })
  })

  it("rejects all waiting calls when it fails, is released, and is built again for the next call", async () => {
    const { api, counts } = setup(
      () => respond(200, { id: 7 }),
      (attempt) => Effect.zipRight(Effect.sleep("1 millis"), attempt === 1 ? new NotReady({ attempt }) : Effect.void)
    )
    const errors = await Promise.all([rejection(api.get("/a")), rejection(api.get("/b"))])
    expect(errors).toEqual([new NotReady({ attempt: 1 }), new NotReady({ attempt: 1 })])
    expect(counts).toEqual({ built: 1, released: 1 })
    expect(await api.get("/c", { schema: User })).toEqual({ id: 7 })
    expect(counts).toEqual({ built: 2, released: 1 })
  })

  it("builds on for other calls when the first one is aborted", async () => {
    const gate = Effect.runSync(Deferred.make<void>())
    const { api, counts } = setup(
      () => respond(200),
      () => Deferred.await(gate)
    )
    const controller = new AbortController()
    const first = rejection(api.get("/a", { signal: controller.signal }))
    const second = api.get("/b")
    await until(() => counts.built === 1)
    controller.abort("stop")
    expect(await first).toBe("stop")
    Effect.runSync(Deferred.succeed(gate, undefined))
    expect((await second).status).toBe(200)
    expect(counts).toEqual({ built: 1, released: 0 })
  })
})

/** A stream of requests: one page each, until a page is not found. */
const pages = (client: ApiClient.ApiClient) =>
  Stream.paginateChunkEffect(1, (page) =>
    Effect.map(client.get("/pages/{page}", { path: { page }, schema: Schema.Array(Schema.Number) }), (items) => [
      Chunk.fromIterable(items),
      items.length < 2 ? Option.none() : Option.some(page + 1)
    ])
  )

describe("PromiseClient.iterate", () => {
  const script = [respond(200, [1, 2]), respond(200, [3, 4]), respond(200, [5])]

  it("reads the stream in a loop, each loop anew", async () => {
    const { api } = setup([...script, ...script])
    const iterable = api.iterate(pages)
    for (let loop = 0; loop < 2; loop++) {
      const found: Array<number> = []
      for await (const item of iterable) found.push(item)
      expect(found).toEqual([1, 2, 3, 4, 5])
    }
  })

  it("requests no page that the loop does not need, and closes the stream at a break", async () => {
    const { api, sent } = setup(script)
    let isClosed = false
    const close = Stream.ensuring(Effect.sync(() => (isClosed = true)))
    for await (const item of api.iterate((client) => close(pages(client)))) if (item === 2) break
    expect(isClosed).toBe(true)
    expect(sent()).toHaveLength(1)
  })

  it("rejects with the error of the stream, after its elements", async () => {
    const { api } = setup([respond(200, [1, 2]), respond(403)])
    const found: Array<number> = []
    const loop = async () => {
      for await (const item of api.iterate(pages)) found.push(item)
    }
    expect(await rejection(loop())).toBeInstanceOf(Forbidden)
    expect(found).toEqual([1, 2])
  })

  it("rejects with the reason of the signal, and cancels the request", async () => {
    const { api, interrupted, sent } = setup([respond(200, [1, 2]), MockClient.never])
    const controller = new AbortController()
    const loop = async () => {
      for await (const item of api.iterate(pages, { signal: controller.signal })) void item
    }
    const pending = rejection(loop())
    await until(() => sent().length === 2)
    controller.abort("stop")
    expect([await pending, interrupted()]).toEqual(["stop", 1])
  })

  it("closes the stream at an abort while the loop is busy with an element", async () => {
    const { api } = setup([])
    const controller = new AbortController()
    let isClosed = false
    const stream = Stream.ensuring(
      Stream.make(1, 2),
      Effect.sync(() => (isClosed = true))
    )
    const found: Array<number> = []
    const loop = async () => {
      for await (const item of api.iterate(() => stream, { signal: controller.signal })) {
        found.push(item)
        controller.abort("stop")
        await until(() => isClosed)
      }
    }
    expect(await rejection(loop())).toBe("stop")
    expect(found).toEqual([1])
  })
})

describe("PromiseClient.close", () => {
  it("rejects later calls, and releases the Layer once", async () => {
    const { api, counts } = setup(() => respond(200))
    await api.get("/x")
    await Promise.all([api.close(), api.close(), api[Symbol.asyncDispose]()])
    expect(counts).toEqual({ built: 1, released: 1 })
    const error = await rejection(api.get("/x"))
    expect(error).toBeInstanceOf(PromiseClient.ClientClosed)
    expect(error).toMatchObject({
      message: "The call was not completed: the client is closed. Call `close` after the last call."
    })
    expect(await rejection(api.run(() => Effect.void))).toBeInstanceOf(PromiseClient.ClientClosed)
    const loop = async () => {
      for await (const item of api.iterate(() => Stream.make(1))) expect.fail(`an element: ${item}`)
    }
    expect(await rejection(loop())).toBeInstanceOf(PromiseClient.ClientClosed)
  })

  it("builds nothing when no call was made", async () => {
    const { api, counts } = setup([])
    await api.close()
    expect(counts.built).toBe(0)
  })

  it("rejects calls that run, and cancels their requests", async () => {
    const { api, interrupted, sent } = setup([MockClient.never])
    const pending = rejection(api.get("/x"))
    await until(() => sent().length === 1)
    await api.close()
    expect(await pending).toBeInstanceOf(PromiseClient.ClientClosed)
    expect(interrupted()).toBe(1)
  })

  it("ends loops before it releases the Layer", async () => {
    const { api, counts } = setup([])
    let releasedAtEnd: number | undefined
    const stream = Stream.ensuring(
      Stream.make(1, 2).pipe(Stream.rechunk(1)),
      Effect.sync(() => (releasedAtEnd = counts.released))
    )
    const loop = async () => {
      for await (const item of api.iterate(() => stream)) if (item === 1) await api.close()
    }
    expect(await rejection(loop())).toBeInstanceOf(PromiseClient.ClientClosed)
    expect([releasedAtEnd, counts.released]).toEqual([0, 1])
  })

  it("ends while the Layer is being built", async () => {
    const { api, counts } = setup([], () => Effect.never)
    const pending = rejection(api.get("/x"))
    await until(() => counts.built === 1)
    await api.close()
    expect(await pending).toBeInstanceOf(PromiseClient.ClientClosed)
    expect(counts.released).toBe(1)
  })
})
