/** Prepares a request for a transport: it is validated, and normalized so that every transport sends the same bytes. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { InvalidRequest } from "../../Errors.js"
import { copyHistory, redactedUrl } from "../redaction/requestHistory.js"
import { validateHeaders, validateContentLength } from "./headerValidation.js"
import { appendUrlParams, removeFragment } from "./requestUrl.js"

type Request = HttpClientRequest.HttpClientRequest

const invalidHeader = (detail: string) => new InvalidRequest({ reason: "Header", detail })

/** Converts a `FormData` or `URLSearchParams` body to a body that every transport supports, with its content type. */
const convertWebBody = (request: Request, body: unknown): Request => {
  if (body instanceof FormData) return HttpClientRequest.setBody(request, HttpBody.formData(body))
  if (!(body instanceof URLSearchParams)) return request
  const type = request.headers["content-type"] ?? "application/x-www-form-urlencoded;charset=UTF-8"
  return HttpClientRequest.setBody(request, HttpBody.text(body.toString(), type))
}

const withBodyFields = (request: Request): Request => {
  const { body, headers } = request
  if (body._tag === "Raw") return convertWebBody(request, body.body)
  // Remove both fields by setting the body again: only the transport knows a form's boundary.
  return body._tag === "FormData" && (headers["content-type"] ?? headers["content-length"]) !== undefined
    ? HttpClientRequest.setBody(request, body)
    : request
}

/** A range applies to the encoded bytes (RFC 9110 §14.1.2), and a part of an encoded body cannot be decoded. */
const withRangeFields = (request: Request): Request =>
  request.headers["range"] === undefined || request.headers["accept-encoding"] !== undefined
    ? request
    : HttpClientRequest.setHeader(request, "accept-encoding", "identity")

/** Returns the request to send, or why it cannot be sent. */
export const toTransportRequest = (request: Request): Request | InvalidRequest => {
  const { body, headers, url } = request
  const problem = validateHeaders(headers) ?? validateContentLength(headers, body)
  if (problem !== undefined) return invalidHeader(problem)
  if (!url.startsWith("https://") && !url.startsWith("http://")) {
    const detail = `"${redactedUrl(request)}" is neither http:// nor https://. Set the client's baseUrl, or pass an absolute URL.`
    return new InvalidRequest({ reason: "Url", detail })
  }
  const sent = appendUrlParams(request)
  // The platform's undici transport would send a fragment.
  return sent instanceof InvalidRequest
    ? sent
    : copyHistory(request, withRangeFields(withBodyFields(removeFragment(sent))))
}
