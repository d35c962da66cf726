/** Responses with a status of success: the body, and what a reader makes of it. */
import type { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { ComplianceFixes } from "../oauth/client.js"
import * as Member from "./bodyMembers.js"
import * as Quirk from "./complianceFixes.js"
import * as ErrorResponse from "./errorResponse.js"
import type { Received } from "./receivedResponse.js"
import { isSuccess } from "./receivedResponse.js"
import type { Body } from "./responseBody.js"
import * as ResponseBody from "./responseBody.js"
import * as Rotated from "./rotatedToken.js"

export interface Success {
  /** The body as `complianceFixes.transformResponse` makes it, or why there is none. */
  readonly content: Either.Either<Body, TokenError>
  /** The error that it holds: some servers send errors with status 200. */
  readonly error: TokenError | undefined
  /** The refresh token in it, whatever else there is. */
  readonly refreshToken: string | undefined
}

/** Reads a body; fails where it lacks what is needed. */
export type Reader<A> = (body: Body) => Effect.Effect<A, TokenError>

/** The body of a success. Any other response is its error. */
export const of = (
  received: Received,
  complianceFixes: ComplianceFixes | undefined
): Either.Either<Success, TokenError> => {
  const raw = ResponseBody.parse(received.text)
  if (raw === undefined) {
    return isSuccess(received)
      ? Either.right({
          content: Either.left(ErrorResponse.unreadable(received)),
          error: undefined,
          refreshToken: undefined
        })
      : Either.left(ErrorResponse.of(received, [], complianceFixes))
  }
  const content = Quirk.adapted(raw, received.status, complianceFixes)
  const bodies = Either.isRight(content) ? [content.right, raw] : [raw]
  if (!isSuccess(received)) return Either.left(ErrorResponse.of(received, bodies, complianceFixes))
  const [refreshToken] = bodies.flatMap((body) => Member.text(body["refresh_token"]) ?? [])
  return Either.right({ content, error: ErrorResponse.within(received, bodies, complianceFixes), refreshToken })
}

/** A new refresh token stays with an error: its predecessor is void. */
const keeping = (error: TokenError, refreshToken: string | undefined): TokenError =>
  refreshToken === undefined ? error : Rotated.attach(error, Redacted.make(refreshToken))

/** Reads a success. What can be read counts, whatever error is in it beside that. */
export const reading =
  <A>(reader: Reader<A>) =>
  ({ content, error: own, refreshToken }: Success): Effect.Effect<A, TokenError> =>
    Effect.mapError(Effect.flatMap(content, reader), (error) => keeping(own ?? error, refreshToken))
