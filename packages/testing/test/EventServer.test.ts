/** The server of event streams, as a client of the platform sees it. */
import * as EventServer from "@countersign/testing/EventServer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { get } from "node:http"

/** The body of a response, and whether it is complete. */
const read = (baseUrl: string, lastEventId?: string) =>
  Effect.gen(function* () {
    const request = HttpClientRequest.post(`${baseUrl}/x`).pipe(
      HttpClientRequest.bodyText("question"),
      HttpClientRequest.setHeaders(lastEventId === undefined ? {} : { "last-event-id": lastEventId })
    )
    const { status, stream } = yield* HttpClient.execute(request)
    let text = ""
    const reading = Stream.runForEach(Stream.decodeText(stream), (piece) => Effect.sync(() => void (text += piece)))
    const exit = yield* Effect.exit(reading)
    return [status, text, exit._tag] as const
  }).pipe(Effect.provide(FetchHttpClient.layer))

const until = (isTrue: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.zipRight(Effect.sleep("2 millis"), isTrue), { until: (value) => value })

describe("EventServer", () => {
  it.live("sends the steps, and records the requests", () =>
    Effect.gen(function* () {
      const { baseUrl, requests } = yield* EventServer.make((_, index) => [
        EventServer.comment("hello"),
        EventServer.event({ event: "named", id: "7", retry: 10, data: `${index}\nb` }),
        EventServer.pause("5 millis"),
        EventServer.drip("data: é\n\n", "1 millis", 3)
      ])
      const text = ": hello\n\nevent: named\nid: 7\nretry: 10\ndata: 0\ndata: b\n\ndata: é\n\n"
      expect(yield* read(baseUrl, Buffer.from("é€").toString("latin1"))).toEqual([200, text, "Success"])
      expect(yield* requests).toMatchObject([{ method: "POST", path: "/x", body: "question", lastEventId: "é€" }])
    }).pipe(Effect.scoped)
  )

  it.live("breaks the body off with cut and reset, and responds with a status", () =>
    Effect.gen(function* () {
      const { baseUrl, open } = yield* EventServer.make((_, index) =>
        index === 2
          ? [EventServer.status(503)]
          : ["data: a\n", EventServer.pause("20 millis"), index === 0 ? EventServer.cut : EventServer.reset, "lost"]
      )
      expect(yield* read(baseUrl)).toEqual([200, "data: a\n", "Failure"])
      expect(yield* read(baseUrl)).toEqual([200, "data: a\n", "Failure"])
      expect(yield* read(baseUrl)).toEqual([503, "", "Success"])
      expect(yield* open).toBeLessThan(2)
    }).pipe(Effect.scoped)
  )

  it.live("keeps a silent connection until the client closes it", () =>
    Effect.gen(function* () {
      const { baseUrl, open } = yield* EventServer.make(() => ["data: a\n\n", EventServer.silence])
      yield* Effect.async<void>((resume) => {
        const request = get(baseUrl, (response) => {
          response.once("data", () => resume(Effect.void))
          response.on("error", () => undefined)
          setTimeout(() => request.destroy(), 20)
        })
      })
      expect(yield* open).toBe(1)
      yield* until(Effect.map(open, (count) => count === 0))
    }).pipe(Effect.scoped)
  )

  it("continues after the last id, and from the start after an unknown one", () => {
    const events = ["1", "2", "3"].map((id) => ({ id }))
    expect(EventServer.after(events, { lastEventId: "2" })).toEqual([{ id: "3" }])
    for (const lastEventId of [undefined, "x"]) expect(EventServer.after(events, { lastEventId })).toEqual(events)
  })
})
