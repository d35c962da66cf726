/** The payload hash of a request. */
import * as RequestBody from "@countersign/client/RequestBody"
import { InvalidRequest } from "@countersign/client/Errors"
import * as Timeout from "@countersign/client/Timeout"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import type { HttpBody } from "@effect/platform/HttpBody"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Stream from "effect/Stream"
import { bodyHash } from "../hash/sha256.js"
import { bytesOf } from "../schemes/bodyBytes.js"

const unsignable = new InvalidRequest({
  reason: "Body",
  detail:
    'a form, or a stream that is not marked as replayable, cannot be signed. Send bytes, use `RequestBody.markReplayable`, or set `payload: "unsigned"`.'
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

/** The hash of the bytes that are sent, or the text for a body that is not signed. */
export const payloadHash = (
  body: HttpBody,
  payload: "signed" | "unsigned" | undefined
): Effect.Effect<string, InvalidRequest> => {
  if (payload === "unsigned") return Effect.succeed(AwsSignature.unsignedPayload)
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
