/**
 * The responses of the pipeline. The platform's responses hold the signed request, and print headers and body. These
 * print only method, redacted URL and status.
 */
import type * as PlatformCookies from "@effect/platform/Cookies"
import type * as Headers from "@effect/platform/Headers"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { recordedFailureOf, copyFailure } from "../errors/failureDetails.js"
import { classify } from "../errors/transportReason.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import type { Json } from "../runtime/platform.js"
import { PlatformResponse } from "../runtime/platform.js"
import { makeResponseError, sameFailure } from "../runtime/transportFailure.js"
import type { BodyReader } from "./bodyReader.js"
import { bodyReader, bufferedBody, bufferedBodyOf, mapReaderError, readerOf, streamOf } from "./bodyReader.js"
import { fieldValues, rawFieldValues } from "./fieldValues.js"
import { rawSetCookie, rawSetCookieOf } from "./fieldValues.js"

/** The request without headers and body, and with a redacted URL. */
const redactRequest = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.make(request.method)(redactedUrl(request))

/** For responses of an untyped transport that become an error or a redirect. */
const unsignedByForeignResponse: WeakMap<object, HttpClientRequest.HttpClientRequest> = new WeakMap()

export abstract class BaseResponse extends PlatformResponse {
  readonly status: number
  readonly #source: HttpClientResponse.HttpClientResponse
  #request: HttpClientRequest.HttpClientRequest | undefined
  /** The request before it was signed. */
  #unsigned: HttpClientRequest.HttpClientRequest | undefined

  constructor(source: HttpClientResponse.HttpClientResponse) {
    super()
    this.status = source.status
    this.#source = source
  }

  /** A static method can read the private `#source`. A public field would be printed. */
  static originalRequest(response: HttpClientResponse.HttpClientResponse): HttpClientRequest.HttpClientRequest {
    return #source in response ? BaseResponse.originalRequest(response.#source) : response.request
  }

  static recordUnsignedRequest(
    response: HttpClientResponse.HttpClientResponse,
    unsigned: HttpClientRequest.HttpClientRequest
  ): void {
    if (#source in response) response.#unsigned = unsigned
    else if (response.status >= 300) unsignedByForeignResponse.set(response, unsigned)
  }

  /** If one client is the transport of another, the outer client's request is used: it has the fewest credentials. */
  static unsignedRequestOf(
    response: HttpClientResponse.HttpClientResponse
  ): HttpClientRequest.HttpClientRequest | undefined {
    if (!(#source in response)) return unsignedByForeignResponse.get(response)
    return response.#unsigned ?? BaseResponse.unsignedRequestOf(response.#source)
  }

  protected get source(): HttpClientResponse.HttpClientResponse {
    return this.#source
  }

  get request(): HttpClientRequest.HttpClientRequest {
    return (this.#request ??= redactRequest(BaseResponse.originalRequest(this.#source)))
  }

  get headers(): Headers.Headers {
    return this.#source.headers
  }

  get cookies(): PlatformCookies.Cookies {
    return this.#source.cookies
  }

  get remoteAddress(): Option.Option<string> {
    return this.#source.remoteAddress
  }

  get [bufferedBody](): Uint8Array | undefined {
    return bufferedBodyOf(this.#source)
  }

  [fieldValues](name: string): ReadonlyArray<string> | undefined {
    return rawFieldValues(this.#source, name)
  }

  get [rawSetCookie](): unknown {
    return rawSetCookieOf(this.#source)
  }

  override toJSON(): unknown {
    const { method, url } = this.request
    return { _id: "@countersign/client/Response", method, url, status: this.status }
  }
}

/** The request as it went to the transport, with its credentials. Use it only to redact them. */
export const originalRequest = (response: HttpClientResponse.HttpClientResponse): HttpClientRequest.HttpClientRequest =>
  BaseResponse.originalRequest(response)

/** Stores the request of a response as it was before it was signed. */
export const recordUnsignedRequest = (
  response: HttpClientResponse.HttpClientResponse,
  unsigned: HttpClientRequest.HttpClientRequest
): void => BaseResponse.recordUnsignedRequest(response, unsigned)

/** The request of a response before it was signed. Undefined if no scheme signed it. */
export const unsignedRequestOf = (
  response: HttpClientResponse.HttpClientResponse
): HttpClientRequest.HttpClientRequest | undefined => BaseResponse.unsignedRequestOf(response)

/** A response with a body that is still being received. Its errors contain a code, never the signed request. */
export class StreamingResponse extends BaseResponse implements HttpClientResponse.HttpClientResponse {
  #failure(error: HttpClientError.ResponseError): HttpClientError.ResponseError {
    const { code, reason } = classify(recordedFailureOf(error).cause, true)
    const redacted = sameFailure(error, {
      request: this.request,
      response: this,
      description: code ?? reason,
      // Readers within the pipeline need only the code of the cause.
      ...(code === undefined ? {} : { cause: { code } })
    })
    return copyFailure(error, redacted)
  }

  #mapFailure<A>(
    effect: Effect.Effect<A, HttpClientError.ResponseError>
  ): Effect.Effect<A, HttpClientError.ResponseError> {
    return Effect.mapError(effect, (error) => this.#failure(error))
  }

  [bodyReader](): BodyReader {
    return mapReaderError(readerOf(this.source), (error) => Option.some(this.#failure(error)))
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    return Stream.suspend(() => streamOf(this[bodyReader]()))
  }

  get json(): Effect.Effect<Json, HttpClientError.ResponseError> {
    return this.#mapFailure(this.source.json)
  }

  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return this.#mapFailure(this.source.text)
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return this.#mapFailure(this.source.urlParamsBody)
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return this.#mapFailure(this.source.formData)
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return this.#mapFailure(this.source.arrayBuffer)
  }
}

const decoder = new TextDecoder()

/** A response with its body in memory. It can be read repeatedly, and uses no connection. */
export class BufferedResponse extends BaseResponse implements HttpClientResponse.HttpClientResponse {
  readonly #bytes: Uint8Array
  #text: string | undefined

  constructor(source: HttpClientResponse.HttpClientResponse, bytes: Uint8Array) {
    super(source)
    this.#bytes = bytes
  }

  override get [bufferedBody](): Uint8Array {
    return this.#bytes
  }

  #decode<A>(decode: () => A): Effect.Effect<A, HttpClientError.ResponseError> {
    return Effect.try({
      try: decode,
      catch: () => this.#failure("the body cannot be decoded")
    })
  }

  #failure(description: string): HttpClientError.ResponseError {
    return makeResponseError({ request: this.request, response: this, reason: "Decode", description })
  }

  #asText(): string {
    return (this.#text ??= decoder.decode(this.#bytes))
  }

  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return Effect.sync(() => this.#asText())
  }

  get json(): Effect.Effect<Json, HttpClientError.ResponseError> {
    return this.#decode((): Json => (this.#asText() === "" ? null : JSON.parse(this.#asText())))
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return this.#decode(() => UrlParams.fromInput(new URLSearchParams(this.#asText())))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    const type = this.headers["content-type"]
    return Effect.tryPromise({
      try: () =>
        new Response(this.#bytes.slice(), type === undefined ? {} : { headers: { "content-type": type } }).formData(),
      catch: () => this.#failure("the body is not form data")
    })
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    // Copied, because a `Buffer` is a view of shared memory, and its `slice` is another view.
    return Effect.sync(() => new Uint8Array(this.#bytes).buffer)
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    return this.#bytes.length === 0 ? Stream.empty : Stream.make(this.#bytes)
  }
}
