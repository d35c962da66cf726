/** The request as it goes to a transport: checked, and written so that every transport sends the same. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { InvalidRequest } from "../../Errors.js"
import { copyHistory, redactedUrl } from "../redaction/requestHistory.js"
import { validateHeaders, validateContentLength } from "./headerValidation.js"
import { appendUrlParams, removeFragment } from "./requestUrl.js"

type Request = HttpClientRequest.HttpClientRequest

const invalidHeader = (detail: string) => new InvalidRequest({ reason: "Header", detail })

/** A body of the web's own types as one that every transport knows, with the type that it brings. */
const convertWebBody = (request: Request, body: unknown): Request => {
  if (body instanceof FormData) return HttpClientRequest.setBody(request, HttpBody.formData(body))
  if (!(body instanceof URLSearchParams)) return request
  const type = request.headers["content-type"] ?? "application/x-www-form-urlencoded;charset=UTF-8"
  return HttpClientRequest.setBody(request, HttpBody.text(body.toString(), type))
}

const withBodyFields = (request: Request): Request => {
  const { body, headers } = request
  if (body._tag === "Raw") return convertWebBody(request, body.body)
  // The transport writes the boundary of a form, and no caller can know it. Setting the body removes both fields.
  return body._tag === "FormData" && (headers["content-type"] ?? headers["content-length"]) !== undefined
    ? HttpClientRequest.setBody(request, body)
    : request
}

/** A range is a part of the bytes as they are coded (RFC 9110 §14.1.2): a part of a coded body cannot be decoded. */
const withRangeFields = (request: Request): Request =>
  request.headers["range"] === undefined || request.headers["accept-encoding"] !== undefined
    ? request
    : HttpClientRequest.setHeader(request, "accept-encoding", "identity")

/** The request as it is to be sent, or why it cannot be. */
export const toTransportRequest = (request: Request): Request | InvalidRequest => {
  const { body, headers, url } = request
  const problem = validateHeaders(headers) ?? validateContentLength(headers, body)
  if (problem !== undefined) return invalidHeader(problem)
  if (!url.startsWith("https://") && !url.startsWith("http://")) {
    const detail = `"${redactedUrl(request)}" is neither http:// nor https://: give the client a base URL`
    return new InvalidRequest({ reason: "Url", detail })
  }
  const sent = appendUrlParams(request)
  // The platform's undici transport would send a fragment.
  return sent instanceof InvalidRequest
    ? sent
    : copyHistory(request, withRangeFields(withBodyFields(removeFragment(sent))))
}
