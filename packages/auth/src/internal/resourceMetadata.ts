/** What an API says of itself (RFC 9728): where it says so, how that is read, and what of it may be believed. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { SendError } from "@countersign/client/Errors"
import { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as Origin from "@countersign/protocol/Origin"
import * as Redact from "@countersign/protocol/Redact"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Discovery from "./discovery.js"

const largest = 256 * 1024
const patience = "20 seconds"

/** No server is worth waiting for longer on its word alone. */
const longestWaitMs = 3600_000

/** RFC 6749 §3.3: what may stand in a scope; the other names have no more in them. */
const word = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** The scopes of a list that is one. */
export const scopesOf = (text: string | undefined): ReadonlyArray<string> => {
  const scopes = [...new Set(text?.split(" "))].filter((scope) => scope !== "")
  return scopes.every((scope) => word.test(scope)) ? scopes : []
}

const Words = Schema.optional(Schema.Array(Schema.String.pipe(Schema.pattern(word))))

/** RFC 9728 §2, as far as a client has a use for it. */
const Metadata = Schema.Struct({
  resource: Schema.NonEmptyString,
  authorization_servers: Schema.optional(Schema.Array(Schema.String)),
  scopes_supported: Words,
  bearer_methods_supported: Words,
  resource_name: Schema.optional(Schema.String),
  dpop_bound_access_tokens_required: Schema.optional(Schema.Boolean),
  dpop_signing_alg_values_supported: Words
})

export type Metadata = typeof Metadata.Type

const decode = Schema.decodeUnknown(Schema.parseJson(Metadata))

const invalid = (detail: string): TokenError => new TokenError({ reason: "InvalidResponse", detail })

const misshapen = invalid(
  "the API's metadata is none: no JSON, or a member is missing, or of another type than it should be"
)

const unpublished = new TokenError({
  reason: "Unavailable",
  detail: "the API does not say who issues tokens for it: check its URL, or name the authorization server yourself"
})

const redirected = invalid("the API answers with a redirect where its metadata should be, and none is followed")

const unheard = (error: SendError): TokenError => {
  if (error._tag === "BodyTooLarge") return invalid(`the API's metadata is longer than ${largest} bytes`)
  if (error._tag === "RedirectRejected") return redirected
  return new TokenError({ reason: "Unavailable", detail: `the API was not reached: ${error.message}`, sent: "no" })
}

/** An answer that is neither the document nor its absence. */
const failureOf = ({ headers, status }: HttpClientResponse): Effect.Effect<never, TokenError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    if (status >= 300 && status < 400) return Effect.fail(redirected)
    const delayMs = RetryAfter.parse(headers, now)?.delayMs
    const retryAt = delayMs === undefined ? undefined : now + Math.min(delayMs, longestWaitMs)
    const detail = `the API answered ${status} where its metadata should be: try again later`
    return Effect.fail(new TokenError({ reason: "Unavailable", detail, retryAt, sent: "no" }))
  })

const unusable = new InvalidRequest({
  reason: "Url",
  detail:
    "the API's URL is no https one, or has a user name or a fragment: give the URL that requests are sent to; plain http on loopback can be allowed by name"
})

/** Whoever sends a token there has to know that nobody else is there. */
export const checkedUrl = (text: string, insecure: boolean): Effect.Effect<URL, InvalidRequest> =>
  text.includes("#")
    ? Effect.fail(unusable)
    : Effect.mapBoth(Discovery.checkedEndpoint(text, insecure), {
        onFailure: () => unusable,
        onSuccess: () => new URL(text)
      })

const foreign = invalid(
  "the challenge says that the API's metadata is at another origin than the API itself, or at no URL: what stands there is not the API's word"
)

/** A URL of a challenge. What is at another origin could be anybody's, and a request to it would be of his choosing. */
export const checkedPlace = (api: URL, text: string, insecure: boolean): Effect.Effect<URL, TokenError> =>
  Effect.filterOrFail(
    Effect.mapError(checkedUrl(text, insecure), () => foreign),
    (place) => Origin.same(place.href, api.href),
    () => foreign
  )

