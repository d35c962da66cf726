import * as NodeStream from "@effect/platform-node/NodeStream"
import type { HttpBody } from "@effect/platform/HttpBody"
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import type { Dispatcher } from "undici"
import { FormData as UndiciFormData } from "undici"
import { bodyFailure, markBodyError } from "../errors/describedFailure.js"

export type Body = Dispatcher.DispatchOptions["body"]

/** undici knows a form by its class, and takes none but its own: Node's global one is another copy of that. */
const toUndiciForm = (form: FormData): UndiciFormData => {
  const copy = new UndiciFormData()
  form.forEach((value, name) => {
    copy.append(name, value)
  })
  return copy
}

/** A failure of the caller's stream reaches the exchange as such, and not as one of the connection. */
const toReadable = (stream: Stream.Stream<Uint8Array, unknown>): Effect.Effect<Body> =>
  NodeStream.toReadable(Stream.catchAllCause(stream, (cause) => Stream.fail(bodyFailure(Cause.squash(cause)))))

async function* wrapIterable(body: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
  try {
    yield* body
  } catch (cause) {
    throw bodyFailure(cause)
  }
}

const isAsyncIterable = (body: object): body is AsyncIterable<unknown> => Symbol.asyncIterator in body

/** Anything that undici can send. What it cannot send fails in undici. */
const toRawBody = (body: unknown): Body => {
  if (typeof body !== "object" || body === null) return body as Body // undici checks its kind.
  if (body instanceof Readable) return body.once("error", markBodyError)
  // undici takes any async iterable of bytes; its types name only streams.
  return (isAsyncIterable(body) ? wrapIterable(body) : body) as Body
}

/** The body of a request as undici sends it. */
export const makeRequestBody = (body: HttpBody): Effect.Effect<Body> | Body => {
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return body.body
    case "Raw":
      return toRawBody(body.body)
    case "FormData":
      return toUndiciForm(body.formData)
    case "Stream":
      return toReadable(body.stream)
  }
}
