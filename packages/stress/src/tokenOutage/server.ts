/** The way to an authorization server that is down for some time. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** How long the server takes for an answer, in milliseconds. */
const latency = 100

/** How long it asks to be left alone, in milliseconds. */
export const retryAfter = 60_000

/** What a server does that is down. */
export const kinds = ["busy", "limited", "refusing", "resetting", "hanging", "alternating"] as const

/** One of {@link kinds}. */
export type Kind = (typeof kinds)[number]

type Answer = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

const broken = (request: HttpClientRequest, code: string): Answer =>
  Effect.fail(
    new HttpClientError.RequestError({
      request,
      reason: "Transport",
      cause: Object.assign(new Error(code), { code })
    })
  )

const status = (request: HttpClientRequest, status: number, headers: Record<string, string> = {}): Answer =>
  Effect.succeed(HttpClientResponse.fromWeb(request, new Response("<html>", { status, headers })))

const faults: Readonly<Record<Exclude<Kind, "alternating">, (request: HttpClientRequest) => Answer>> = {
  busy: (request) => status(request, 503),
  limited: (request) => status(request, 429, { "retry-after": String(retryAfter / 1000) }),
  refusing: (request) => broken(request, "ECONNREFUSED"),
  resetting: (request) => broken(request, "ECONNRESET"),
  hanging: () => Effect.never
}

const alternating = Object.values(faults)

/** The way to the authorization server, which is down for some time, in epoch milliseconds. */
export interface Way {
  from: number
  until: number
  kind: Kind
  /** How often it was gone, and of that while the server was down. */
  calls: number
  faults: number
}

/** A transport that is that way. */
export const over = (transport: HttpClient.HttpClient, way: Way): HttpClient.HttpClient =>
  HttpClient.transform(transport, (answer, request) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      way.calls += 1
      if (now < way.from || now >= way.until) return Effect.delay(answer, latency)
      const index = way.faults
      way.faults += 1
      const fault = way.kind === "alternating" ? alternating[index % alternating.length] : faults[way.kind]
      return fault === undefined ? answer : Effect.delay(fault(request), latency)
    })
  )
