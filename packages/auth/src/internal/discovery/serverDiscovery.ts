/** Discovery of authorization server metadata, and validation of the URLs that receive credentials. */
import * as BaseUrl from "@countersign/protocol/BaseUrl"
import * as Origin from "@countersign/protocol/Origin"
import { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as oauth from "oauth4webapi"
import type * as FetchAdapter from "../http/fetchAdapter.js"
import { sentence } from "../response/sentence.js"
import type { Failure } from "./serverMetadata.js"
import * as ServerMetadata from "./serverMetadata.js"

export const validateUrl = (what: string, text: string, plain: boolean): Effect.Effect<URL, InvalidRequest> => {
  const checked = BaseUrl.validate(text)
  if (checked._tag === "Err") {
    const meant = checked.reason === "InvalidBase" ? BaseUrl.addScheme(text) : undefined
    const advice = meant === undefined ? BaseUrl.explain(checked.reason) : `"${text}" has no scheme. Use "${meant}".`
    return Effect.fail(new InvalidRequest({ reason: "Url", detail: sentence(`${what} is invalid. ${advice}`) }))
  }
  const url = new URL(text)
  if (url.protocol === "https:" || (plain && Origin.isLoopbackHost(url.hostname))) return Effect.succeed(url)
  return Effect.fail(
    new InvalidRequest({
      reason: "Url",
      detail: `${what} is invalid: ${url.origin} is not https, so secrets would be sent unencrypted. ${
        Origin.isLoopbackHost(url.hostname)
          ? "For plain http on loopback, set `transport: OAuth2.dangerouslyAllowHttpOnLoopback`."
          : "Use https. Plain http is allowed on loopback only."
      }`
    })
  )
}

/** An endpoint may have a query (RFC 6749 §3.2), unlike an issuer. */
export const validateEndpoint = (text: string, plain: boolean): Effect.Effect<URL, InvalidRequest> =>
  validateUrl("the token endpoint", text.split("?", 1).join(), plain)

/**
 * The URLs of an issuer's metadata, in the order of requests: RFC 8414 §3, OpenID Connect Discovery 1.0 §4, and the OpenID
 * document with its path inserted, which RFC 8414 §5 and MCP define.
 */
export const placesOf = ({ origin, pathname }: URL): ReadonlyArray<URL> => {
  const path = pathname.replace(/\/$/, "")
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/openid-configuration${path}`
  ]
  return [...new Set(urls)].map((url) => new URL(url))
}

/** Members that a later document of the same issuer may add if the first one lacks them. */
const addable = [
  ...["authorization_endpoint", "device_authorization_endpoint", "introspection_endpoint", "jwks_uri"],
  ...["pushed_authorization_request_endpoint", "registration_endpoint", "revocation_endpoint"],
  "id_token_signing_alg_values_supported"
] as const

/** A member of the metadata that a request needs. */
export type Member = (typeof addable)[number]

/** Timeout of one URL in milliseconds, so that a URL that hangs leaves time for the next one. */
export const timeoutMs = 10_000

const timedOut = (place: URL): TokenError =>
  new TokenError({
    reason: "Unavailable",
    sent: "maybe",
    detail: `the authorization server did not answer at ${place.href} within ${timeoutMs / 1000} seconds: try again later`
  })

const unreachable = (error: TokenError): Failure => ({ error, found: "was not reached", isAbsent: false })

const noEndpoint = (place: URL): Failure => ({
  error: new TokenError({
    reason: "InvalidResponse",
    detail: `the authorization server metadata at ${place.href} cannot be used: it names no token endpoint that is an https URL. Set \`tokenEndpoint\``
  }),
  found: "names no token endpoint",
  isAbsent: false
})

/** The document at a URL, or why it cannot be used. */
type Document = Either.Either<oauth.AuthorizationServer, Failure>

/** Reads the document at a URL. */
export type Read = (place: URL) => Effect.Effect<Document>

/** Makes a function that reads the document at a URL. It ends within {@link timeoutMs}. */
export const readDocument = (expected: URL, exchange: FetchAdapter.ServerRequest, insecure: boolean): Read => {
  const request = { method: "GET", headers: { accept: "application/json" } }
  return (place) =>
    exchange
      .received((fetch) => fetch(place.href, request), [])
      .pipe(
        Effect.timeoutFail({ duration: timeoutMs, onTimeout: () => timedOut(place) }),
        Effect.mapError(unreachable),
        Effect.flatMap((received) => ServerMetadata.of(received, expected)),
        Effect.tap(({ token_endpoint: endpoint = "" }) =>
          Effect.mapError(validateEndpoint(endpoint, insecure), () => noEndpoint(place))
        ),
        Effect.either
      )
}

/** Whether the metadata lacks a member that a request needs. */
export const isMissingMember = (server: oauth.AuthorizationServer, needed: ReadonlyArray<Member>): boolean =>
  needed.some((name) => server[name] === undefined)

/** Adds missing members. Returns the same object if nothing is added. */
const withMembers = (server: oauth.AuthorizationServer, more: oauth.AuthorizationServer): oauth.AuthorizationServer => {
  const names = addable.filter((name) => server[name] === undefined && more[name] !== undefined)
  return names.length === 0 ? server : { ...server, ...Object.fromEntries(names.map((name) => [name, more[name]])) }
}

const noMetadata = (failures: ReadonlyArray<readonly [URL, Failure]>): TokenError =>
  new TokenError({
    reason: "Unavailable",
    detail: `the issuer publishes no metadata: ${failures
      .map(([{ href }, { found }]) => `${href} ${found}`)
      .join(", ")}. Check \`issuer\`, or set \`tokenEndpoint\``
  })

/** The first error other than a missing document. */
export const errorOf = (failures: ReadonlyArray<readonly [URL, Failure]>): TokenError =>
  failures.find(([_, { isAbsent }]) => !isAbsent)?.[1].error ?? noMetadata(failures)

/** The request was not sent, so no other URL of this server is reachable either. */
const isExpired = ({ error }: Failure): boolean => error.sent === "no"

/** Whether the URL may have a document later. */
export const isTemporary = ({ error, isAbsent }: Failure): boolean => error.reason === "Unavailable" && !isAbsent

/** The metadata that was read, and the URLs that may have more members. */
export interface ReadMetadata {
  readonly server: oauth.AuthorizationServer
  readonly rest: ReadonlyArray<URL>
}

/** What a search found: the metadata, if any document is usable, and the URLs without a usable document. */
export interface SearchResult {
  readonly server: oauth.AuthorizationServer | undefined
  readonly rest: ReadonlyArray<URL>
  readonly failures: ReadonlyArray<readonly [URL, Failure]>
}

/** Reads the URLs in order, until the documents together have all needed members. */
export const search = (
  known: ReadMetadata | undefined,
  places: ReadonlyArray<URL>,
  read: Read,
  needed: ReadonlyArray<Member>
): Effect.Effect<SearchResult> =>
  Effect.gen(function* () {
    let server = known?.server
    const failures: Array<readonly [URL, Failure]> = []
    const rest: Array<URL> = []
    for (const place of known?.rest ?? places) {
      const isDone = failures.some(([_, failure]) => isExpired(failure))
      if (isDone || (server !== undefined && !isMissingMember(server, needed))) {
        rest.push(place)
        continue
      }
      const document = yield* read(place)
      if (Either.isRight(document)) server = server === undefined ? document.right : withMembers(server, document.right)
      else {
        failures.push([place, document.left])
        if (isTemporary(document.left)) rest.push(place)
      }
    }
    return { server, failures, rest }
  })
