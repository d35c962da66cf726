import { makeRequestError } from "@countersign/client/Transport"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** A body as it is sent. `contentType` is set when the body determines it, like the boundary of a form. */
export interface RequestBody {
  readonly content: Uint8Array
  readonly contentType: string | undefined
}

const collect = (stream: Stream.Stream<Uint8Array, unknown>): Effect.Effect<Uint8Array, unknown> =>
  Stream.runCollect(stream).pipe(
    Effect.flatMap((chunks) => Effect.promise(() => new Blob(Chunk.toReadonlyArray(chunks).map(copy)).arrayBuffer())),
    Effect.map((buffer) => new Uint8Array(buffer))
  )

/** `Blob` rejects views of shared memory, and the type of a stream does not exclude them. */
const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes)

const web = (body: unknown): Effect.Effect<RequestBody, unknown> =>
  Effect.tryPromise({
    try: () => {
      // `Raw` may contain anything that a transport accepts. This one accepts web types, and throws for others.
      const response = new Response(body as BodyInit)
      const contentType = response.headers.get("content-type") ?? undefined
      return response.arrayBuffer().then((buffer) => ({ content: new Uint8Array(buffer), contentType }))
    },
    catch: (cause) => cause
  })

const encode = ({ body }: HttpClientRequest.HttpClientRequest): Effect.Effect<RequestBody | undefined, unknown> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(undefined)
    case "Uint8Array":
      return Effect.succeed({ content: body.body, contentType: body.contentType })
    case "Raw":
      return web(body.body)
    case "FormData":
      return web(body.formData)
    case "Stream":
      return Effect.map(collect(body.stream), (content) => ({ content, contentType: body.contentType }))
  }
}

/** Reads the body of a request like a transport, once. A failing stream is an encoding error. */
export const read = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<RequestBody | undefined, HttpClientError.RequestError> =>
  Effect.mapError(encode(request), (cause) => makeRequestError({ request, reason: "Encode", cause }))
