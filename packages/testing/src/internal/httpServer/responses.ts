import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

/** JSON, or 500 for what has no JSON (a value that is nested deeper than the stack, for one). */
export const json = (
  value: unknown,
  options?: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> }
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.orElseSucceed(HttpServerResponse.json(value, options), () => HttpServerResponse.empty({ status: 500 }))

export const text = (status: number, body: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(body, { status })

/** An answer without a body; the length is written so that keep-alive connections need no chunked coding for it. */
export const empty = (
  status: number,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.empty({
    status,
    headers: status === 204 || status === 304 ? headers : { "content-length": "0", ...headers }
  })

/** Flask gives this type to answers without a body, too; Basic's 401 and what `/status` redirects with go without. */
export const html: Readonly<Record<string, string>> = { "content-type": "text/html; charset=utf-8" }

const isToken = (name: string): boolean => name !== "" && [...name].every((char) => tokenChars.includes(char))

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

const isFieldChar = (char: string): boolean => {
  const code = char.charCodeAt(0)
  return code === 9 || (code >= 32 && code <= 255 && code !== 127)
}

/** Whether a header field that a client asks for can be sent at all (RFC 9110 §5.5); servers throw on others. */
export const isField = (name: string, value: string): boolean => isToken(name) && [...value].every(isFieldChar)
