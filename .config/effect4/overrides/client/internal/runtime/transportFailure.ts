/** Errors of the platform's transports, for Effect 4. */
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"

/** Why a request got no response: its URL or its body is wrong, or it could not be transferred. */
export type RequestReason = "InvalidUrl" | "Encode" | "Transport"

/** What is wrong with a response: its status, its body, or the lack of one. */
export type ResponseReason = "StatusCode" | "Decode" | "EmptyBody"

interface Cause {
  readonly cause?: unknown
  readonly description?: string
}

/** A request without a response. */
export interface RequestFailure extends Cause {
  readonly request: HttpClientRequest
  readonly reason: RequestReason
}

/** A response that cannot be used. */
export interface ResponseFailure extends Cause {
  readonly request: HttpClientRequest
  readonly response: HttpClientResponse
  readonly reason: ResponseReason
}

const reasons = {
  InvalidUrlError: "InvalidUrl",
  EncodeError: "Encode",
  TransportError: "Transport",
  StatusCodeError: "StatusCode",
  DecodeError: "Decode",
  EmptyBodyError: "EmptyBody"
} as const

/** Makes the platform's error of a request without a response. */
export const makeRequestError = ({ reason, ...failure }: RequestFailure): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError[`${reason}Error`](failure) })

/** Makes the platform's error of a response. */
export const makeResponseError = ({ reason, ...failure }: ResponseFailure): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError[`${reason}Error`](failure) })

const isResponseReason = (reason: RequestReason | ResponseReason): reason is ResponseReason =>
  reason === "StatusCode" || reason === "Decode" || reason === "EmptyBody"

/** Makes an error with the same reason, for another response. An error without a response becomes one of its body. */
export const sameFailure = (
  error: HttpClientError.HttpClientError,
  failure: Omit<ResponseFailure, "reason">
): HttpClientError.HttpClientError => {
  const reason = reasonOf(error)
  return makeResponseError({ ...failure, reason: isResponseReason(reason) ? reason : "Decode" })
}

/** Whether the platform made an error. */
export const isPlatformError: (error: unknown) => error is HttpClientError.HttpClientError =
  HttpClientError.isHttpClientError

/** Whether an error is about a response, so that the server has received the request. */
export const isAboutResponse = ({ response }: HttpClientError.HttpClientError): boolean => response !== undefined

/** Why a request failed, or what is wrong with its response. */
export const reasonOf = ({ reason }: HttpClientError.HttpClientError): RequestReason | ResponseReason =>
  reasons[reason._tag]
