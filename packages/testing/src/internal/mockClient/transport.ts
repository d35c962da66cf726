import { makeRequestError } from "@countersign/client/Transport"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as RequestBody from "../requestBody.js"
import type { History } from "./history.js"
import { releaser, type Sent } from "./log.js"
import { sentUrl } from "./requestUrl.js"
import type { Responder } from "./responder.js"
import { fromStep } from "./response.js"
import { describe, type Step } from "./step.js"

type Answer = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.RequestError>

interface Exchange {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly signal: AbortSignal
  readonly clock: Clock.Clock
  readonly history: History
  readonly index: number
}

const failWith = (request: HttpClientRequest.HttpClientRequest, cause: Error, description = cause.message): Answer =>
  Effect.fail(makeRequestError({ request, reason: "Transport", cause, description }))

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
          released: releaser(exchange.history.entries, exchange.index, exchange.clock)
        })
      )
  }
}

/** The JSON of a body, if its media type says so. */
const jsonOf = (headers: Readonly<Record<string, string>>, body: string | undefined): unknown => {
  if (body === undefined || !/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(headers["content-type"] ?? ""))
    return undefined
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/**
 * A transport that follows a script and records events. The platform's span is disabled, because it would add `traceparent` to
 * the headers that a test compares.
 */
export const transport = (history: History, { stepOf }: Responder): HttpClient.HttpClient => {
  const { entries } = history
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
      const { method } = request
      const headers = { ...request.headers }
      const json = jsonOf(headers, body)
      const sent: Sent = { _tag: "Sent", index, at, method, url: sentUrl(request, url), headers, body, json }
      entries.push(sent)
      return Effect.onInterrupt(
        Effect.flatMap(stepOf(sent, history), (step) => {
          history.answered(index, describe(step))
          return interpret({ request, signal, clock, history, index }, step)
        }),
        () => Effect.sync(() => entries.push({ _tag: "Interrupted", index, at: clock.unsafeCurrentTimeMillis() }))
      )
    })
  return HttpClient.make((request, url, signal) =>
    Effect.flatMap(RequestBody.read(request), (body) =>
      exchange(request, url, signal, body && new TextDecoder().decode(body.content))
    )
  ).pipe(HttpClient.withTracerDisabledWhen(constTrue))
}
