/** What only sockets show of a client with Promises: connections that an abort, a break or `close` ends. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as PromiseClient from "@countersign/client/PromiseClient"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "vitest"

class Api extends ApiClient.Tag("test/Api")<Api>() {}

let server: Server
let api: PromiseClient.PromiseClient

/** `/hang` sends no response, `/drip` begins a body and does not end it. */
beforeEach(async () => {
  server = createServer((request, response) => {
    if (request.url === "/drip") response.write("drop")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  api = PromiseClient.make(
    Api,
    Api.layer({ baseUrl: `http://127.0.0.1:${port}`, auth: Auth.none }).pipe(Layer.provide(NodeTransport.layer))
  )
})

afterEach(async () => {
  await api.close()
  server.closeAllConnections()
  server.close()
})

/** The end of the next request's connection, as the server sees it. */
const nextRequest = async () => {
  const [request] = (await once(server, "request")) as [{ readonly socket: NodeJS.EventEmitter }]
  return { closed: once(request.socket, "close") }
}

describe("a PromiseClient over sockets", () => {
  it("closes the connection of an aborted call", async () => {
    const controller = new AbortController()
    const arrived = nextRequest()
    const call = api.get("/hang", { signal: controller.signal }).catch((error: unknown) => error)
    const { closed } = await arrived
    controller.abort("stop")
    expect(await call).toBe("stop")
    await closed
  })

  it("closes the connection of a stream at a break", async () => {
    const arrived = nextRequest()
    const stream = api.iterate((client) =>
      Stream.unwrapScoped(Effect.map(client.execute(HttpClientRequest.get("/drip")), (response) => response.stream))
    )
    for await (const bytes of stream) {
      expect(new TextDecoder().decode(bytes)).toBe("drop")
      break
    }
    await (
      await arrived
    ).closed
  })

  it("closes the connection of a running call at close", async () => {
    const arrived = nextRequest()
    const call = api.get("/hang").catch((error: unknown) => error)
    const { closed } = await arrived
    await api.close()
    expect(await call).toBeInstanceOf(PromiseClient.ClientClosed)
    await closed
  })
})
