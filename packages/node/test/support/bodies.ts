import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ServerResponse } from "node:http"
import type { TestServer } from "./server.js"
import { serve } from "./server.js"

export const mebi = 1024 * 1024

/** Sends `total` bytes as fast as the client reads them. The result returns how many bytes were written so far. */
export const flood = (response: ServerResponse, total: number, block = Buffer.alloc(mebi, "x")): (() => number) => {
  let written = 0
  const write = () => {
    while (written < total && !response.destroyed) {
      written += block.length
      if (!response.write(block)) return void response.once("drain", write)
    }
    response.end()
  }
  write()
  return () => written
}

/** The whole stream, as text. */
export const collected = <E>(stream: Stream.Stream<Uint8Array, E>): Effect.Effect<string, E> =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)).toString())

/** Runs an effect; `bytes` is the largest growth of the memory of this process (RSS) meanwhile. */
export const memoryGrowth = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly value: A; readonly bytes: number }, E, R> =>
  Effect.gen(function* () {
    const before = process.memoryUsage.rss()
    let largest = before
    const watch = setInterval(() => (largest = Math.max(largest, process.memoryUsage.rss())), 5)
    const value = yield* effect.pipe(Effect.ensuring(Effect.sync(() => clearInterval(watch))))
    return { value, bytes: largest - before }
  })

/** A server that sends the same response to each request. */
export const respondWith = (
  headers: Record<string, string | Array<string>>,
  body: Uint8Array | string
): Effect.Effect<TestServer, never, Scope.Scope> => serve((_, response) => response.writeHead(200, headers).end(body))