const wellKnown = "/.well-known/oauth-protected-resource"

/** RFC 9728 §3.1: between the host and the path; the slash that is all of a path is none. */
export const wellKnownOf = ({ origin, pathname, search }: URL): URL =>
  new URL(`${origin}${wellKnown}${pathname === "/" ? "" : pathname}${search}`)

/** A server that has no such document says so, or has a page for any path. */
const isMissing = ({ headers, status }: HttpClientResponse): boolean =>
  status === 200
    ? !(headers["content-type"] ?? "").toLowerCase().startsWith("application/json")
    : status >= 400 && status < 500 && status !== 408 && status !== 429

const bare = (url: URL, accept: string): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.get(url.href).pipe(HttpClientRequest.setHeader("accept", accept))

/** Reads the document; undefined where there is none. */
export const read = (transport: HttpClient.HttpClient, place: URL): Effect.Effect<Metadata | undefined, TokenError> => {
  const client = Transport.typed(transport).pipe(
    Transport.buffered(largest, () => true),
    Timeout.call(patience)
  )
  return Effect.flatMap(Effect.mapError(client.execute(bare(place, "application/json")), unheard), (response) => {
    if (isMissing(response)) return Effect.succeed(undefined)
    if (response.status !== 200) return failureOf(response)
    // The body was read with the exchange; reading it again cannot fail.
    const text = Effect.orElseSucceed(response.text, () => "")
    return Effect.mapError(Effect.flatMap(text, decode), () => misshapen)
  })
}

/** A document that has to be there. */
export const published = <E>(
  reading: Effect.Effect<Metadata | undefined, E>
): Effect.Effect<Metadata, E | TokenError> =>
  Effect.flatMap(reading, (metadata) => (metadata === undefined ? Effect.fail(unpublished) : Effect.succeed(metadata)))

/** Asks an API for nothing in particular, and without credentials. What it answers may have no end: it is not read. */
export const ask = (transport: HttpClient.HttpClient, api: URL): Effect.Effect<HttpClientResponse, TokenError> =>
  Transport.typed(transport)
    .pipe(Timeout.call(patience))
    .execute(bare(api, "*/*"))
    .pipe(
      Effect.mapError(unheard),
      Effect.tap(({ stream }) => Effect.ignore(Effect.timeout(Stream.runHead(stream), "1 second")))
    )

/**
 * Fails where the document is about another resource than the one it was asked for (RFC 9728 §3.3): whoever could have
 * his taken for another's would have somebody sign in at a server of his choice. `https://a.test` is sent as
 * `https://a.test/`, and is the same.
 */
export const about = (metadata: Metadata, asked: URL, text: string): Effect.Effect<Metadata, TokenError> => {
  const names = asked.pathname === "/" && asked.search === "" ? [text, asked.href, asked.origin] : [text, asked.href]
  return names.includes(metadata.resource)
    ? Effect.succeed(metadata)
    : Effect.fail(
        invalid(
          `the metadata is that of another resource (${Redact.url(metadata.resource)}) than the one that was asked for: if that is the API that you mean, ask for it`
        )
      )
}

const noServer = invalid("the API's metadata names no authorization server that is an https URL")

const notOfIt = new TokenError({
  reason: "Refused",
  detail: "the authorization server that you named is none of those that the API takes tokens of"
})

/** The servers that issue tokens for it, and the one of them to go to. */
export const serversOf = (
  { authorization_servers: servers = [] }: Metadata,
  wanted: string | undefined,
  insecure: boolean
): Effect.Effect<{ readonly issuer: string; readonly authorizationServers: ReadonlyArray<string> }, TokenError> =>
  Effect.gen(function* () {
    const checked = Effect.forEach(servers, (server) => Discovery.checkedUrl("the issuer", server, insecure))
    yield* Effect.mapError(checked, () => noServer)
    const issuer = wanted === undefined ? servers[0] : servers.find((server) => server === wanted)
    if (issuer === undefined) return yield* wanted === undefined ? noServer : notOfIt
    return { issuer, authorizationServers: servers }
  })
