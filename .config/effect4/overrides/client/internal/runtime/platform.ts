/** Responses and streams of the platform, for Effect 4. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as Socket from "effect/socket/Socket"
import { makeRequestError } from "./transportFailure.js"

/** A value of JSON, as the platform types it. */
export type Json = Schema.Json

/** What a response has besides status, header fields and body. */
export abstract class PlatformResponse extends Inspectable.Class {
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  abstract get request(): HttpClientRequest
  declare readonly pipe: HttpClientResponse.HttpClientResponse["pipe"]

  get url(): string {
    return this.request.url
  }

  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    const description = "the response is not an upgrade"
    return Effect.fail(makeRequestError({ request: this.request, reason: "Transport", description }))
  }
}

Object.defineProperty(PlatformResponse.prototype, "pipe", {
  value(this: PlatformResponse) {
    // eslint-disable-next-line prefer-rest-params -- the form that Effect takes
    return pipeArguments(this, arguments)
  }
})

/** Pulls the next elements of a stream, at least one. Fails with `None` at its end. */
export type StreamPull<A, E = never, R = never> = Effect.Effect<Chunk.Chunk<A>, Option.Option<E>, R>

/** An error of a pull is the end of the stream, or an error of the stream. */
const endOf = <E>(end: E | Cause.Done): Option.Option<E> => {
  if (Cause.isDone(end)) return Option.none()
  // The compiler does not exclude the end from a type parameter.
  return Option.some(end as E)
}

/** Opens a stream for pulls. The scope closes it. */
export const openPull = <A, E, R>(
  stream: Stream.Stream<A, E, R>
): Effect.Effect<StreamPull<A, E, R>, never, Scope.Scope | R> =>
  Effect.map(Stream.toPull(stream), (pull): StreamPull<A, E, R> =>
    Effect.mapError(
      Effect.map(pull, (elements) => Chunk.fromArrayUnsafe(elements)),
      (end) => endOf<E>(end)
    )
  )

/** As {@link openPull}, in a scope that is a value. */
export const openPullIn = <A, E, R>(
  stream: Stream.Stream<A, E, R>,
  scope: Scope.Scope
): Effect.Effect<StreamPull<A, E, R>, never, R> =>
  // The only scope that is removed from the requirements is the one that is provided.
  Scope.provide(openPull(stream), scope) as Effect.Effect<StreamPull<A, E, R>, never, R>

/** A WeakMap with errors as keys. Effect 4 fails with the error itself. */
export const ErrorMap: typeof WeakMap = WeakMap
