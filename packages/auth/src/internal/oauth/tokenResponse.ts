/** Token responses (RFC 6749 §5.1). Only `access_token` is required. Other members that cannot be read are left out. */
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

/** Maximum lifetime. Servers use larger values for tokens that do not expire. */
const longestLifeMs = 10 * 365 * 24 * 3600_000

/** Minimum lifetime. A shorter one counts as not stated, since the token would be refreshed for each request. */
const shortestLifeMs = 1_000

/**
 * The expiry: by `expires_in`, or by `exp` of a JWT access token, which is in the time of the server's clock. An expiry in
 * the past is ignored.
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
  "the token is not bound to the client's key (`token_type` is Bearer): the server does not support DPoP, or a proxy removed the proof"
)

const unpresentable = invalid(
  `invalid ${what}: \`token_type\` names a type that this client cannot present, expected Bearer. ` +
    "Set `complianceFixes.transformResponse` to adapt it"
)

const uncarried = invalid(`invalid ${what}: \`access_token\` holds characters that no request can carry`)

/** The type in lower case; undefined if it is missing or cannot be read. */
export const typeOf = (body: Body): string | undefined => Member.text(body["token_type"])?.trim().toLowerCase()

/**
 * A missing `token_type` counts as Bearer. With DPoP it is required, because nothing else shows that the token is bound to
 * the key.
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
 * The token in a token response. Its lifetime starts now.
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
  // RFC 6749 §A.12. Any other token would be stored although no request can send it, so no 401 would replace it.
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
