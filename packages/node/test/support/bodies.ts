import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ServerResponse } from "node:http"
import type { TestServer } from "./server.js"
import { serve } from "./server.js"

export const mebi = 1024 * 1024

/** Sends `total` bytes as fast as they are taken; says how much of that it has written. */
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

/** All of a stream, as text. */
export const collected = <E>(stream: Stream.Stream<Uint8Array, E>): Effect.Effect<string, E> =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)).toString())

/** The most that the process takes while an effect runs, beyond what it took before. */
export const growth = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly value: A; readonly bytes: number }, E, R> =>
  Effect.gen(function* () {
    const before = process.memoryUsage.rss()
    let most = before
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5)
    const value = yield* effect.pipe(Effect.ensuring(Effect.sync(() => clearInterval(watch))))
    return { value, bytes: most - before }
  })

/** A server with one answer. */
export const answerWith = (
  headers: Record<string, string | Array<string>>,
  body: Uint8Array | string
): Effect.Effect<TestServer, never, Scope.Scope> => serve((_, response) => response.writeHead(200, headers).end(body))
