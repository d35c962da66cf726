/** Transcript of a client with a provider: one exchange of each kind, without random values. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type { Profile } from "@countersign/testing/OAuthServer"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"

type Params = Readonly<Record<string, string>>

export interface Line {
  readonly what: string
  readonly status: number
  readonly location: string | undefined
  readonly body: unknown
}

const secret = "s/e+c%r"
const redirectUri = "https://app.test/callback"
const id = "client"

/** HTTP Basic, with the form encoding of RFC 6749 §2.3.1. */
const encoded = { authorization: `Basic ${btoa(`${id}:${encodeURIComponent(secret)}`)}`, accept: "application/json" }
const raw = { ...encoded, authorization: `Basic ${btoa(`${id}:${secret}`)}` }

const claimsOf = (jwt: string): unknown => JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString())

/** Replaces random values of the server, which are 64 hexadecimal digits. */
const plain = (value: unknown): unknown => {
  if (typeof value === "string") {
    if (/^ey[\w-]+\.[\w-]+\.[\w-]+$/.test(value)) return claimsOf(value)
    return value.replaceAll(/[0-9a-f]{64}/g, "RANDOM")
  }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}

const parsed = (text: string): unknown => {
  if (text.startsWith("{")) return JSON.parse(text)
  return text.includes("access_token=") ? { form: Object.fromEntries(new URLSearchParams(text)) } : text
}

const memberOf = (body: unknown, name: string): string => {
  const found = (body as Readonly<Record<string, unknown>> | undefined)?.[name]
  const { authed_user: user } = (body ?? {}) as { readonly authed_user?: unknown }
  if (typeof found === "string") return found
  return user === undefined ? "none" : memberOf(user, name)
}

/** One exchange of each kind with a new server. */
const exchanges = (
  profile: Profile,
  places: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Line>, unknown, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const lines: Array<Line> = []
    const { authorization, revocation, token } = profile.endpoints
    const send = (what: string, method: "GET" | "POST", url: string, params: Params = {}, headers: Params = encoded) =>
      Effect.gen(function* () {
        const body = HttpBody.text(new URLSearchParams(params).toString(), "application/x-www-form-urlencoded")
        const response = yield* method === "GET" ? HttpClient.get(url) : HttpClient.post(url, { headers, body })
        const location = response.headers["location"]
        const content = parsed(yield* response.text)
        lines.push({ what, status: response.status, location: plain(location) as string, body: plain(content) })
        return { location, content }
      })
    for (const place of places) yield* send(`metadata ${place}`, "GET", place)
    yield* send("client credentials", "POST", token, { grant_type: "client_credentials", scope: "read write" })
    if (authorization === undefined) return lines

    const authorize = (what: string, query: string) =>
      send(
        what,
        "GET",
        `${authorization}?client_id=${id}&response_type=code&state=s&nonce=n&redirect_uri=${encodeURIComponent(redirectUri)}&${query}`
      )
    const exchange = (what: string, location: string | undefined, headers: Params = encoded, more: Params = {}) => {
      const code = new URL(location ?? redirectUri).searchParams.get("code") ?? "none"
      const grant = { grant_type: "authorization_code", code, redirect_uri: redirectUri }
      return send(what, "POST", token, { ...grant, ...more }, headers)
    }
    const refresh = (what: string, refresh_token: string, more: Params = {}, headers?: Params) =>
      send(what, "POST", token, { grant_type: "refresh_token", refresh_token, ...more }, headers)

    const scopes = "scope=openid%20read%20offline_access%20offline.access"
    const everything = `${scopes}&access_type=offline&token_access_type=offline&prompt=consent&duration=permanent`
    yield* authorize("authorize with + in the scope", "scope=openid+read")
    for (const query of ["scope=openid%20read", scopes, everything, everything.replace("&prompt=consent", "")]) {
      const { location } = yield* authorize(`authorize ${query}`, query)
      yield* exchange(`exchange ${query}`, location)
    }
    const { location: byComma } = yield* authorize("authorize with commas", "scope=openid,read")
    yield* exchange("exchange with commas", byComma)
    const { location: byBody } = yield* authorize("authorize again", everything)
    yield* exchange("exchange with client_secret_post", byBody, {}, { client_id: id, client_secret: secret })
    const { location: byRaw } = yield* authorize("authorize again", everything)
    yield* exchange("exchange with raw credentials", byRaw, raw)
    const { location } = yield* authorize("authorize again", everything)
    const { content } = yield* exchange(
      "exchange",
      location,
      profile.deviations.some((one) => one.rawCredentials) ? raw : encoded
    )
    const own = profile.deviations.some((one) => one.rawCredentials) ? raw : encoded
    const first = memberOf(content, "refresh_token")
    const { content: next } = yield* refresh("refresh with a scope", first, { scope: "read" }, own)
    const newest = memberOf(next, "refresh_token") === "none" ? first : memberOf(next, "refresh_token")
    yield* refresh("refresh without a scope", newest, {}, own)
    yield* refresh("refresh again with a used refresh token", newest, {}, own)
    yield* refresh("refresh for a resource", newest, { resource: "https://api.test", scope: "read" }, own)
    yield* refresh("refresh without accept", first, { scope: "read" }, { authorization: own.authorization })
    yield* refresh("refresh with an unknown refresh token", "unknown", { scope: "read" }, own)
    yield* exchange("exchange a used code", location, own)
    if (revocation !== undefined) yield* send("revoke", "POST", revocation, { token: "unknown" }, own)
    return lines
  })

/** URLs where the profile or a similar one may have metadata. */
const placesOf = ({ deviations, issuer }: Profile): ReadonlyArray<string> => {
  const { origin, pathname } = new URL(issuer.replace(/\/$/, ""))
  const path = pathname === "/" ? "" : pathname
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
    ...deviations.flatMap(({ metadata }) => metadata ?? [])
  ]
}

/** Transcript of a client with a profile. The metadata URLs of `all` are tried. */
export const transcript = (profile: Profile, all: Profile = profile): Effect.Effect<ReadonlyArray<Line>, unknown> =>
  exchanges(
    profile,
    placesOf(all).filter((place) => originsOf(profile).has(new URL(place).origin))
  ).pipe(
    Effect.provide(OAuthServer.layerMemory({ profile, clients: { [id]: { secret, redirectUris: [redirectUri] } } }))
  )

const originsOf = ({ deviations, endpoints, issuer }: Profile): ReadonlySet<string> =>
  new Set(
    [issuer, endpoints.token, ...deviations.flatMap(({ metadata }) => metadata ?? [])].map((url) => new URL(url).origin)
  )
