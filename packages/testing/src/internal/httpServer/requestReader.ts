import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** Maximum size of a body. Real traffic may reach a test server by accident. */
const limit = 64 * 1024

/**
 * Up to this size, a body beyond the limit is read and dropped, so that the client receives the 413. Node's server closes the
 * socket when it stops reading, and the client would see a reset.
 */
const dropLimit = 8 * 1024 * 1024

/** A body beyond the limit, or one that broke off. */
export class UnreadableBody extends Data.TaggedError("UnreadableBody")<{ readonly tooLarge: boolean }> {}

/** Reads the body, up to 64 KiB. */
export const body: Effect.Effect<Uint8Array, UnreadableBody, HttpServerRequest.HttpServerRequest> = Effect.flatMap(
  HttpServerRequest.HttpServerRequest,
  (request) => {
    const parts: Array<Uint8Array> = []
    let length = 0
    return Stream.runForEach(request.stream, (part) => {
      length += part.length
      if (length <= limit) parts.push(part)
      return length > dropLimit ? Effect.fail(new UnreadableBody({ tooLarge: true })) : Effect.void
    }).pipe(
      Effect.filterOrFail(
        () => length <= limit,
        () => new UnreadableBody({ tooLarge: true })
      ),
      Effect.catchTag("RequestError", () => new UnreadableBody({ tooLarge: false })),
      Effect.map(() => concat(parts, length))
    )
  }
)

const concat = (parts: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const whole = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Parameters of the query. The URL is split by hand, because `new URL` throws for some client input. */
export const query = (request: HttpServerRequest.HttpServerRequest): URLSearchParams => {
  const at = request.url.indexOf("?")
  return new URLSearchParams(at < 0 ? "" : request.url.slice(at + 1))
}

/** A query parameter as a number from 0 to `max`, or `fallback` when it is missing or invalid. */
export const number = (
  request: HttpServerRequest.HttpServerRequest,
  name: string,
  options: { readonly max: number; readonly fallback: number }
): number => {
  const text = query(request).get(name)
  const value = text === null || text.trim() === "" ? Number.NaN : Number(text)
  return Number.isFinite(value) && value >= 0 ? Math.min(value, options.max) : options.fallback
}

/** The token of `Authorization: <scheme> <token>`, or `undefined`. */
export const credentials = (request: HttpServerRequest.HttpServerRequest, scheme: string): string | undefined => {
  const field = request.headers["authorization"] ?? ""
  const prefix = `${scheme} `
  return field.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase() ? field.slice(prefix.length) : undefined
}

/** User and password of `Authorization: Basic`, decoded as UTF-8 (RFC 7617), or `undefined`. */
export const basic = (request: HttpServerRequest.HttpServerRequest): readonly [string, string] | undefined => {
  const token = credentials(request, "Basic")
  if (token === undefined) return undefined
  try {
    const text = new TextDecoder().decode(Uint8Array.from(atob(token.trim()), (char) => char.charCodeAt(0)))
    const colon = text.indexOf(":")
    return colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)]
  } catch {
    return undefined
  }
}
