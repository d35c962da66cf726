import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as RequestBody from "@countersign/client/RequestBody"
import { describe, expect, it } from "@effect/vitest"
import * as Stream from "effect/Stream"

const stream = () => HttpBody.stream(Stream.empty)

describe("RequestBody.isReplayable", () => {
  it("accepts empty, binary, text, JSON and form bodies", () => {
    const bodies = [
      HttpBody.empty,
      HttpBody.uint8Array(new Uint8Array(1)),
      HttpBody.text("x"),
      HttpBody.unsafeJson({}),
      HttpBody.formData(new FormData()),
      ...[
        "text",
        new ArrayBuffer(1),
        new DataView(new ArrayBuffer(1)),
        new URLSearchParams(),
        new Blob([]),
        new FormData()
      ].map((raw) => HttpBody.raw(raw))
    ]
    expect(bodies.map(RequestBody.isReplayable)).toEqual(bodies.map(() => true))
  })

  it("rejects streams and unknown raw bodies", () => {
    const bodies = [
      stream(),
      ...[new ReadableStream(), new Response("once").body, [1], {}, null, undefined, 1].map((raw) => HttpBody.raw(raw))
    ]
    expect(bodies.map(RequestBody.isReplayable)).toEqual(bodies.map(() => false))
  })

  it("accepts only streams marked with markReplayable", () => {
    const marked = RequestBody.markReplayable(stream())
    expect([marked, stream()].map(RequestBody.isReplayable)).toEqual([true, false])
    expect(RequestBody.isReplayable(RequestBody.markReplayable(HttpBody.raw({ pipe: true })))).toBe(true)
  })

  it("accepts a marked body after a request adopts it", () => {
    const request = HttpClientRequest.post("https://a.test").pipe(
      HttpClientRequest.setBody(RequestBody.markReplayable(stream())),
      HttpClientRequest.setHeader("x-a", "1")
    )
    expect(RequestBody.isReplayable(request.body)).toBe(true)
  })
})
