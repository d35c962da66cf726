/**
 * Responses and streams of the platform, where they differ between Effect 3 and 4. The edition for Effect 4 replaces
 * this module.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import type * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** A value of JSON, as the platform types it. */
export type Json = unknown

/** What a response has besides status, header fields and body. */
export abstract class PlatformResponse extends Inspectable.Class {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  abstract get request(): HttpClientRequest
}

/** Pulls the next elements of a stream, at least one. Fails with `None` at its end. */
export type StreamPull<A, E = never, R = never> = Effect.Effect<Chunk.Chunk<A>, Option.Option<E>, R>

/** Opens a stream for pulls. The scope closes it. The edition for Effect 4 replaces this module. */
export const openPull = <A, E, R>(
  stream: Stream.Stream<A, E, R>
): Effect.Effect<StreamPull<A, E, R>, never, Scope.Scope | R> => Stream.toPull(stream)

/** As {@link openPull}, in a scope that is a value. */
export const openPullIn = <A, E, R>(
  stream: Stream.Stream<A, E, R>,
  scope: Scope.Scope
): Effect.Effect<StreamPull<A, E, R>, never, R> => Scope.extend(Stream.toPull(stream), scope)

/**
 * A WeakMap with errors as keys. When a span is open, Effect fails with a proxy of the error, a new one each time. This
 * map looks up the error itself.
 */
export class ErrorMap<Key extends object, Value> extends WeakMap<Key, Value> {
  override get(error: Key): Value | undefined {
    return super.get(Cause.originalError(error))
  }

  override has(error: Key): boolean {
    return super.has(Cause.originalError(error))
  }

  override set(error: Key, value: Value): this {
    return super.set(Cause.originalError(error), value)
  }
}
