/** The path to an authorization server, which fails for some time. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Duration of a response in milliseconds. */
const latency = 100

/** `Retry-After` of the limited server, in milliseconds. */
export const retryAfter = 60_000

/** Kinds of outage. */
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

/** The path to the authorization server. It fails between two times, in epoch milliseconds. */
export interface ServerPath {
  from: number
  until: number
  kind: Kind
  /** Number of requests, and of those that failed. */
  calls: number
  faults: number
}

/** A transport that uses the path. */
export const viaPath = (transport: HttpClient.HttpClient, path: ServerPath): HttpClient.HttpClient =>
  HttpClient.transform(transport, (response, request) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      path.calls += 1
      if (now < path.from || now >= path.until) return Effect.delay(response, latency)
      const index = path.faults
      path.faults += 1
      const fault = path.kind === "alternating" ? alternating[index % alternating.length] : faults[path.kind]
      return fault === undefined ? response : Effect.delay(fault(request), latency)
    })
  )
