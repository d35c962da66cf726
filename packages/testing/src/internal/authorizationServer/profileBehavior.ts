/** Responses and checks of the server that depend on a provider profile. */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { empty, json } from "../httpServer/responses.js"
import type { Body, Deviation, OAuthError, Profile, ProviderResponse, TokenRequest } from "../profiles/profile.js"
import * as Refusal from "./http/oauthError.js"

type Response = Effect.Effect<HttpServerResponse.HttpServerResponse>

type Form = ReadonlyMap<string, string>

/** The field of the first deviation that has it. */
const first = <A>(profile: Profile | undefined, field: (deviation: Deviation) => A | undefined): A | undefined => {
  for (const deviation of profile?.deviations ?? []) {
    const found = field(deviation)
    if (found !== undefined) return found
  }
  return undefined
}

export const requestOf = ({ headers }: HttpServerRequest.HttpServerRequest, form: Form): TokenRequest => ({
  grantType: form.get("grant_type"),
  form,
  basic: headers["authorization"]?.toLowerCase().startsWith("basic ") === true,
  accept: headers["accept"]
})

const sent = ({ body, status }: ProviderResponse): Response => json(body, { status, headers: Refusal.noStore })

/** The response to a request that the provider rejects, or `undefined`. */
export const rejected = (profile: Profile | undefined, request: TokenRequest): Response | undefined => {
  const response = first(profile, ({ rejects }) => rejects?.(request))
  return response === undefined ? undefined : sent(response)
}

/** The response with a token. */
export const granted = (profile: Profile | undefined, token: Body, request: TokenRequest): Response => {
  let body = token
  for (const { tokenResponse } of profile?.deviations ?? []) body = tokenResponse?.(body, request) ?? body
  const status = first(profile, (deviation) => deviation.status) ?? 200
  const isForm = first(profile, ({ isForm }) => (isForm?.(request) === true ? true : undefined))
  if (isForm === undefined) return sent({ status, body })
  const form = Object.entries(body).map(([name, value]) => [name, String(value)] as const)
  return Effect.succeed(
    HttpServerResponse.text(new URLSearchParams(form.map(([name, value]) => [name, value])).toString(), {
      status,
      headers: Refusal.noStore,
      contentType: "application/x-www-form-urlencoded; charset=utf-8"
    })
  )
}

/** The response to a failed request of the token endpoint. */
export const refused = (
  profile: Profile | undefined,
  refusal: Refusal.Refusal,
  request: TokenRequest | undefined
): Response => {
  const error: OAuthError = { error: refusal.error, description: refusal.description }
  const own = request && first(profile, ({ errorResponse }) => errorResponse?.(error, request))
  return own === undefined ? Refusal.answer(refusal) : sent(own)
}

/** The response to a revocation. */
export const revoked = (profile: Profile | undefined): Response => {
  const response = first(profile, ({ revocationResponse }) => revocationResponse)
  if (response === undefined) return Effect.succeed(empty(200, Refusal.noStore))
  return response.status === 204 ? Effect.succeed(empty(204, Refusal.noStore)) : sent(response)
}

/** Translates the scope of an authorization request into the format of the specification. */
export const authorizing = (profile: Profile | undefined, form: Form): Form => {
  const separator = first(profile, ({ scopeSeparator }) => scopeSeparator)
  const scope = form.get("scope")
  return separator === undefined || scope === undefined
    ? form
    : new Map([...form, ["scope", scope.split(separator).join(" ")]])
}

/** The reason why the provider rejects an authorization request, or `undefined`. */
export const flawOf = (profile: Profile | undefined, form: Form, query: string): string | undefined =>
  first(profile, ({ rejectsAuthorization }) => rejectsAuthorization?.(form, query))

/** Whether an authorization request yields a refresh token. */
export const isOffline = (profile: Profile | undefined, form: Form): boolean =>
  profile?.refresh !== "none" &&
  (profile?.deviations ?? []).every(({ isOffline }) => isOffline === undefined || isOffline(form))

/** The claims of an ID token. */
export const claimsOf = (profile: Profile | undefined, claims: Body): Body =>
  (profile?.deviations ?? []).reduce((told, { idToken }) => idToken?.(told) ?? told, claims)

/** Whether HTTP Basic has client id and secret without form encoding. */
export const isRaw = (profile: Profile | undefined): boolean =>
  first(profile, ({ rawCredentials }) => rawCredentials) === true
