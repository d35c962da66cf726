/** Reads responses with a status of success. */
import type { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { ComplianceFixes } from "../oauth/client.js"
import * as BodyMembers from "./bodyMembers.js"
import * as Fixes from "./complianceFixes.js"
import * as ErrorResponse from "./errorResponse.js"
import type { ServerResponse } from "./receivedResponse.js"
import { isSuccess } from "./receivedResponse.js"
import type { Body } from "./responseBody.js"
import * as ResponseBody from "./responseBody.js"
import * as RotatedToken from "./rotatedToken.js"

export interface Success {
  /** The body after `complianceFixes.transformResponse`, or the error of an unreadable body. */
  readonly content: Either.Either<Body, TokenError>
  /** The error in the body. Some servers send errors with status 200. */
  readonly error: TokenError | undefined
  /** The refresh token in the body, even if the body is otherwise invalid. */
  readonly refreshToken: string | undefined
}

/** Reads a body. Fails if a required member is missing. */
export type Reader<A> = (body: Body) => Effect.Effect<A, TokenError>

/** Reads the body of a success. Fails for any other response. */
export const of = (
  received: ServerResponse,
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
  const content = Fixes.transformBody(raw, received.status, complianceFixes)
  const bodies = Either.isRight(content) ? [content.right, raw] : [raw]
  if (!isSuccess(received)) return Either.left(ErrorResponse.of(received, bodies, complianceFixes))
  const [refreshToken] = bodies.flatMap((body) => BodyMembers.text(body["refresh_token"]) ?? [])
  return Either.right({ content, error: ErrorResponse.errorInSuccess(received, bodies, complianceFixes), refreshToken })
}

/** Attaches the new refresh token to the error, because the old one is invalid. */
const keepRefreshToken = (error: TokenError, refreshToken: string | undefined): TokenError =>
  refreshToken === undefined ? error : RotatedToken.attach(error, Redacted.make(refreshToken))

/** Reads a success. A readable body wins over an error in it. */
export const makeReader =
  <A>(reader: Reader<A>) =>
  ({ content, error: own, refreshToken }: Success): Effect.Effect<A, TokenError> =>
    Effect.mapError(Effect.flatMap(content, reader), (error) => keepRefreshToken(own ?? error, refreshToken))
