import type { OutgoingRequest } from "../dispatcher/requestDispatcher.js"
import { makeBodySource } from "./bodySource.js"
import type { OutgoingField } from "./fieldEncoder.js"
import { parseContentLength, makeRequestHead } from "./requestHead.js"
import type { StreamRequest } from "./stream.js"

/** A validated request for HTTP/2. */
export interface Http2Request extends StreamRequest {
  readonly fields: ReadonlyArray<OutgoingField>
}

const hasContentType = (headers: ReadonlyArray<string>): boolean =>
  headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === "content-type")

/**
 * Makes the request to `origin`.
 *
 * @throws undici's errors for an invalid request.
 */
export const makeHttp2Request = (origin: URL, options: OutgoingRequest): Http2Request => {
  const { bodyTimeout, expectContinue, headers, headersTimeout, method, path } = options
  const body = makeBodySource(options.body)
  // The length of bytes is known. For a stream, the caller may have set a length.
  const length = body.source instanceof Buffer ? body.length : (parseContentLength(headers) ?? body.length)
  const fields = makeRequestHead({ method, origin, path, headers, length })
  if (body.type !== undefined && !hasContentType(headers)) fields.push(["content-type", body.type])
  const expectsContinue = expectContinue === true
  if (expectsContinue) fields.push(["expect", "100-continue"])
  return {
    method,
    body,
    length,
    fields,
    expectsContinue,
    headersTimeout: headersTimeout ?? 0,
    bodyTimeout: bodyTimeout ?? 0
  }
}
