/** Where a provider has its endpoints. */
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as Effect from "effect/Effect"
import { empty } from "../httpServer/responses.js"
import { get, type Row } from "../httpServer/router.js"
import type { Deviation, Profile, ProviderEndpoints } from "../profiles/profile.js"
import * as Metadata from "./endpoints/metadata.js"
import type { Server } from "./serverState.js"

// The path of a URL begins with a slash.
const pathOf = (url: string): HttpRouter.PathInput => new URL(url).pathname as HttpRouter.PathInput

const withoutSlash = (url: string): string => url.replace(/\/$/, "")

/** A deviation that has the field. */
const having = <K extends keyof Deviation>({ deviations }: Profile, field: K): Deviation[K] | undefined =>
  deviations.find((deviation) => deviation[field] !== undefined)?.[field]

/** Where the metadata are: at the place of OpenID Connect Discovery §4, where the profile does not say. */
const metadataOf = (profile: Profile): ReadonlyArray<string> =>
  having(profile, "metadata") ??
  profile.endpoints.metadata ?? [`${withoutSlash(profile.issuer)}/.well-known/openid-configuration`]

const pathsOf = ({ endpoints, issuer }: Profile): ReadonlyMap<string, string | undefined> =>
  new Map([
    ["/authorize", endpoints.authorization],
    ["/token", endpoints.token],
    ["/revoke", endpoints.revocation],
    ["/jwks", endpoints.jwks],
    ["/resource", `${withoutSlash(issuer)}/resource`]
  ])

/** The well-known places of an issuer that have no document, where the provider does not answer 404 there. */
const missing = (profile: Profile): ReadonlyArray<Row> => {
  const status = having(profile, "wellKnownStatus")
  if (status === undefined) return []
  const { origin, pathname } = new URL(withoutSlash(profile.issuer))
  const path = pathname === "/" ? "" : pathname
  return [get(pathOf(`${origin}/.well-known/oauth-authorization-server${path}`), () => Effect.succeed(empty(status)))]
}

/** The rows of the server at the paths of the provider; what the provider does not have is left out. */
export const rows = (server: Server, profile: Profile, standard: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const paths = pathsOf(profile)
  const moved = standard.flatMap((row) => {
    const url = paths.get(row.path)
    return url === undefined ? [] : [{ ...row, path: pathOf(url) }]
  })
  const metadata = metadataOf(profile).map((url) => get(pathOf(url), Metadata.provided(server, profile)))
  return [...metadata, ...missing(profile), ...moved]
}

/** The origins that the provider's endpoints are at. */
export const originsOf = (profile: Profile): ReadonlyArray<string> => {
  const { authorization, jwks, revocation, token } = profile.endpoints
  const urls = [profile.issuer, authorization, jwks, revocation, token, ...metadataOf(profile)]
  return [...new Set(urls.flatMap((url) => (url === undefined ? [] : [new URL(url).origin])))]
}

/** The profile with all of its endpoints at one origin, whose paths stay as they are. */
export const movedTo = (base: string, profile: Profile): Profile => {
  const at = (url: string) => `${base}${url.slice(new URL(url).origin.length)}`
  const moved = (url: string | undefined) => (url === undefined ? undefined : at(url))
  const { authorization, jwks, revocation, token } = profile.endpoints
  const endpoints = {
    metadata: metadataOf(profile).map(at),
    authorization: moved(authorization),
    token: at(token),
    revocation: moved(revocation),
    jwks: moved(jwks)
  }
  return {
    ...profile,
    issuer: at(profile.issuer),
    endpoints: defined(endpoints),
    deviations: profile.deviations.map(withoutPlace)
  }
}

/** Without the fields that are undefined. */
const defined = (endpoints: { readonly [K in keyof ProviderEndpoints]: ProviderEndpoints[K] | undefined }) =>
  // `token` is there, and what is filtered out is what the type has as optional.
  Object.fromEntries(Object.entries(endpoints).filter(([, url]) => url !== undefined)) as unknown as ProviderEndpoints

/** The place of the metadata is in the endpoints of a profile that was moved. */
const withoutPlace = ({ metadata: _, ...deviation }: Deviation): Deviation => deviation
