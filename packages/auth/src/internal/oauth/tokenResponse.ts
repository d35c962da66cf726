/** Token responses (RFC 6749 §5.1). Only `access_token` is required. Other members that cannot be read are left out. */
import { TokenError } from "../../Errors.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"
import { isPrintable } from "../http/fetchAdapter.js"
import * as Jwt from "../jwt/parseJwt.js"
import * as BodyMembers from "../response/bodyMembers.js"
import * as Fixes from "../response/complianceFixes.js"
import type { Body } from "../response/responseBody.js"
import type { Client } from "./client.js"

/** Maximum lifetime. Servers use larger values for tokens that do not expire. */
const maxLifetimeMs = 10 * 365 * 24 * 3600_000

/** Minimum lifetime. A shorter one counts as not stated, since the token would be refreshed for each request. */
const minLifetimeMs = 1_000

/**
 * The expiry: by `expires_in`, or by `exp` of a JWT access token, which is in the time of the server's clock. An expiry in
 * the past is ignored.
 *
 * @param clockSkew - how far the server's clock is ahead of ours, in milliseconds.
 */
const expiresAtOf = (body: Body, accessToken: string, now: number, clockSkew: number): number | undefined => {
  const end = (at: number): number | undefined =>
    at - now < minLifetimeMs ? undefined : Math.min(at, now + maxLifetimeMs)
  const stated = end(now + (BodyMembers.seconds(body["expires_in"]) ?? 0) * 1000)
  if (stated !== undefined) return stated
  const own = Option.getOrUndefined(Option.flatMapNullable(Either.getRight(Jwt.parse(accessToken)), Jwt.expiresAt))
  return own === undefined ? undefined : end(own - clockSkew)
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
export const typeOf = (body: Body): string | undefined => BodyMembers.text(body["token_type"])?.trim().toLowerCase()

/**
 * A missing `token_type` counts as Bearer. With DPoP it is required, because nothing else shows that the token is bound to
 * the key.
 */
const wrongTypeOf = (body: Body, bound: boolean): TokenError | undefined => {
  const type = typeOf(body)
  if (bound) {
    if (type === undefined || type === "") return BodyMembers.invalid(what, "token_type", body["token_type"], "DPoP")
    if (type === "bearer") return unbound
    return type === "dpop" ? undefined : unpresentable
  }
  return type === undefined || type === "" || type === "bearer" ? undefined : unpresentable
}

/**
 * The token in a token response. Its lifetime starts now.
 *
 * @param clockSkew - how far the server's clock is ahead of ours, in milliseconds.
 */
export const tokenOf = (
  body: Body,
  { dpop, complianceFixes }: Pick<Client, "dpop" | "complianceFixes">,
  clockSkew = 0
): Effect.Effect<Token, TokenError> => {
  const accessToken = BodyMembers.text(body["access_token"])
  if (accessToken === undefined) {
    return Effect.fail(BodyMembers.invalid(what, "access_token", body["access_token"], "a string"))
  }
  const mistyped = wrongTypeOf(body, dpop !== undefined)
  if (mistyped !== undefined) return Effect.fail(mistyped)
  // RFC 6749 §A.12. Any other token would be stored although no request can send it, so no 401 would replace it.
  if (!isPrintable(accessToken)) return Effect.fail(uncarried)
  const refreshToken = BodyMembers.text(body["refresh_token"])
  return Effect.map(Clock.currentTimeMillis, (now) => ({
    accessToken: Redacted.make(accessToken),
    tokenType: dpop === undefined ? "Bearer" : "DPoP",
    receivedAt: now,
    expiresAt: expiresAtOf(body, accessToken, now, clockSkew),
    refreshToken: refreshToken === undefined ? undefined : Redacted.make(refreshToken),
    scope: BodyMembers.scope(body["scope"]),
    ...Fixes.pickExtraFields(body, complianceFixes)
  }))
}
