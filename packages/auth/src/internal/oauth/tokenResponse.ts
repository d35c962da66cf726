/** Token responses (RFC 6749 §5.1). What makes a token is `access_token`; the other members are read where they can be. */
import { TokenError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"
import { isPrintable } from "../http/fetchAdapter.js"
import * as Jwt from "../jwt/parseJwt.js"
import * as Member from "../response/bodyMembers.js"
import * as Quirk from "../response/complianceFixes.js"
import type { Body } from "../response/responseBody.js"
import type { Client } from "./client.js"

/** Longer than anything is kept; what is more is a server's way to say "for ever". */
const longestLifeMs = 10 * 365 * 24 * 3600_000

/** A token that lives for less than a second would be replaced for each request. Its server does not state a lifetime. */
const shortestLifeMs = 1_000

/**
 * A JWT may say by itself when it ends, by the clock of its issuer; one that says it has ended already says nothing of use.
 *
 * @param ahead - how far the server's clock is ahead of ours, in milliseconds.
 */
const endOf = (body: Body, accessToken: string, now: number, ahead: number): number | undefined => {
  const end = (at: number): number | undefined =>
    at - now < shortestLifeMs ? undefined : Math.min(at, now + longestLifeMs)
  const stated = end(now + (Member.seconds(body["expires_in"]) ?? 0) * 1000)
  if (stated !== undefined) return stated
  const own = Option.getOrUndefined(Option.flatMapNullable(Either.getRight(Jwt.parse(accessToken)), Jwt.endOf))
  return own === undefined ? undefined : end(own - ahead)
}

const what = "token response"

const invalid = (detail: string): TokenError => new TokenError({ reason: "InvalidResponse", detail })

const unbound = invalid(
  "the token is not bound to the client's key: the server does not do DPoP, or somebody took it out (`token_type` is Bearer)"
)

const unpresentable = invalid(
  `invalid ${what}: \`token_type\` names a type that this client cannot present, expected Bearer. ` +
    "Set `complianceFixes.transformResponse` to adapt it"
)

const uncarried = invalid(`invalid ${what}: \`access_token\` holds characters that no request can carry`)

/** The type in lower case; undefined where it is left out or cannot be read. */
export const typeOf = (body: Body): string | undefined => Member.text(body["token_type"])?.trim().toLowerCase()

/**
 * A token whose type is left out is Bearer. With DPoP it has to be stated: nothing else tells that the token is bound to the
 * key.
 */
const mistypedAs = (body: Body, bound: boolean): TokenError | undefined => {
  const type = typeOf(body)
  if (bound) {
    if (type === undefined || type === "") return Member.invalid(what, "token_type", body["token_type"], "DPoP")
    if (type === "bearer") return unbound
    return type === "dpop" ? undefined : unpresentable
  }
  return type === undefined || type === "" || type === "bearer" ? undefined : unpresentable
}

/**
 * The token in a token response; its life is counted from now.
 *
 * @param ahead - how far the server's clock is ahead of ours, in milliseconds.
 */
export const tokenOf = (
  body: Body,
  { dpop, complianceFixes }: Pick<Client, "dpop" | "complianceFixes">,
  ahead = 0
): Effect.Effect<Token, TokenError> => {
  const accessToken = Member.text(body["access_token"])
  if (accessToken === undefined) {
    return Effect.fail(Member.invalid(what, "access_token", body["access_token"], "a string"))
  }
  const mistyped = mistypedAs(body, dpop !== undefined)
  if (mistyped !== undefined) return Effect.fail(mistyped)
  // RFC 6749 §A.12. Any other would be kept, sent by no request, and so never refused and replaced.
  if (!isPrintable(accessToken)) return Effect.fail(uncarried)
  const refreshToken = Member.text(body["refresh_token"])
  return Effect.map(Clock.currentTimeMillis, (now) => ({
    accessToken: Redacted.make(accessToken),
    tokenType: dpop === undefined ? "Bearer" : "DPoP",
    receivedAt: now,
    expiresAt: endOf(body, accessToken, now, ahead),
    refreshToken: refreshToken === undefined ? undefined : Redacted.make(refreshToken),
    scope: Member.scope(body["scope"]),
    ...Quirk.extrasOf(body, complianceFixes)
  }))
}
