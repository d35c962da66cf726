/** A request with the fields of an AWS signature. */
import type { InvalidRequest } from "@countersign/client/Errors"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "./credentials.js"
import { located } from "../schemes/signedUrl.js"
import { fieldsOf, withChunkedBody } from "./chunkedBody.js"
import type { Payload } from "./payload.js"
import { invalid } from "./resolve.js"
import type { Signer } from "./signing.js"

/** Characters of a header field. Other ones are sent in an encoding that the signature does not cover. */
const isVisible = (text: string): boolean => /^[\t -~]*$/.test(text)

/** The URL in the encoding that is signed. */
export const encodedUrl = (url: URL, service: string): URL => {
  const encoded = new URL(url)
  encoded.pathname = AwsSignature.sentPath(url.pathname, AwsSignature.pathRuleOf(service))
  encoded.search = AwsSignature.sentQuery(url.search.slice(1))
  encoded.hash = ""
  return encoded
}

/** What is signed with one request. */
export interface ToSign {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: URL
  readonly credentials: Credentials
  readonly endpoint: AwsSignature.Endpoint
  readonly payload: Payload
  readonly time: string
}

const notVisible = (name: string): InvalidRequest =>
  invalid("Header", `\`${name}\` is signed and has a character outside of ASCII. Encode its value.`)

/** The request with its fields, except for the signature. */
const unsignedRequest = ({ credentials, payload, request, time }: ToSign): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.setHeaders(request, {
    ...(payload.streamed && fieldsOf(payload.streamed, request.headers["content-encoding"])),
    "x-amz-date": time,
    "x-amz-content-sha256": payload.hash,
    ...(credentials.sessionToken && { "x-amz-security-token": Redacted.value(credentials.sessionToken) })
  })

/** Adds the fields of the signature, and the URL that was signed. */
export const withSignature = (
  signer: Signer,
  toSign: ToSign
): Effect.Effect<HttpClientRequest.HttpClientRequest, InvalidRequest> =>
  Effect.suspend(() => {
    const { credentials, endpoint, payload, request, time, url } = toSign
    const unsigned = unsignedRequest(toSign)
    const headers: Array<readonly [string, string]> = Object.entries({ host: url.host, ...unsigned.headers }).filter(
      ([name]) => AwsSignature.isSigned(name)
    )
    const wrong = headers.find(([, value]) => !isVisible(value))
    if (wrong !== undefined) return Effect.fail(notVisible(wrong[0]))
    const { signedHeaders, text } = AwsSignature.canonicalRequest({
      method: request.method,
      path: url.pathname,
      query: url.search.slice(1),
      headers,
      payloadHash: payload.hash,
      pathRule: AwsSignature.pathRuleOf(endpoint.service)
    })
    const signature = signer.sign(credentials, endpoint, time, text)
    const scope = AwsSignature.scope(time, endpoint)
    const authorization = AwsSignature.authorization({
      accessKeyId: credentials.accessKeyId,
      scope,
      signedHeaders,
      signature
    })
    const signed = HttpClientRequest.setHeaders(located(unsigned, url), { authorization })
    if (payload.streamed === undefined) return Effect.succeed(signed)
    const signChunk = signer.chunks(credentials, endpoint, time)
    return Effect.succeed(withChunkedBody(signed, payload.streamed, signChunk, signature))
  })
