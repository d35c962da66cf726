/** The client option `showQuery`: which query values appear in errors, spans, events and log lines. */
import * as ApiLog from "@countersign/client/ApiLog"
import * as Auth from "@countersign/client/Auth"
import * as Timeline from "@countersign/client/Timeline"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Tracer from "effect/Tracer"
import { api, base, run, runPromise, withJitter } from "./support/mockApi.js"

const { respond } = MockClient

/** A scheme that replaces credentials after a 401, and adds one to the query. */
const signing: Auth.Service = {
  ...Auth.none,
  sign: (request) =>
    Effect.succeed({ request: HttpClientRequest.appendUrlParam(request, "key", "canary-key"), credential: 1 }),
  onRejected: () => Effect.succeed(true)
}

/** All texts with a URL that a failing call shows: its error, its events, its spans and its log lines. */
const shownBy = (url: string, showQuery: ReadonlyArray<string> | undefined, script: MockClient.Script) =>
  Effect.gen(function* () {
    const texts: Array<string> = []
    const native = yield* Effect.tracer
    const tracer = Tracer.make({
      span: (...args) => {
        const span = native.span(...args)
        const attribute = span.attribute.bind(span)
        span.attribute = (name, value) => {
          if (name === "url.full") texts.push(String(value))
          attribute(name, value)
        }
        return span
      },
      context: (f) => f()
    })
    const logger = Logger.make(({ message }) => texts.push(String(message)))
    const layers = Layer.mergeAll(
      ApiLog.layer(),
      Timeline.layer((event) => ("url" in event ? texts.push(event.url) : undefined)),
      Logger.replace(Logger.defaultLogger, logger),
      Logger.minimumLogLevel(LogLevel.All)
    )
    const client = yield* api(script, { auth: signing, showQuery })
    const exit = yield* run(Effect.exit(client.api.get(url))).pipe(
      withJitter(1),
      Effect.withTracer(tracer),
      Effect.provide(layers)
    )
    if (Exit.isFailure(exit)) texts.push(String(exit.cause))
    return texts.filter((text) => text.includes("?") || text.includes("answered"))
  })

const failing: MockClient.Script = [
  respond(503),
  respond(401),
  respond(302, "", { location: "/v1/y?q=second&token=canary&page=2" }),
  respond(404)
]

describe("The client option showQuery", () => {
  it.effect("shows the named values in errors, spans, events and logs, across retries, replays and redirects", () =>
    Effect.gen(function* () {
      const texts = yield* shownBy("/x?q=first&token=canary", ["q"], failing)
      const all = texts.join("\n")
      expect(texts.length).toBeGreaterThanOrEqual(12)
      expect(all).not.toContain("canary")
      for (const text of texts) expect(text).toMatch(/\?q=(first|second)&token=<redacted>/)
      expect(all).toContain("page=<redacted>")
      expect(texts.at(-1)).toContain(`${base}/y?q=second&token=<redacted>&page=<redacted>`)
    })
  )

  it.effect("shows short numbers of page parameters without the option, and with `[]` none", () =>
    Effect.gen(function* () {
      const url = "/x?page=2&per_page=100&limit=10&offset=0&q=canary"
      const byDefault = yield* shownBy(url, undefined, [respond(404)])
      expect(byDefault.length).toBeGreaterThan(4)
      for (const text of byDefault) expect(text).toContain("/x?page=2&per_page=100&limit=10&offset=0&q=<redacted>")
      for (const text of yield* shownBy(url, [], [respond(404)]))
        expect(text).toContain("/x?page=<redacted>&per_page=<r")
    })
  )

  it("hides every value of another parameter, and a page that is no short number", () => {
    const secret = FastCheck.string({ unit: FastCheck.constantFrom(..."XYZ789"), minLength: 6, maxLength: 14 })
    const name = FastCheck.constantFrom("page", "limit", "token", "code", "Page", "qq", "q2")
    return FastCheck.assert(
      FastCheck.asyncProperty(name, secret, FastCheck.constantFrom(undefined, ["q"]), async (key, value, show) => {
        const isShown = show === undefined && (key === "page" || key === "limit") && /^[0-9]{1,9}$/.test(value)
        const texts = await runPromise(shownBy(`/x?${key}=${value}`, show, [respond(404)]))
        expect(texts.length).toBeGreaterThan(4)
        for (const text of texts) expect(text.includes(`=${value}`)).toBe(isShown)
      }),
      { numRuns: 40 }
    )
  })
})
