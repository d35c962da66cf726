import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as RequestBody from "@countersign/client/RequestBody"
import { describe, expect, it } from "@effect/vitest"
import * as Stream from "effect/Stream"

const stream = () => HttpBody.stream(Stream.empty)

describe("isReplayable", () => {
  it("none, bytes, text, JSON and forms can be sent again", () => {
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

  it("what is read while it is sent cannot", () => {
    const bodies = [
      stream(),
      ...[new ReadableStream(), new Response("once").body, [1], {}, null, undefined, 1].map((raw) => HttpBody.raw(raw))
    ]
    expect(bodies.map(RequestBody.isReplayable)).toEqual(bodies.map(() => false))
  })

  it("a stream can where that was declared, and only that one", () => {
    const declared = RequestBody.markReplayable(stream())
    expect([declared, stream()].map(RequestBody.isReplayable)).toEqual([true, false])
    expect(RequestBody.isReplayable(RequestBody.markReplayable(HttpBody.raw({ pipe: true })))).toBe(true)
  })

  it("the declaration stays with the body when a request takes it", () => {
    const request = HttpClientRequest.post("https://a.test").pipe(
      HttpClientRequest.setBody(RequestBody.markReplayable(stream())),
      HttpClientRequest.setHeader("x-a", "1")
    )
    expect(RequestBody.isReplayable(request.body)).toBe(true)
  })
})
