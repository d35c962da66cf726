/** Effect's platform client over its undici layer. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { ofEffect, type Case } from "../Case.js"
import { headers, token } from "../Payload.js"

/** The client with default options. */
export const platformUndici: Case = ({ url }) => {
  const call = Effect.map(HttpClient.HttpClient, (client) =>
    Effect.flatMap(client.get(url, { headers }), (response) => response.json)
  )
  return ofEffect(NodeHttpClient.layerUndici, call)()
}

/** The platform's own bearer token, retry and timeout. */
export const platformEquivalent: Case = ({ url }) => {
  const bearer = Redacted.make(token)
  const call = Effect.map(HttpClient.HttpClient, (transport) => {
    const client = transport.pipe(
      HttpClient.mapRequest(HttpClientRequest.bearerToken(bearer)),
      HttpClient.mapRequest(HttpClientRequest.acceptJson),
      HttpClient.filterStatusOk,
      // eslint-disable-next-line countersign/platform-traps -- the benchmark compares it with `Retry.policy`
      HttpClient.retryTransient({ schedule: Schedule.exponential("50 millis"), times: 2 })
    )
    return client.get(url).pipe(
      Effect.flatMap((response) => response.json),
      Effect.timeout("30 seconds")
    )
  })
  return ofEffect(NodeHttpClient.layerUndici, call)()
}
