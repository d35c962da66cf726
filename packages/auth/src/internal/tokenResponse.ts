import { TokenError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as oauth from "oauth4webapi"
import type { Client } from "../OAuth2.js"
import type { Token } from "../Token.js"
import { isPrintable } from "./bridge.js"
import * as Jwt from "./jwt.js"
import * as Quirk from "./quirk.js"

/** Longer than anything is kept; what is more is a server's way to say "for ever". */
const longestLifeSeconds = 10 * 365 * 24 * 3600

/**
 * A life of 0 seconds is a server's that does not say: taken at its word, each request would need another token. A JWT
 * may say by itself when it ends, by the clock of its issuer; one that says it has ended already says nothing of use.
 */
const endOf = (
  { access_token: accessToken, expires_in: seconds = 0 }: oauth.TokenEndpointResponse,
  now: number,
  ahead: number
): number | undefined => {
  const latest = now + longestLifeSeconds * 1000
  if (seconds !== 0) return Math.min(now + seconds * 1000, latest)
  const end = Option.getOrUndefined(Option.flatMapNullable(Either.getRight(Jwt.parse(accessToken)), Jwt.endOf))
  return end === undefined || end - ahead <= now ? undefined : Math.min(end - ahead, latest)
}

/**
 * A token of a token endpoint's answer; its life is counted from now.
 *
 * @param ahead - how far the server's clock is ahead of ours, in milliseconds.
 */
export const tokenOf = (
  answer: oauth.TokenEndpointResponse,
  { dpop, quirks }: Pick<Client, "dpop" | "quirks">,
  ahead = 0
): Effect.Effect<Token, TokenError> => {
  const bound = dpop !== undefined
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
    expiresAt: endOf(answer, now, ahead),
    refreshToken: answer.refresh_token === undefined ? undefined : Redacted.make(answer.refresh_token),
    scope: answer.scope,
    ...Quirk.extrasOf(answer, quirks)
  }))
}
