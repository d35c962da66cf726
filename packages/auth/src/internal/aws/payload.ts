/** The payload hash of a request, and how its body is sent. */
import * as RequestBody from "@countersign/client/RequestBody"
import { InvalidRequest } from "@countersign/client/Errors"
import * as Timeout from "@countersign/client/Timeout"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import type { HttpBody } from "@effect/platform/HttpBody"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Stream from "effect/Stream"
import { bodyHash } from "../hash/sha256.js"
import { bytesOf } from "../schemes/bodyBytes.js"
import type { StreamedBody } from "./chunkedBody.js"
import { streamedBodyOf } from "./chunkedBody.js"

const unsignable = new InvalidRequest({
  reason: "Body",
  detail:
    'a form, or a stream that is not marked as replayable, cannot be signed. Send bytes, use `RequestBody.markReplayable`, or set `payload: "chunked"` for a stream to S3, or `payload: "unsigned"`.'
})

const unreadable = new InvalidRequest({
  reason: "Body",
  detail: "the body stream failed while its hash was computed. Check the source of the stream."
})

/** The hash of an empty body. */
export const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const late = new InvalidRequest({
  reason: "Body",
  detail: "the body stream did not end before the deadline of the call. Raise `timeout.call`, or send fewer bytes."
})

/** Runs the stream once, and keeps none of its bytes. */
const streamHash = (stream: Stream.Stream<Uint8Array, unknown>): Effect.Effect<string, InvalidRequest> =>
  Effect.suspend(() => {
    const hash = sha256.create()
    return Stream.runForEachChunk(stream, (chunk) =>
      Effect.sync(() => {
        for (const bytes of chunk) hash.update(bytes)
      })
    ).pipe(
      Effect.mapBoth({ onFailure: () => unreadable, onSuccess: () => Encoding.encodeHex(hash.digest()) }),
      (hashed) =>
        Effect.flatMap(Timeout.remaining, (left) =>
          Effect.timeoutFail(hashed, { duration: Math.max(0, left), onTimeout: () => late })
        )
    )
  })

const hashOf = (body: HttpBody): Effect.Effect<string, InvalidRequest> => {
  if (body._tag === "Stream") {
    return RequestBody.isReplayable(body) ? streamHash(body.stream) : Effect.fail(unsignable)
  }
  const bytes = bytesOf(body)
  if (bytes === undefined) return Effect.fail(unsignable)
  if (bytes.length === 0) return Effect.succeed(emptyHash)
  return Effect.map(
    Effect.promise(() => bodyHash(bytes)),
    Encoding.encodeHex
  )
}

/** What the signature covers of a body. */
export interface Payload {
  /** The hash of the bytes that are sent, or the text for a body that the request does not sign. */
  readonly hash: string
  /** The body, if its chunks are signed while it is sent. */
  readonly streamed?: StreamedBody
}

/** How bodies are signed: `AwsSignature.Options`. */
export type Payloads = "signed" | "chunked" | "unsigned"

/** The payload of a request. A request with its own hash keeps it. */
export const payloadOf = (
  request: HttpClientRequest,
  payloads: Payloads | undefined
): Effect.Effect<Payload, InvalidRequest> => {
  const own = request.headers["x-amz-content-sha256"]
  if (own !== undefined) return Effect.succeed({ hash: own })
  if (payloads === "unsigned") return Effect.succeed({ hash: AwsSignature.unsignedPayload })
  return Effect.flatMap(
    payloads === "chunked" ? streamedBodyOf(request) : Effect.succeed(undefined),
    (streamed): Effect.Effect<Payload, InvalidRequest> =>
      streamed === undefined
        ? Effect.map(hashOf(request.body), (hash) => ({ hash }))
        : Effect.succeed({ hash: AwsSignature.chunkedPayload, streamed })
  )
}
