/** Bodies that are large, or read by nobody. */
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { flood, growth, mebi } from "./support/bodies.js"
import { serve, until } from "./support/server.js"

describe("A large body", () => {
  it.live("whose reader pauses makes the server pause, and takes no memory", () =>
    Effect.gen(function* () {
      let written = () => 0
      const server = yield* serve((_, response) => (written = flood(response, 256 * mebi)))
      const { stream } = yield* HttpClient.get(server.url)
      let seen = 0
      const reading = stream.pipe(
        Stream.tap((chunk) => {
          const first = seen === 0
          seen += chunk.length
          return first ? Effect.sleep("200 millis") : Effect.void
        }),
        Stream.runDrain
      )
      const { bytes } = yield* growth(
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(reading)
          yield* Effect.sleep("150 millis")
          // What the sockets of both sides hold, and no more.
          expect(written()).toBeLessThan(32 * mebi)
          yield* Fiber.join(fiber)
        })
      )
      expect([seen, written()]).toEqual([256 * mebi, 256 * mebi])
      expect(bytes).toBeLessThan(128 * mebi)
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )

  it.live("that is not read to its end leaves a pool of one connection usable", () =>
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

  it.live("that nobody reads, of a response that nobody holds, is cut when garbage is collected", () =>
    Effect.gen(function* () {
      setFlagsFromString("--expose-gc")
      // The flag gives every new context a `gc`.
      const collect = runInNewContext("gc") as () => void
      const server = yield* serve((_, response) => void flood(response, 64 * mebi))
      yield* Effect.asVoid(HttpClient.get(server.url))
      // A fiber that has ended holds what it ended with.
      yield* Effect.asVoid(Effect.flatMap(Effect.fork(HttpClient.get(server.url)), Fiber.join))
      yield* until(() => {
        collect()
        return server.sockets.size === 0
      })
    }).pipe(Effect.provide(NodeTransport.layer), Effect.scoped)
  )
})
