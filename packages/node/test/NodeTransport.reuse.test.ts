/**
 * A server that closes an idle connection at the moment of its reuse. Whether it has read the request cannot be told from
 * here: both of these end in the same error, with every byte handed to the system.
 */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { createServer } from "node:net"
import { listen, reading } from "./support/server.js"

const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

/** Answers the first request of each connection, and then does with it what `then` does. */
const server = (then: (socket: Socket, acted: () => void) => void) =>
  Effect.gen(function* () {
    let acts = 0
    const acted = () => {
      acts++
    }
    const listening = createServer((socket) => {
      socket.on("error", () => undefined)
      socket.once("data", () => {
        acted()
        socket.write(answer, () => then(socket, acted))
      })
    })
    const { url } = yield* listen(listening)
    return { url, acts: () => acts }
  })

/** Reads nothing more. The reset comes long after the second request, on a slow machine too. */
const unread = (socket: Socket) => {
  socket.pause()
  setTimeout(() => socket.resetAndDestroy(), 3000)
}

const acting = (socket: Socket, acted: () => void) => {
  socket.once("data", () => {
    acted()
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

describe("a connection that is closed at the moment of its reuse", () => {
  it.live("looks the same whether the server has acted or has read nothing, so that no POST is sent again", () =>
    Effect.gen(function* () {
      const closing = yield* server(unread)
      const resetting = yield* server(acting)
      const broken = { _tag: "TransportError", reason: "ConnectionReset", sent: "maybe", code: "ECONNRESET" }
      expect(yield* second(closing.url)).toMatchObject(broken)
      expect(yield* second(resetting.url)).toMatchObject(broken)
      expect([closing.acts(), resetting.acts()]).toEqual([1, 2])
    }).pipe(Effect.scoped)
  )

  it.live("one that was closed before is not used: the request goes over another, whatever its method", () =>
    Effect.gen(function* () {
      const { acts, url } = yield* server((socket) => socket.end())
      const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none, retry: false })
      for (let n = 0; n < 5; n++) {
        yield* api.post("/", { json: n })
        yield* reading
      }
      expect(acts()).toBe(5)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})
