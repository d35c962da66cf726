import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Challenge from "@countersign/protocol/Challenge"
import type { ExchangeInfo } from "../../Errors.js"
import { ClientError, Forbidden, RateLimited, Unauthorized, Unavailable } from "../../Errors.js"
import { bodyOfError, withResponse } from "../errors/errorResponse.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { originalRequest } from "./clientResponse.js"
import type { ErrorBody } from "./errorBody.js"
import { noErrorBody } from "./errorBody.js"
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

const withBody = <E extends object>(error: E, response: HttpClientResponse, { json }: ErrorBody): E => {
  if (json !== undefined) bodyOfError.set(error, json)
  return withResponse(error, response)
}

/** Makes the typed error of a status of 400 or more. */
export const makeStatusError = (
  response: HttpClientResponse,
  now: number,
  body: ErrorBody = noErrorBody
): StatusError => {
  const { problem, serverMessage } = body
  const exchange = { ...exchangeInfoOf(response), serverMessage }
  const make = (): StatusError => {
    if (response.status === 401) {
      return new Unauthorized({ ...exchange, challenges: redactedChallengesOf(response), reason: "NoCredentials" })
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
  return withBody(make(), response, body)
}

/** The same error with what its response says, or the error itself if that is nothing new. */
const completed = (error: object, { problem, serverMessage }: ErrorBody): object => {
  if (problem === undefined && serverMessage === undefined) return error
  const words = { serverMessage }
  if (error instanceof Unauthorized) return new Unauthorized({ ...error, ...words })
  if (error instanceof RateLimited) return new RateLimited({ ...error, ...words })
  if (error instanceof Unavailable) return new Unavailable({ ...error, ...words, problem })
  if (error instanceof Forbidden) return new Forbidden({ ...error, ...words, problem })
  if (error instanceof ClientError) return new ClientError({ ...error, ...words, problem })
  return error
}

/** Adds a response and what its body says to an error that an inner policy made from the response. */
export const completeStatusError = <E extends object>(error: E, response: HttpClientResponse, body: ErrorBody): E =>
  // `completed` returns an error of the same class, and so of the same type.
  withBody(completed(error, body) as E, response, body)
