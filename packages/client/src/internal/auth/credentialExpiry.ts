/** Responses other than a 401 that mean that the credentials have expired. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { peek } from "../response/bodyPrefix.js"
import { bufferErrorBody } from "../response/readBody.js"
import type { ExpiredWhen } from "./scheme.js"

/** Whether the status matches the rule. A success never matches without a check of its body. */
export const matchesStatus = ({ body, status: statuses }: ExpiredWhen, { status }: HttpClientResponse): boolean =>
  (typeof statuses === "number" ? statuses === status : statuses.includes(status)) &&
  (body !== undefined || status >= 300)

/** Other bodies, such as event streams or files, may have any length, and their reader waits for each part. */
const isJson = ({ headers }: HttpClientResponse): boolean =>
  /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(headers["content-type"] ?? "")

interface ExpiryCheck {
  readonly isExpired: boolean
  /** The response. Its body can still be read. */
  readonly response: HttpClientResponse
}

const bodyMatches = (body: (text: string) => boolean, text: string): boolean => {
  try {
    return body(text)
  } catch {
    return false
  }
}

/** Checks the body of a response after its status matched the rule. */
export const checkExpiry = ({ body }: ExpiredWhen, response: HttpClientResponse): Effect.Effect<ExpiryCheck> => {
  if (body === undefined) return Effect.succeed({ isExpired: true, response })
  if (response.status >= 400) {
    return Effect.flatMap(bufferErrorBody(response), (buffered) =>
      Effect.map(
        // The body is buffered, so reading it cannot fail.
        Effect.orElseSucceed(buffered.text, () => ""),
        (text) => ({ isExpired: bodyMatches(body, text), response: buffered })
      )
    )
  }
  if (!isJson(response)) return Effect.succeed({ isExpired: false, response })
  return Effect.map(peek(response), ({ response: peeked, text }) => ({
    isExpired: text !== undefined && bodyMatches(body, text),
    response: peeked
  }))
}
