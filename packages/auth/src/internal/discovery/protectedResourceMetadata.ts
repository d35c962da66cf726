/** Protected resource metadata (RFC 9728): the URL of the document, its parsing, and its validation. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { SendError } from "@countersign/client/Errors"
import { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "../../Errors.js"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as Origin from "@countersign/protocol/Origin"
import * as Redact from "@countersign/protocol/Redact"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { retryAtOf } from "../http/fetchAdapter.js"
import * as BodyMembers from "../response/bodyMembers.js"
import type { Body } from "../response/responseBody.js"
import * as ResponseBody from "../response/responseBody.js"
import * as Discovery from "./serverDiscovery.js"

const maxDocumentBytes = 256 * 1024
const timeout = "20 seconds"

/** The scopes of a list that is separated by spaces. Empty if one of them is invalid. */
export const scopesOf = (text: string | undefined): ReadonlyArray<string> => {
  const scopes = [...new Set(text?.split(" "))].filter((scope) => scope !== "")
  return scopes.every((scope) => BodyMembers.isWord(scope)) ? scopes : []
}

/** The members of the metadata that a client uses (RFC 9728 §2). */
export interface Metadata {
  readonly resource: string
  /** Not validated yet, see {@link serversOf}. */
  readonly authorizationServers: unknown
  readonly scopes: ReadonlyArray<string> | undefined
  readonly bearerMethods: ReadonlyArray<string> | undefined
  readonly name: string | undefined
  readonly dpopRequired: boolean
  readonly dpopAlgorithms: ReadonlyArray<string> | undefined
}

const invalid = (detail: string): TokenError => new TokenError({ reason: "InvalidResponse", detail })

/** Why a URL gave no usable document. The next URL is read then. */
export interface Failure {
  readonly error: TokenError
  /** What was found, for an error that lists several URLs: `answered 404`. */
  readonly found: string
  /** The API publishes no document at this URL. An error of another URL is more helpful. */
  readonly isAbsent: boolean
  /** The API is not reachable at other URLs either. */
  readonly isOver: boolean
}

const failed = (error: TokenError, found: string, more: Partial<Failure> = {}): Failure => ({
  error,
  found,
  isAbsent: false,
  isOver: false,
  ...more
})

const where = (place: URL): string => `the API's metadata at ${Redact.url(place.href)}`

const unavailable = (detail: string, retryAt?: number): TokenError =>
  new TokenError({ reason: "Unavailable", detail, retryAt, sent: "no" })

const unreachable = (error: SendError): TokenError => unavailable(`the API was not reached: ${error.message}`)

const isUnsent = (error: SendError): boolean =>
  error._tag === "InvalidRequest" || (error._tag === "TransportError" && error.sent === "no")

const unreadable =
  (place: URL) =>
  (error: SendError): Failure => {
    if (error._tag === "BodyTooLarge") {
      return failed(
        invalid(`${where(place)} cannot be used: it is longer than ${maxDocumentBytes} bytes`),
        "published too much"
      )
    }
    if (error._tag === "RedirectRejected") return redirected(place)
    return failed(unreachable(error), "was not reached", { isOver: isUnsent(error) })
  }

/** Redirects are never followed, because they could lead to the metadata of another API. */
const redirected = (place: URL, status?: number): Failure =>
  failed(
    invalid(
      `${where(place)} was not read: the API redirects there${status === undefined ? "" : ` (${status})`}, which is not followed. ` +
        "Check the API's URL, or set `issuer` and `resource` yourself"
    ),
    "redirects"
  )

/** Statuses that do not show whether the document exists. A proxy or a network sends 407 and 511. */
const isTemporary = (status: number): boolean =>
  status >= 500 || status === 407 || status === 408 || status === 425 || status === 429

const errorStatus = (place: URL, { headers, status }: HttpClientResponse, now: number): Failure => {
  if (status >= 300 && status <= 399) return redirected(place, status)
  const found = `answered ${status}`
  if (!isTemporary(status)) return failed(unavailable(found), found, { isAbsent: true })
  const retryAt = retryAtOf(headers, now)
  return failed(unavailable(`${where(place)} was not read: the API ${found}. Try again later`, retryAt), found)
}

