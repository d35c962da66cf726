import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const rawText = (body: unknown): Effect.Effect<string, unknown> =>
  typeof body === "string"
    ? Effect.succeed(body)
    : // `Raw` carries whatever a transport accepts; the web's own types are what this one accepts, others fail typed.
      Effect.tryPromise({ try: () => new Response(body as BodyInit).text(), catch: (cause) => cause })

const text = (body: HttpBody.HttpBody): Effect.Effect<string | undefined, unknown> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(undefined)
    case "Uint8Array":
      return Effect.sync(() => new TextDecoder().decode(body.body))
    case "Raw":
      return rawText(body.body)
    case "FormData":
      return rawText(body.formData)
    case "Stream":
      return Stream.mkString(Stream.decodeText(body.stream))
  }
}

/** Reads the body of a request as a transport would, once; a stream that fails is an error of encoding. */
export const read = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<string | undefined, HttpClientError.RequestError> =>
  Effect.mapError(text(request.body), (cause) => new HttpClientError.RequestError({ request, reason: "Encode", cause }))
