/** Retries per reason of a `TransportError`, phase and method. */
import type { TransportReason } from "@countersign/client/Errors"
import * as Retry from "@countersign/client/Retry"
import * as Transport from "@countersign/client/Transport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { base, failure } from "./support/mockApi.js"

/** Whether a further attempt may succeed. A new reason needs a row here. */
const retried: Record<TransportReason, boolean> = {
  NameNotResolved: true,
  ConnectionRefused: true,
  AddressBlocked: false,
  ProxyFailed: true,
  ConnectTimeout: true,
  ConnectionReset: true,
  HeadersTimeout: true,
  BodyTimeout: true,
  Truncated: true,
  Tls: false,
  HeaderTooLarge: false,
  InvalidContentEncoding: false,
  InvalidHttpResponse: false,
  RequestBodyFailed: false,
  Unknown: true
}

const requestCount = (method: "GET" | "POST", details: Transport.FailureDetails) =>
  Effect.gen(function* () {
    let sent = 0
    const failing = HttpClient.make((request) => {
      sent++
      const error = new HttpClientError.RequestError({ request, reason: "Transport" })
      return Effect.fail(Transport.describeFailure(error, details))
    })
    const client = Retry.policy()(Transport.fromHttpClient(failing))
    yield* failure(client.execute(HttpClientRequest.make(method)(`${base}/x`)))
    return sent
  })

describe("Retry.policy", () => {
  for (const [name, isRetried] of Object.entries(retried)) {
    // The keys of `retried` are the reasons.
    const reason = name as TransportReason
    it.effect(`${isRetried ? "retries" : "does not retry"} ${reason}, and a POST only if it was not sent`, () =>
      Effect.gen(function* () {
        const phases = { connecting: 3, connected: 3, unprocessed: 3, written: 1 } as const
        for (const [phase, posts] of Object.entries(phases)) {
          // The keys of `phases` are the phases.
          const details = { phase: phase as Transport.SendPhase, reason }
          expect(yield* requestCount("GET", details), phase).toBe(isRetried ? 3 : 1)
          expect(yield* requestCount("POST", details), phase).toBe(isRetried ? posts : 1)
        }
      })
    )
  }

  it.effect("retries a failing proxy but not a proxy that rejects the client", () =>
    Effect.gen(function* () {
      for (const [status, code, expected] of [
        [407, undefined, 1],
        [403, undefined, 1],
        [400, undefined, 1],
        [405, undefined, 1],
        [501, undefined, 1],
        [429, undefined, 3],
        [502, undefined, 3],
        [503, undefined, 3],
        [504, undefined, 3],
        [undefined, undefined, 3],
        [undefined, "ECONNREFUSED", 3],
        [undefined, "ENOTFOUND", 3],
        [undefined, "UND_ERR_CONNECT_TIMEOUT", 3],
        [undefined, "ECONNRESET", 3],
        [undefined, "HPE_INVALID_CONSTANT", 1],
        [undefined, "ERR_TLS_CERT_ALTNAME_INVALID", 1],
        [undefined, "EPROTO", 1]
      ] as const) {
        const proxy = { origin: "http://proxy.test:3128", status }
        const sent = yield* requestCount("POST", { phase: "connecting", reason: "ProxyFailed", code, proxy })
        expect(sent, `${status} ${code}`).toBe(expected)
      }
    })
  )
})