const invalidDocument = new InvalidRequest({
  reason: "Url",
  detail:
    "the API's URL is invalid: it is not https, or has a user name or a fragment. Set the URL that requests are sent to. For plain http on loopback, set `transport: OAuth2.dangerouslyAllowHttpOnLoopback`."
})

/** The URL has to be https, because tokens are sent to it later. */
export const validateUrl = (text: string, insecure: boolean): Effect.Effect<URL, InvalidRequest> =>
  text.includes("#")
    ? Effect.fail(invalidDocument)
    : Effect.mapBoth(Discovery.validateEndpoint(text, insecure), {
        onFailure: () => invalidDocument,
        onSuccess: () => new URL(text)
      })

const otherOrigin = invalid(
  "the API's metadata was not read: the URL in the challenge is invalid, or at another origin than the API. Set `issuer` and `resource` of the grant yourself"
)

/** Validates the metadata URL of a challenge. Otherwise the API could make this client send requests to any host. */
export const validateMetadataUrl = (api: URL, text: string, insecure: boolean): Effect.Effect<URL, TokenError> =>
  Effect.filterOrFail(
    Effect.mapError(validateUrl(text, insecure), () => otherOrigin),
    (place) => Origin.same(place.href, api.href),
    () => otherOrigin
  )

const wellKnown = "/.well-known/oauth-protected-resource"

/** RFC 9728 §3.1: the well-known path is inserted between host and path. A path `/` is dropped. */
export const wellKnownOf = ({ origin, pathname, search }: URL): URL =>
  new URL(`${origin}${wellKnown}${pathname === "/" ? "" : pathname}${search}`)

const withoutParameters = (url: URL, accept: string): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.get(url.href).pipe(HttpClientRequest.setHeader("accept", accept))

/** The names of a list. Undefined if there is no list, or one of its names is invalid. */
const wordsOf = (value: unknown): ReadonlyArray<string> | undefined => {
  const words = BodyMembers.list(value)?.flatMap((item) => item.split(" ").filter((part) => part !== ""))
  return words?.every((item) => BodyMembers.isWord(item)) === true ? words : undefined
}

/** Optional members that cannot be read are left out. */
const metadataOf = (body: Body, resource: string): Metadata => {
  const name = BodyMembers.text(body["resource_name"])
  return {
    resource,
    authorizationServers: body["authorization_servers"],
    scopes: wordsOf(body["scopes_supported"]),
    bearerMethods: wordsOf(body["bearer_methods_supported"]),
    name: name === undefined ? undefined : Redact.text(name),
    dpopRequired: BodyMembers.flag(body["dpop_bound_access_tokens_required"]) === true,
    dpopAlgorithms: wordsOf(body["dpop_signing_alg_values_supported"])
  }
}

/** Parses the document in a success, whatever its content type. */
const documentOf = (
  place: URL,
  { headers, status }: HttpClientResponse,
  text: string
): Either.Either<Metadata, Failure> => {
  const invalidDocument = (why: string) => failed(invalid(`${where(place)} cannot be used: ${why}`), "cannot be used")
  const body = ResponseBody.parse(text)
  if (body === undefined) {
    const { "content-type": type } = headers
    if (ResponseBody.isMeantAsJson(text, type)) return Either.left(invalidDocument("it is not a valid JSON object"))
    const found = `answered ${status} without a JSON object${type === undefined ? "" : ` (content-type: ${Redact.text(type)})`}`
    return Either.left(failed(unavailable(found), found, { isAbsent: true }))
  }
  const resource = BodyMembers.text(body["resource"])
  return resource === undefined
    ? Either.left(invalidDocument(BodyMembers.problemOf("resource", body["resource"], "the URL of the API")))
    : Either.right(metadataOf(body, resource))
}

