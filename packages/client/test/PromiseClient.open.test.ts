/** `open` of a client with Promises: responses with streamed bodies. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import { ClientError, InvalidRequest, TransportError } from "@countersign/client/Errors"
import * as PromiseClient from "@countersign/client/PromiseClient"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { afterEach, describe, expect, it } from "vitest"
import { bytes } from "./support/streams.js"

const { respond, respondStream } = MockClient

class Api extends ApiClient.Tag("test/Api")<Api>() {}

const closers: Array<() => Promise<void>> = []
afterEach(() => Promise.all(closers.splice(0).map((close) => close())))

const setup = (script: MockClient.Script) => {
  const { client, mock } = Effect.runSync(MockClient.make(script))
  const transport = Layer.succeed(HttpClient.HttpClient, client)
  const live = Api.layer({ baseUrl: "https://api.test/v1", auth: Auth.none, retry: false })
  const api = PromiseClient.make(Api, Layer.provide(live, transport))
  closers.push(api.close)
  return { api, sent: () => Effect.runSync(mock.sent), released: () => Effect.runSync(mock.released).length }
}

const silent = Stream.concat(Stream.make(bytes("a")), Stream.never)

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("the Promise was resolved"),
    (error: unknown) => error
  )

const readerOf = (response: Response) => response.body?.getReader() ?? expect.fail("there is no body")

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe("PromiseClient.open", () => {
  it("returns a Response with its body as a stream", async () => {
    const { api, released, sent } = setup([
      respondStream(200, Stream.make(bytes("a"), bytes("b")), { "x-a": "1", "set-cookie": ["a=1", "b=2"] })
    ])
    const response = await api.open("/x/{id}", { path: { id: 1 }, method: "POST", json: { a: 1 } })
    expect([response.status, response.headers.get("x-a")]).toEqual([200, "1"])
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"])
    expect(await response.text()).toBe("ab")
    expect(released()).toBe(1)
    expect(sent()[0]).toMatchObject({ method: "POST", url: "https://api.test/v1/x/1", json: { a: 1 } })
  })

  it("returns a Response without a body for a 204", async () => {
    const { api } = setup([respond(204)])
    const response = await api.open("/x")
    expect([response.status, response.body]).toEqual([204, null])
  })

  it("rejects with the error of the call, and releases its response", async () => {
    const { api, released } = setup([respond(404, "gone")])
    expect(await rejection(api.open("/x"))).toBeInstanceOf(ClientError)
    expect(released()).toBe(1)
    const wrong = { idel: 1 } as object as { readonly idle: 1 } // As JavaScript may pass it.
    expect(await rejection(api.open("/x", wrong))).toBeInstanceOf(InvalidRequest)
  })

  it("fails the body with the error of the client, after its bytes", async () => {
    const { api } = setup([MockClient.truncated(200, "part")])
    const reader = readerOf(await api.open("/x"))
    expect((await reader.read()).value).toEqual(bytes("part"))
    const error = await rejection(reader.read())
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({ reason: "Truncated" })
  })

  it("releases the body when it is cancelled", async () => {
    const { api, released } = setup([respondStream(200, silent)])
    const reader = readerOf(await api.open("/x"))
    await reader.read()
    await reader.cancel()
    expect(released()).toBe(1)
  })

  it("fails the body with the reason of the signal, during a read and between reads", async () => {
    for (const isReading of [true, false]) {
      const { api, released } = setup([respondStream(200, silent)])
      const controller = new AbortController()
      const reader = readerOf(await api.open("/x", { signal: controller.signal }))
      await reader.read()
      const pending = isReading ? rejection(reader.read()) : undefined
      controller.abort("stop")
      expect(await (pending ?? rejection(reader.read()))).toBe("stop")
      await until(() => released() === 1)
    }
  })

  it("releases a body that is garbage-collected, also while its signal lives", async () => {
    setFlagsFromString("--expose-gc")
    // The flag adds `gc` to every new context.
    const collectGarbage = runInNewContext("gc") as () => void
    const { signal } = new AbortController()
    const { api, released } = setup([respondStream(200, silent), respondStream(200, silent)])
    const read = async (options: PromiseClient.SignalOptions) => {
      await readerOf(await api.open("/x", options)).read()
    }
    await read({})
    await read({ signal })
    await until(() => {
      collectGarbage()
      return released() === 2
    })
    expect(signal.aborted).toBe(false)
  })

  it("rejects with the reason of the signal before the header", async () => {
    const { api, sent } = setup([MockClient.never])
    const controller = new AbortController()
    const pending = rejection(api.open("/x", { signal: controller.signal }))
    await until(() => sent().length === 1)
    controller.abort("stop")
    expect(await pending).toBe("stop")
  })

  it("releases open bodies when the client is closed", async () => {
    const { api, released } = setup([respondStream(200, silent)])
    const reader = readerOf(await api.open("/x"))
    await reader.read()
    const pending = rejection(reader.read())
    await api.close()
    expect(await pending).toBeInstanceOf(PromiseClient.ClientClosed)
    expect(released()).toBe(1)
  })
})
