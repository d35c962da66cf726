import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { IncomingMessage, ServerResponse } from "node:http"
import { serve, until } from "../support/server.js"
import type { Transport } from "./transport.js"
import { makeExchange } from "./transport.js"

/** The connection at the server when a client is interrupted. */
export const interruption = (transport: Transport): void => {
  const { boundsConnections, make, name, serve: start = serve } = transport
  const exchange = makeExchange(transport)

  describe(`${name}`, () => {
    const expectClosed = (listener: (request: IncomingMessage, response: ServerResponse) => void) =>
      exchange(listener, (client, server) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(Effect.flatMap(client.get(server.url), (response) => response.text))
          yield* until(() => server.paths.length === 1)
          yield* Effect.sleep("20 millis")
          expect(server.sockets.size).toBe(1)
          yield* Fiber.interrupt(fiber)
          yield* until(() => server.sockets.size === 0)
        })
      )

    it.live("closes the connection of a request that is interrupted before the header", () =>
      expectClosed(() => undefined)
    )

    it.live("closes the connection of a request that is interrupted in a short or a long body", () =>
      Effect.zipRight(
        expectClosed((_, response) => void response.writeHead(200, { "content-length": "10" }).write("x")),
        expectClosed((_, response) => void response.write("x".repeat(100_000)))
      )
    )

    it.live("closes the connection of a stream that is not read to its end", () =>
      exchange(
        (_, response) => void response.write("x".repeat(100_000)),
        (client, server) =>
          Effect.gen(function* () {
            const { stream } = yield* client.get(server.url)
            yield* Stream.runDrain(Stream.take(stream, 1))
            yield* until(() => server.sockets.size === 0)
          })
      )
    )

    it.live.skipIf(!boundsConnections)("sends no request that is interrupted while it waits for a connection", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const responses: Array<ServerResponse> = []
          const server = yield* start((_, response) => void responses.push(response))
          const client = yield* make(1)
          const first = yield* Effect.fork(client.get(`${server.url}/1`))
          yield* until(() => responses.length === 1)
          const second = yield* Effect.fork(client.get(`${server.url}/2`))
          yield* Effect.sleep("20 millis")
          yield* Fiber.interrupt(second)
          responses[0]?.end("ok")
          yield* Fiber.join(first)
          const third = yield* Effect.fork(client.get(`${server.url}/3`))
          yield* until(() => responses.length === 2)
          responses[1]?.end("ok")
          yield* Fiber.join(third)
          expect(server.paths).toEqual(["/1", "/3"])
        })
      )
    )
  })
}
