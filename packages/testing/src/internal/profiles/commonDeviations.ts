/** What more than one profile changes. */
import type { Body, Deviation, OAuthError, ProviderResponse, TokenRequest } from "./profile.js"

/** Adds members to each token response. */
export const adding =
  (members: Body): NonNullable<Deviation["tokenResponse"]> =>
  (body) => ({ ...body, ...members })

/** Leaves a member out of each token response. */
export const without =
  (name: string): NonNullable<Deviation["tokenResponse"]> =>
  ({ [name]: _, ...body }) =>
    body

/** Scopes as a text of another form. */
export const scopes =
  (form: (scopes: ReadonlyArray<string>) => unknown): NonNullable<Deviation["tokenResponse"]> =>
  (body) =>
    typeof body["scope"] === "string" ? { ...body, scope: form(body["scope"].split(" ")) } : body

/** A refresh whose response repeats the refresh token of the request, which stays valid. */
export const repeating: NonNullable<Deviation["tokenResponse"]> = (body, { form, grantType }) =>
  grantType === "refresh_token" ? { ...body, refresh_token: form.get("refresh_token") } : body

/** The response for a refresh token or a code that is not valid. */
export const invalidGrant =
  (status: number, body: (request: TokenRequest) => Body): NonNullable<Deviation["errorResponse"]> =>
  ({ error }: OAuthError, request): ProviderResponse | undefined =>
    error === "invalid_grant" ? { status, body: body(request) } : undefined

/** The response for a refresh token that is not valid. */
export const invalidRefreshToken =
  (status: number, body: Body): NonNullable<Deviation["errorResponse"]> =>
  ({ error }: OAuthError, { grantType }): ProviderResponse | undefined =>
    error === "invalid_grant" && grantType === "refresh_token" ? { status, body } : undefined

/** A refresh token only for authorization requests with a parameter. */
export const onlyWith =
  (name: string, value: string): NonNullable<Deviation["isOffline"]> =>
  (form) =>
    form.get(name) === value

/** A refresh token only for authorization requests with a scope. */
export const onlyWithScope =
  (scope: string): NonNullable<Deviation["isOffline"]> =>
  (form) =>
    form.get("scope")?.split(" ").includes(scope) === true
