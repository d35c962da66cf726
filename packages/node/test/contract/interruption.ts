import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { IncomingMessage, ServerResponse } from "node:http"
import { serve, until } from "../support/server.js"
import type { Transport } from "./transport.js"
import { exchanging } from "./transport.js"

/** What a server sees of somebody who does not want its answer any more. */
export const interruption = (transport: Transport): void => {
  const { boundsConnections, make, name, serve: start = serve } = transport
  const exchange = exchanging(transport)

  describe(`${name}: interruption`, () => {
    const interrupted = (listener: (request: IncomingMessage, response: ServerResponse) => void) =>
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

    it.live("before the header, the server sees its connection close", () => interrupted(() => undefined))

    it.live("in the middle of a short body and of a long one, too", () =>
      Effect.zipRight(
        interrupted((_, response) => void response.writeHead(200, { "content-length": "10" }).write("x")),
        interrupted((_, response) => void response.write("x".repeat(100_000)))
      )
    )

    it.live("a stream that is not read to its end closes its connection", () =>
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

    it.live.skipIf(!boundsConnections)("while it waits for a connection, it is never sent", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const answers: Array<ServerResponse> = []
          const server = yield* start((_, response) => void answers.push(response))
          const client = yield* make(1)
          const first = yield* Effect.fork(client.get(`${server.url}/1`))
          yield* until(() => answers.length === 1)
          const second = yield* Effect.fork(client.get(`${server.url}/2`))
          yield* Effect.sleep("20 millis")
          yield* Fiber.interrupt(second)
          answers[0]?.end("ok")
          yield* Fiber.join(first)
          const third = yield* Effect.fork(client.get(`${server.url}/3`))
          yield* until(() => answers.length === 2)
          answers[1]?.end("ok")
          yield* Fiber.join(third)
          expect(server.paths).toEqual(["/1", "/3"])
        })
      )
    )
  })
}