/** Reads the document at a URL. */
export const read = (transport: HttpClient.HttpClient, place: URL): Effect.Effect<Metadata, Failure> => {
  const client = Transport.fromHttpClient(transport).pipe(
    Transport.bufferBodies(maxDocumentBytes, () => true),
    Timeout.call(timeout)
  )
  return Effect.gen(function* () {
    const response = yield* Effect.mapError(
      client.execute(withoutParameters(place, "application/json")),
      unreadable(place)
    )
    if (response.status < 200 || response.status > 299) {
      return yield* Effect.fail(errorStatus(place, response, yield* Clock.currentTimeMillis))
    }
    // The body is buffered, so reading it cannot fail.
    return yield* documentOf(place, response, yield* Effect.orElseSucceed(response.text, () => ""))
  })
}

/** Sends a request without credentials, for the challenge in the response. Its body may be endless, so it is not read. */
export const probe = (transport: HttpClient.HttpClient, api: URL): Effect.Effect<HttpClientResponse, TokenError> =>
  Transport.fromHttpClient(transport)
    .pipe(Timeout.call(timeout))
    .execute(withoutParameters(api, "*/*"))
    .pipe(
      Effect.mapError((error) => (error._tag === "RedirectRejected" ? redirected(api).error : unreachable(error))),
      Effect.tap(({ stream }) => Effect.ignore(Effect.timeout(Stream.runHead(stream), "1 second")))
    )

/**
 * Fails unless the document names one of `names`, compared character by character (RFC 9728 §3.3). With the metadata of
 * another API, an attacker could make users sign in at a server of the attacker's choice.
 */
export const validateResource =
  (place: URL, names: ReadonlyArray<string>) =>
  (metadata: Metadata): Either.Either<Metadata, Failure> =>
    names.includes(metadata.resource)
      ? Either.right(metadata)
      : Either.left(
          failed(
            invalid(
              `${where(place)} names the resource ${Redact.url(metadata.resource)}, and ${Redact.url(names[0] ?? "")} was ` +
                "requested. If the former is the intended API, call `discover` with it. If that finds nothing, set `issuer` and " +
                "`resource` of the grant yourself"
            ),
            "names another resource"
          )
        )

/** The names of an API: its URL as configured, and as sent. `https://a.test` and `https://a.test/` are the same. */
export const namesOf = (url: URL, text: string): ReadonlyArray<string> => [
  text,
  url.href,
  ...(url.pathname === "/" && url.search === "" ? [url.origin] : [])
]

/** The first error other than a missing document. */
export const errorOf = (failures: ReadonlyArray<readonly [URL, Failure]>): TokenError =>
  failures.find(([_, { isAbsent }]) => !isAbsent)?.[1].error ??
  new TokenError({
    reason: "Unavailable",
    detail: `the API publishes no metadata that names its authorization server: ${failures
      .map(([place, { found }]) => `${Redact.url(place.href)} ${found}`)
      .join(", ")}. Check the API's URL, or set \`issuer\` and \`resource\` of the grant yourself`
  })

const noServer = invalid("the API's metadata is unusable: it names no authorization server that is an https URL")

const issuerNotListed = new TokenError({
  reason: "Rejected",
  detail:
    "the `issuer` of the options is not used: the API names other authorization servers. Set one of theirs, or leave it out"
})

const isStringArray = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === "string")

/** The authorization servers of the API, and the one to use. */
export const serversOf = (
  { authorizationServers: servers }: Metadata,
  wanted: string | undefined,
  insecure: boolean
): Effect.Effect<{ readonly issuer: string; readonly authorizationServers: ReadonlyArray<string> }, TokenError> =>
  Effect.gen(function* () {
    if (!isStringArray(servers)) return yield* noServer
    const checked = Effect.forEach(servers, (server) => Discovery.validateUrl("the issuer", server, insecure))
    yield* Effect.mapError(checked, () => noServer)
    const issuer = wanted === undefined ? servers[0] : servers.find((server) => server === wanted)
    if (issuer === undefined) return yield* wanted === undefined ? noServer : issuerNotListed
    return { issuer, authorizationServers: servers }
  })
