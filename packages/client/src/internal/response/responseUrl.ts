import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { urlOf } from "../request/requestUrl.js"
import { originalRequest, unsignedRequestOf } from "./clientResponse.js"

/** The URL that a response was read from, after redirects and without credentials. It may contain secrets of the caller. */
export const urlOfResponse = (response: HttpClientResponse): string =>
  urlOf(unsignedRequestOf(response) ?? originalRequest(response))
