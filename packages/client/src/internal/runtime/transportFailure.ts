/**
 * Errors of the platform's transports. Effect 4 has one error with a reason of its own class, so only this module makes and
 * reads them. The edition for Effect 4 replaces it.
 */
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"

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

/** Makes the platform's error of a request without a response. */
export const makeRequestError = (failure: RequestFailure): HttpClientError.RequestError =>
  new HttpClientError.RequestError(failure)

/** Makes the platform's error of a response. */
export const makeResponseError = (failure: ResponseFailure): HttpClientError.ResponseError =>
  new HttpClientError.ResponseError(failure)

/** Makes an error with the same reason, for another response. */
export const sameFailure = (
  { reason }: HttpClientError.ResponseError,
  failure: Omit<ResponseFailure, "reason">
): HttpClientError.ResponseError => makeResponseError({ ...failure, reason })

/** Whether the platform made an error. */
export const isPlatformError: (error: unknown) => error is HttpClientError.HttpClientError =
  HttpClientError.isHttpClientError

/** Whether an error is about a response, so that the server has received the request. */
export const isAboutResponse = (error: HttpClientError.HttpClientError): boolean => error._tag === "ResponseError"

/** Why a request failed, or what is wrong with its response. */
export const reasonOf = ({ reason }: HttpClientError.HttpClientError): RequestReason | ResponseReason => reason
