import { piecesOf } from "@countersign/client/IterableBody"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as Effect from "effect/Effect"
import { Readable } from "node:stream"
import type { Dispatcher } from "undici"
import { FormData as UndiciFormData } from "undici/index.js"
import { bodyFailure, markBodyError } from "../errors/describedFailure.js"
import { ReadableBody } from "./readableBody.js"

export type Body = Dispatcher.DispatchOptions["body"]

/** Copies a form into undici's class, because undici does not accept Node's global class. */
const toUndiciForm = (form: FormData): UndiciFormData => {
  const copy = new UndiciFormData()
  form.forEach((value, name) => {
    copy.append(name, value)
  })
  return copy
}

async function* wrapIterable(body: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
  try {
    yield* body
  } catch (cause) {
    throw bodyFailure(cause)
  }
}

const isAsyncIterable = (body: object): body is AsyncIterable<unknown> => Symbol.asyncIterator in body

/** Prepares a raw body for undici, which rejects unsupported kinds. */
const toRawBody = (body: unknown): Body => {
  if (typeof body !== "object" || body === null) return body as Body // undici checks its kind.
  if (body instanceof Readable) return body.once("error", markBodyError)
  // undici accepts any async iterable of bytes. Its types only contain streams.
  return (isAsyncIterable(body) ? wrapIterable(body) : body) as Body
}

const streamBody = (body: HttpBody.Stream): Effect.Effect<Body> | Body => {
  const pieces = piecesOf(body)
  return pieces === undefined
    ? Effect.map(Effect.runtime<never>(), (runtime) => new ReadableBody(body.stream, runtime))
    : toRawBody(pieces())
}

/** Makes the body that undici sends. */
export const makeRequestBody = (body: HttpBody.HttpBody): Effect.Effect<Body> | Body => {
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
      return streamBody(body)
  }
}
