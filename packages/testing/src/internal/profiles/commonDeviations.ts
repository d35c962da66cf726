/** Deviations that several profiles share. */
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

/** Converts scopes to another form. */
export const scopes =
  (form: (scopes: ReadonlyArray<string>) => unknown): NonNullable<Deviation["tokenResponse"]> =>
  (body) =>
    typeof body["scope"] === "string" ? { ...body, scope: form(body["scope"].split(" ")) } : body

/** A refresh response that repeats the refresh token of the request, which stays valid. */
export const repeating: NonNullable<Deviation["tokenResponse"]> = (body, { form, grantType }) =>
  grantType === "refresh_token" ? { ...body, refresh_token: form.get("refresh_token") } : body

/** Response for an invalid refresh token or code. */
export const invalidGrant =
  (status: number, body: (request: TokenRequest) => Body): NonNullable<Deviation["errorResponse"]> =>
  ({ error }: OAuthError, request): ProviderResponse | undefined =>
    error === "invalid_grant" ? { status, body: body(request) } : undefined

/** Response for an invalid refresh token. */
export const invalidRefreshToken =
  (status: number, body: Body): NonNullable<Deviation["errorResponse"]> =>
  ({ error }: OAuthError, { grantType }): ProviderResponse | undefined =>
    error === "invalid_grant" && grantType === "refresh_token" ? { status, body } : undefined

/** Yields a refresh token only for authorization requests with a parameter. */
export const onlyWith =
  (name: string, value: string): NonNullable<Deviation["isOffline"]> =>
  (form) =>
    form.get(name) === value

/** Yields a refresh token only for authorization requests with a scope. */
export const onlyWithScope =
  (scope: string): NonNullable<Deviation["isOffline"]> =>
  (form) =>
    form.get("scope")?.split(" ").includes(scope) === true
