import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as RequestBody from "../requestBody.js"
import { type Entry, releaser } from "./log.js"
import { sentUrl } from "./requestUrl.js"
import { fromStep } from "./response.js"
import { codedError, type Step } from "./step.js"

type Sent = Extract<Entry, { readonly _tag: "Sent" }>
type Answer = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.RequestError>

interface Exchange {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly signal: AbortSignal
  readonly clock: Clock.Clock
  readonly entries: Array<Entry>
  readonly index: number
}

const failWith = (request: HttpClientRequest.HttpClientRequest, cause: Error, description = cause.message): Answer =>
  Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause, description }))

const interpret = (exchange: Exchange, step: Step): Answer => {
  switch (step._tag) {
    case "Fail":
      return failWith(exchange.request, step.error)
    case "Never":
      return Effect.never
    case "Delay":
      return Effect.delay(
        Effect.suspend(() => interpret(exchange, step.step)),
        step.duration
      )
    case "Respond":
      return Effect.map(Effect.runtime(), (runtime) =>
        fromStep(exchange.request, step, {
          runtime,
          signal: exchange.signal,
          released: releaser(exchange.entries, exchange.index, exchange.clock)
        })
      )
  }
}

const scriptEnded = ({ entries, index }: Exchange): Answer => {
  const sent = entries.filter((entry) => entry._tag === "Sent").map((entry) => `${entry.method} ${entry.url}`)
  const text = `the script has ${index} step(s), and this is request ${index + 1}. Add a step for it. Sent: ${sent.join(", ")}`
  // A defect, because a policy would retry a failure or replace it by another error.
  return Effect.die(codedError("ERR_MOCK_SCRIPT_ENDED", text))
}

/**
 * A transport that follows a script and records events. The platform's span is disabled, because it would add `traceparent` to
 * the headers that a test compares.
 */
export const transport = (
  entries: Array<Entry>,
  script: (request: Sent, index: number) => Step | undefined
): HttpClient.HttpClient => {
  let count = 0
  const exchange = (
    request: HttpClientRequest.HttpClientRequest,
    url: URL,
    signal: AbortSignal,
    body: string | undefined
  ) =>
    Effect.clockWith((clock) => {
      const index = count++
      const at = clock.unsafeCurrentTimeMillis()
      const { headers, method } = request
      const sent: Sent = { _tag: "Sent", index, at, method, url: sentUrl(request, url), headers: { ...headers }, body }
      entries.push(sent)
      const step = script(sent, index)
      const current: Exchange = { request, signal, clock, entries, index }
      return Effect.onInterrupt(step === undefined ? scriptEnded(current) : interpret(current, step), () =>
        Effect.sync(() => entries.push({ _tag: "Interrupted", index, at: clock.unsafeCurrentTimeMillis() }))
      )
    })
  return HttpClient.make((request, url, signal) =>
    Effect.flatMap(RequestBody.read(request), (body) =>
      exchange(request, url, signal, body && new TextDecoder().decode(body.content))
    )
  ).pipe(HttpClient.withTracerDisabledWhen(constTrue))
}
