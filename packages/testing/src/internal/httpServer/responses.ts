import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

/** A JSON response, or 500 for a value without JSON, for example one nested deeper than the stack. */
export const json = (
  value: unknown,
  options?: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> }
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.orElseSucceed(HttpServerResponse.json(value, options), () => HttpServerResponse.empty({ status: 500 }))

export const text = (status: number, body: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(body, { status })

/** A response without a body. Its `content-length` avoids chunked coding on keep-alive connections. */
export const empty = (
  status: number,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.empty({
    status,
    headers: status === 204 || status === 304 ? headers : { "content-length": "0", ...headers }
  })

/** Flask's type for responses without a body. The 401 of Basic and redirects of `/status` do not have it. */
export const html: Readonly<Record<string, string>> = { "content-type": "text/html; charset=utf-8" }

const isToken = (name: string): boolean => name !== "" && [...name].every((char) => tokenChars.includes(char))

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

const isFieldChar = (char: string): boolean => {
  const code = char.charCodeAt(0)
  return code === 9 || (code >= 32 && code <= 255 && code !== 127)
}

/** Whether a header is valid (RFC 9110 §5.5). Servers throw for invalid ones. */
export const isField = (name: string, value: string): boolean => isToken(name) && [...value].every(isFieldChar)
