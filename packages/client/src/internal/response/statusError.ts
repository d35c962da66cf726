import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Challenge from "@countersign/protocol/Challenge"
import type { ExchangeInfo } from "../../Errors.js"
import { ClientError, Forbidden, RateLimited, Unauthorized, Unavailable } from "../../Errors.js"
import type { Problem } from "../../Problem.js"
import { withResponse } from "../errors/errorResponse.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { originalRequest } from "./clientResponse.js"
import * as EchoedCredentials from "./redactEchoedCredentials.js"
import { retryHintOf, isRateLimit } from "./retryAfter.js"

/** The error of a response status. The table in `Errors` lists which status becomes which error. */
export type StatusError = Unauthorized | Forbidden | RateLimited | Unavailable | ClientError

/** Method, redacted URL and status of a response. */
export const exchangeInfoOf = (response: HttpClientResponse): ExchangeInfo => ({
  method: response.request.method,
  url: redactedUrl(originalRequest(response)),
  status: response.status
})

/** The challenges of a response. */
export const challengesOf = (response: HttpClientResponse): ReadonlyArray<Challenge.Challenge> => {
  const field = response.headers["www-authenticate"]
  return field === undefined ? [] : Challenge.parse(field)
}

/** The challenges of a response with redacted credentials, for errors. */
export const redactedChallengesOf = (response: HttpClientResponse): ReadonlyArray<Challenge.Challenge> => {
  const redact = EchoedCredentials.makeResponseRedactor(response)
  return challengesOf(response).map((challenge) => {
    // No prototype, like the parsed parameters. `Object.create` returns `any`.
    const params = Object.create(null) as Record<string, string>
    for (const [name, value] of Object.entries(challenge.params)) params[redact(name)] = redact(value)
    const scheme = redact(challenge.scheme)
    return challenge.token68 === undefined ? { scheme, params } : { scheme, token68: redact(challenge.token68), params }
  })
}

const missingScope = (challenges: ReadonlyArray<Challenge.Challenge>): string | undefined =>
  challenges.find((challenge) => challenge.params["error"] === "insufficient_scope")?.params["scope"]

const isUnavailable = (status: number): boolean => status >= 500 || status === 408 || status === 425

/**
 * Makes the typed error of a status of 400 or more.
 *
 * @param reason - how far authentication got, for a 401.
 */
export const makeStatusError = (
  response: HttpClientResponse,
  now: number,
  problem?: Problem,
  reason: Unauthorized["reason"] = "NoCredentials"
): StatusError => {
  const exchange = exchangeInfoOf(response)
  const make = (): StatusError => {
    if (response.status === 401) {
      return new Unauthorized({ ...exchange, challenges: redactedChallengesOf(response), reason })
    }
    if (isRateLimit(response)) return new RateLimited({ ...exchange, ...retryHintOf(response, now) })
    if (response.status === 403) {
      const challenges = redactedChallengesOf(response)
      return new Forbidden({ ...exchange, challenges, scope: missingScope(challenges), problem })
    }
    if (isUnavailable(response.status)) {
      return new Unavailable({ ...exchange, ...retryHintOf(response, now), problem })
    }
    return new ClientError({ ...exchange, problem })
  }
  return withResponse(make(), response)
}
