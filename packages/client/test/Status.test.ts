import type { Unavailable } from "@countersign/client/Errors"
import * as Retry from "@countersign/client/Retry"
import * as Status from "@countersign/client/Status"
import * as Transport from "@countersign/client/Transport"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { withJitter, failure, get, run, transport } from "./support/mockApi.js"

const { respond, respondStream, truncated } = MockClient
const problem = { "content-type": "application/problem+json; charset=utf-8" }

const send = (step: MockClient.Step) =>
  Effect.map(transport([step]), ({ client, mock }) => ({ sending: Status.policy(client).execute(get()), mock }))
const error = (step: MockClient.Step) => Effect.flatMap(send(step), ({ sending }) => failure(sending))

describe("Status.policy", () => {
  it.effect("maps each status of 400 and above to its error", () =>
    Effect.gen(function* () {
      const rows: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
        ["Unauthorized", [401]],
        ["Forbidden", [403]],
        ["RateLimited", [429]],
        ["Unavailable", [408, 425, 500, 501, 502, 503, 504, 505, 511, 599, 999]],
        ["ClientError", [400, 402, 404, 405, 409, 410, 418, 422, 451, 499]]
      ]
      for (const [tag, statuses] of rows) {
        for (const status of statuses) {
          expect(yield* error(respond(status, "x")), String(status)).toMatchObject({ _tag: tag, status, method: "GET" })
        }
      }
    })
  )

  it.effect("returns responses below 400 with an unread body", () =>
    Effect.gen(function* () {
      for (const status of [200, 204, 302, 304]) {
        const { sending, mock } = yield* send(respondStream(status, Stream.never))
        expect((yield* run(sending)).status).toBe(status)
        expect((yield* mock.released).filter(({ how }) => how !== "empty")).toEqual([])
      }
    })
  )
})

describe("Status.policy problem details", () => {
  it.effect("adds the problem to errors that have a `problem` member", () =>
    Effect.gen(function* () {
      const body = {
        type: "https://a.test/p",
        title: "Out of credit",
        detail: "30 < 50",
        instance: "/a/1",
        balance: 30
      }
      const { balance: _, ...members } = body
      for (const status of [400, 403, 404, 422, 500, 503]) {
        expect(yield* error(respond(status, body, problem)), String(status)).toMatchObject({ problem: members })
      }
      expect((yield* error(respond(404, body, problem))).message).toBe(
        'GET https://api.test/v1/x answered 404: "Out of credit: 30 < 50"'
      )
    })
  )

  it.effect("adds the problem to the error of an inner policy", () =>
    Effect.gen(function* () {
      const { client } = yield* transport(() => respond(503, { title: "Down" }, problem))
      const sending = Status.policy(Retry.policy()(client)).execute(get())
      const error503 = yield* failure(sending).pipe(withJitter(0))
      expect(error503).toMatchObject({ _tag: "Unavailable", problem: { title: "Down" } })
      expect(yield* (error503 as Unavailable).response!.json).toEqual({ title: "Down" })
    })
  )

  it.effect("ignores invalid, truncated and other content", () =>
    Effect.gen(function* () {
      for (const step of [
        respond(404, "<html>", problem),
        respond(404, "[1]", problem),
        respond(404, '"text"', problem),
        respond(404, undefined, problem),
        respond(404, { title: "x" }),
        respond(404, `{"title":"${"x".repeat(70_000)}"}`, problem),
        truncated(404, '{"title":"x"', { headers: problem })
      ]) {
        expect(yield* error(step)).toMatchObject({ _tag: "ClientError", problem: undefined })
      }
    })
  )
})

describe("Status.policy error response", () => {
  it.effect("keeps status, headers and body, with the connection released", () =>
    Effect.gen(function* () {
      for (const status of [401, 403, 404, 429, 503]) {
        const { sending, mock } = yield* send(respond(status, `body of ${status}`, { "x-trace": "t1" }))
        const failed = yield* failure(sending)
        if (!("response" in failed) || failed.response === undefined) throw new Error("no response")
        expect(failed.response.status).toBe(status)
        expect(failed.response.headers["x-trace"]).toBe("t1")
        expect([yield* failed.response.text, yield* failed.response.text]).toEqual([
          `body of ${status}`,
          `body of ${status}`
        ])
        expect(yield* mock.released).toMatchObject([{ at: 0, how: "drained" }])
      }
    })
  )

  it.effect("keeps at most 64 KiB of the body", () =>
    Effect.gen(function* () {
      const endless = Stream.repeatValue(new Uint8Array(10_000).fill(97))
      const { sending, mock } = yield* send(respondStream(404, endless))
      const failed = yield* failure(sending)
      expect("response" in failed && (yield* failed.response!.text).length).toBe(64 * 1024)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("returns an empty body after one second when it never ends", () =>
    Effect.gen(function* () {
      const { sending, mock } = yield* send(respondStream(404, Stream.never))
      const failed = yield* failure(sending)
      expect("response" in failed && (yield* failed.response!.text)).toBe("")
      expect(yield* TestClock.currentTimeMillis).toBe(1000)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("releases an endless body after one second in an uninterruptible region", () =>
    Effect.gen(function* () {
      let cancelled = false
      const body = new ReadableStream({ cancel: () => void (cancelled = true) })
      const endless = HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status: 404 })))
      )
      const sending = Status.policy(Transport.fromHttpClient(endless)).execute(get())
      expect(yield* failure(Effect.uninterruptible(sending))).toMatchObject({ _tag: "ClientError" })
      expect(yield* TestClock.currentTimeMillis).toBe(1000)
      expect(cancelled).toBe(true)
    })
  )
})
