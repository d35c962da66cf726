/** URLs of a provider's endpoints. */
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as Effect from "effect/Effect"
import { empty } from "../httpServer/responses.js"
import { get, type Row } from "../httpServer/router.js"
import type { Deviation, Profile, ProviderEndpoints } from "../profiles/profile.js"
import * as Metadata from "./endpoints/metadata.js"
import type { Server } from "./serverState.js"

// The path of a URL starts with a slash.
const pathOf = (url: string): HttpRouter.PathInput => new URL(url).pathname as HttpRouter.PathInput

const withoutSlash = (url: string): string => url.replace(/\/$/, "")

/** The field of the first deviation that has it. */
const having = <K extends keyof Deviation>({ deviations }: Profile, field: K): Deviation[K] | undefined =>
  deviations.find((deviation) => deviation[field] !== undefined)?.[field]

/** URLs of the metadata, by default the one of OpenID Connect Discovery §4. */
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

/** Well-known URLs without a document, for a provider that responds there with another status than 404. */
const missing = (profile: Profile): ReadonlyArray<Row> => {
  const status = having(profile, "wellKnownStatus")
  if (status === undefined) return []
  const { origin, pathname } = new URL(withoutSlash(profile.issuer))
  const path = pathname === "/" ? "" : pathname
  return [get(pathOf(`${origin}/.well-known/oauth-authorization-server${path}`), () => Effect.succeed(empty(status)))]
}

/** Routes of the server at the paths of the provider, without those that the provider does not have. */
export const rows = (server: Server, profile: Profile, standard: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const paths = pathsOf(profile)
  const moved = standard.flatMap((row) => {
    const url = paths.get(row.path)
    return url === undefined ? [] : [{ ...row, path: pathOf(url) }]
  })
  const metadata = metadataOf(profile).map((url) => get(pathOf(url), Metadata.provided(server, profile)))
  return [...metadata, ...missing(profile), ...moved]
}

/** Origins of the provider's endpoints. */
export const originsOf = (profile: Profile): ReadonlyArray<string> => {
  const { authorization, jwks, revocation, token } = profile.endpoints
  const urls = [profile.issuer, authorization, jwks, revocation, token, ...metadataOf(profile)]
  return [...new Set(urls.flatMap((url) => (url === undefined ? [] : [new URL(url).origin])))]
}

/** Moves all endpoints of a profile to one origin and keeps their paths. */
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

/** Removes undefined members. */
const defined = (endpoints: { readonly [K in keyof ProviderEndpoints]: ProviderEndpoints[K] | undefined }) =>
  // `token` is always present, and only members that are optional in the type are removed.
  Object.fromEntries(Object.entries(endpoints).filter(([, url]) => url !== undefined)) as unknown as ProviderEndpoints

/** A moved profile has the URLs of its metadata in its endpoints. */
const withoutPlace = ({ metadata: _, ...deviation }: Deviation): Deviation => deviation
