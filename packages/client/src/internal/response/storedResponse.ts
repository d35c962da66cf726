/** A response that was received earlier: status, header fields and body, without a connection. */
import * as PlatformCookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { PlatformResponse } from "../runtime/platform.js"
import { BufferedResponse } from "./clientResponse.js"

/** A response without a body. A web response would reject some statuses and header fields. */
class HeaderOnly extends PlatformResponse implements HttpClientResponse.HttpClientResponse {
  readonly cookies = PlatformCookies.empty
  readonly remoteAddress: Option.Option<string> = Option.none()
  readonly stream = Stream.empty
  readonly text = Effect.succeed("")
  readonly json = Effect.succeed(null)
  readonly urlParamsBody = Effect.succeed(UrlParams.empty)
  readonly formData = Effect.sync(() => new FormData())
  readonly arrayBuffer = Effect.sync(() => new ArrayBuffer(0))
  readonly request: HttpClientRequest
  readonly status: number
  readonly headers: Headers.Headers

  constructor(request: HttpClientRequest, status: number, fields: Readonly<Record<string, string>>) {
    super()
    this.request = request
    this.status = status
    this.headers = Headers.fromInput(fields)
  }

  override toJSON(): unknown {
    return { _id: "@countersign/client/Response", status: this.status }
  }
}

/** Builds a response from its parts. The body is copied, so that a caller that changes its bytes changes no other response. */
export const storedResponse = (
  request: HttpClientRequest,
  status: number,
  fields: Readonly<Record<string, string>>,
  body: Uint8Array
): HttpClientResponse.HttpClientResponse =>
  new BufferedResponse(new HeaderOnly(request, status, fields), new Uint8Array(body))
