/** Bodies that are large, or not read to their end. */
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { flood, memoryGrowth, mebi } from "./support/bodies.js"
import { serve, until } from "./support/server.js"

describe("NodeTransport", () => {
  it.live("makes the server pause when the reader of a body pauses, and buffers little memory", () =>
    Effect.gen(function* () {
      let written = () => 0
      const server = yield* serve((_, response) => (written = flood(response, 256 * mebi)))
      const { stream } = yield* HttpClient.get(server.url)
      let seen = 0
      const pausingRead = stream.pipe(
        Stream.tap((chunk) => {
          const first = seen === 0
          seen += chunk.length
          return first ? Effect.sleep("200 millis") : Effect.void
        }),
        Stream.runDrain
      )
      const { bytes } = yield* memoryGrowth(
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(pausingRead)
          yield* Effect.sleep("150 millis")
          // Only the socket buffers of both sides are full.
          expect(written()).toBeLessThan(32 * mebi)
          yield* Fiber.join(fiber)
        })
      )
      expect([seen, written()]).toEqual([256 * mebi, 256 * mebi])
      expect(bytes).toBeLessThan(128 * mebi)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("can use a pool of one connection after a body was not read to its end", () =>
    Effect.gen(function* () {
      const server = yield* serve(
        ({ url }, response) => void (url === "/next" ? response.end("ok") : flood(response, 64 * mebi))
      )
      const { stream } = yield* HttpClient.get(server.url)
      yield* Stream.runDrain(Stream.take(stream, 3))
      const { text } = yield* HttpClient.get(`${server.url}/next`)
      expect([yield* text, server.connections]).toEqual(["ok", 2])
    }).pipe(Effect.provide(NodeTransport.layerWith({ connections: 1 })), Effect.scoped)
  )

  it.live("closes the connection of an unread body when its response is garbage collected", () =>
    Effect.gen(function* () {
      setFlagsFromString("--expose-gc")
      // The flag adds `gc` to every new context.
      const collectGarbage = runInNewContext("gc") as () => void
      const server = yield* serve((_, response) => void flood(response, 64 * mebi))
      yield* Effect.asVoid(HttpClient.get(server.url))
      // An ended fiber keeps its result, so the response is not the result here.
      yield* Effect.asVoid(Effect.flatMap(Effect.fork(HttpClient.get(server.url)), Fiber.join))
      yield* until(() => {
        collectGarbage()
        return server.sockets.size === 0
      })
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})
