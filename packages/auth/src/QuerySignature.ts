/**
 * HMAC signatures of a query (RFC 2104) with a shared secret: the signature is the last parameter, as exchanges expect it.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as OptionNames from "./internal/options/optionNames.js"
import { bytesOf } from "./internal/schemes/bodyBytes.js"
import { withoutParameter } from "./internal/schemes/queryParameters.js"
import { located, urlOf } from "./internal/schemes/signedUrl.js"
import type { SecretOptions } from "./internal/signature/hmac.js"
import { secretNames, signatureOf } from "./internal/signature/hmac.js"

/**
 * The key, and the names of the parameters.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends SecretOptions {
  /** Identifies the secret, if the server needs it. */
  readonly keyId?: string | undefined
  /** Name of the header with the key id (`x-api-key`). */
  readonly keyIdHeader?: string | undefined
  /** Names of the parameters (`timestamp`, `signature`). */
  readonly parameters?: { readonly timestamp?: string; readonly signature?: string } | undefined
  /** Formats the time, from epoch milliseconds (default: milliseconds). */
  readonly timestamp?: ((epochMs: number) => string) | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  ...secretNames,
  keyId: true,
  keyIdHeader: true,
  parameters: { timestamp: true, signature: true },
  timestamp: true
}

const unsignable = new InvalidRequest({
  reason: "Body",
  detail: "a streamed body or a form cannot be signed: its bytes are not known yet. Send bytes or text."
})

/**
 * Authenticates requests with an HMAC signature in the query. The signed text is the query with the time, followed by the body.
 *
 * - Each request has its own time, retries included. A 401 is final.
 * - The query stays unchanged, except for an apostrophe, which a `URL` encodes as `%27`. The time and the signature are appended, and
 *   replace parameters of the same names: a redirect or a link may repeat those of an earlier request.
 * - A call fails with `InvalidRequest { reason: "Body" }` for a streamed body or a form, and with `{ reason: "Credentials" }` if
 *   `secret` is empty or cannot be decoded.
 *
 * Specification: [RFC 2104](https://www.rfc-editor.org/rfc/rfc2104#section-2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Auth.Service => {
  const known = OptionNames.known("`QuerySignature`", options, names)
  const { keyId, keyIdHeader = "x-api-key", parameters = {}, timestamp = String } = known
  const { signature: signatureName = "signature", timestamp: timestampName = "timestamp" } = parameters

  const put = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function* () {
      const body = bytesOf(request.body)
      if (body === undefined) return yield* Effect.fail(unsignable)
      const given = yield* urlOf(request)
      const time = timestamp(yield* Clock.currentTimeMillis)
      const others = [timestampName, signatureName].reduce(withoutParameter, given.href)
      const url = withParameter(new URL(others), timestampName, time)
      const signature = yield* signatureOf(options, [url.search.slice(1), body])
      const signed = located(request, withParameter(url, signatureName, signature))
      return keyId === undefined ? signed : HttpClientRequest.setHeader(signed, keyIdHeader, keyId)
    })

  return { ...Auth.makeStaticEffect(put), honorsDeadline: true }
}

const withParameter = (url: URL, name: string, value: string): URL =>
  new URL(RequestTarget.append(url.href, new URLSearchParams([[name, value]]).toString()))

/**
 * Layer that authenticates requests with an HMAC signature in the query, see {@link make}.
 *
 * @example
 * import * as QuerySignature from "@countersign/auth/QuerySignature"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = QuerySignature.layer({ keyId: "key", secret: Redacted.make("secret") })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth> => Layer.sync(Auth.Auth, () => make(options))
