/**
 * A server that closes an idle connection while the client reuses it. The client cannot know whether the server read the
 * request: both cases end in the same error, after every byte was written to the system.
 */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { createServer } from "node:net"
import { listen, bothEndsRead } from "./support/server.js"

const response = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

/** Responds to the first request of each connection, then calls `then`. */
const server = (then: (socket: Socket, onRequest: () => void) => void) =>
  Effect.gen(function* () {
    let requests = 0
    const onRequest = () => {
      requests++
    }
    const listening = createServer((socket) => {
      socket.on("error", () => undefined)
      socket.once("data", () => {
        onRequest()
        socket.write(response, () => then(socket, onRequest))
      })
    })
    const { url } = yield* listen(listening)
    return { url, requests: () => requests }
  })

/** Reads no further bytes. The reset comes long after the second request, also on a slow machine. */
const resetUnread = (socket: Socket) => {
  socket.pause()
  setTimeout(() => socket.resetAndDestroy(), 3000)
}

const resetAfterReading = (socket: Socket, onRequest: () => void) => {
  socket.once("data", () => {
    onRequest()
    socket.resetAndDestroy()
  })
}

/** The second of two POSTs over one connection. */
const second = (url: string) =>
  Effect.gen(function* () {
    const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none })
    yield* api.post("/", { json: 1 })
    return yield* Effect.flip(api.post("/", { json: 2 }))
  }).pipe(Effect.provide(NodeTransport.layer))

describe("NodeTransport", () => {
  it.live("reports a reset of a reused connection as maybe sent, whether or not the server read the request", () =>
    Effect.gen(function* () {
      const closing = yield* server(resetUnread)
      const resetting = yield* server(resetAfterReading)
      const broken = { _tag: "TransportError", reason: "ConnectionReset", sent: "maybe", code: "ECONNRESET" }
      expect(yield* second(closing.url)).toMatchObject(broken)
      expect(yield* second(resetting.url)).toMatchObject(broken)
      expect([closing.requests(), resetting.requests()]).toEqual([1, 2])
    }).pipe(Effect.scoped)
  )

  it.live("sends a POST over a new connection if the server closed the idle one before", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server((socket) => socket.end())
      const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none, retry: false })
      for (let n = 0; n < 5; n++) {
        yield* api.post("/", { json: n })
        yield* bothEndsRead
      }
      expect(requests()).toBe(5)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})
