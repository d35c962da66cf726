import { TokenError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as oauth from "oauth4webapi"
import type { Token } from "../Token.js"
import { isPrintable } from "./bridge.js"

/** Longer than anything is kept; what is more is a server's way to say "for ever". */
const longestLifeSeconds = 10 * 365 * 24 * 3600

/** A life of 0 seconds is a server's that does not say: taken at its word, each request would need another token. */
const endOf = ({ expires_in: seconds }: oauth.TokenEndpointResponse, now: number): number | undefined =>
  seconds === undefined || seconds === 0 ? undefined : now + Math.min(seconds, longestLifeSeconds) * 1000

/** A token of a token endpoint's answer; its life is counted from now. */
export const tokenOf = (answer: oauth.TokenEndpointResponse, bound = false): Effect.Effect<Token, TokenError> => {
  if (answer.token_type !== (bound ? "dpop" : "bearer")) {
    const detail =
      bound && answer.token_type === "bearer"
        ? "the token is not bound to the client's key: the server does not do DPoP, or somebody took it out"
        : "the token is of a type that this client cannot present"
    return Effect.fail(new TokenError({ reason: "InvalidResponse", detail }))
  }
  // RFC 6749 §A.12. Any other would be kept, sent by no request, and so never refused and replaced.
  if (!isPrintable(answer.access_token)) {
    return Effect.fail(
      new TokenError({ reason: "InvalidResponse", detail: "the token holds characters that no request can carry" })
    )
  }
  return Effect.map(Clock.currentTimeMillis, (now) => ({
    accessToken: Redacted.make(answer.access_token),
    tokenType: bound ? "DPoP" : "Bearer",
    obtainedAt: now,
    expiresAt: endOf(answer, now),
    refreshToken: answer.refresh_token === undefined ? undefined : Redacted.make(answer.refresh_token),
    scope: answer.scope
  }))
}
