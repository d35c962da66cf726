/**
 * Protected resource metadata (RFC 9728): from the URL of an API, or from its 401, to the options of a grant.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ResourceMetadata from "./internal/discovery/protectedResourceMetadata.js"
import { dangerouslyAllowHttpOnLoopback } from "./internal/http/insecureHttp.js"

/**
 * How an API is discovered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The one of its authorization servers to use; the first that it names, when left out. A client that has a secret says
   * which: the API would decide otherwise where that is sent.
   */
  readonly issuer?: string | undefined
  /** See `OAuth2.dangerouslyAllowHttpOnLoopback`. */
  readonly transport?: typeof dangerouslyAllowHttpOnLoopback | undefined
}

/**
 * What an API says of itself. `issuer`, `resource` and `scopes` go into the options of a grant as they are:
 * `{ issuer, clientId, resource, scopes }`.
 *
 * Specification: [RFC 9728 §2](https://www.rfc-editor.org/rfc/rfc9728#section-2).
 *
 * @since 0.1.0
 * @category models
 */
export interface ProtectedResource {
  /** The authorization server to go to, see {@link Options}. */
  readonly issuer: string
  /** What the API is to be called when a token is asked for ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)). */
  readonly resource: string
  /** The scopes to ask for: those of the challenge; where it has none, all that the API knows; where it does not say, none. */
  readonly scopes: ReadonlyArray<string>
  /** All authorization servers that issue tokens for it; there is one at least. */
  readonly authorizationServers: ReadonlyArray<string>
  /** All scopes that it knows; undefined where it does not say. */
  readonly scopesSupported: ReadonlyArray<string> | undefined
  /** How it takes Bearer tokens: `header`, which is the only way that this library sends them, `body`, `query`. Undefined where it does not say. */
  readonly bearerMethods: ReadonlyArray<string> | undefined
  /** Whether it takes only tokens that are bound to a key: the client needs `dpop`. */
  readonly dpopRequired: boolean
  /** The algorithms that proofs may be signed with; undefined where it does not say. */
  readonly dpopAlgorithms: ReadonlyArray<string> | undefined
  /** The name of the API, made safe to show: one line of at most 200 characters. The API chooses it freely. */
  readonly name: string | undefined
}

/** A place of the metadata, and the resources that a document there may name. */
interface Place {
  readonly url: URL
  readonly names: ReadonlyArray<string>
}

/** The places to ask, in this order: the one of the challenge, the API's own, and that of the whole host. */
const placesOf = (api: URL, text: string, named: URL | undefined): ReadonlyArray<Place> => {
  const names = ResourceMetadata.namesOf(api, text)
  const root = new URL(api.origin)
  // Here a document names the whole host, or this API.
  const last = {
    url: ResourceMetadata.wellKnownOf(root),
    names: [...names, ...ResourceMetadata.namesOf(root, root.origin)]
  }
  const places = [
    ...(named === undefined ? [] : [named.href === last.url.href ? last : { url: named, names }]),
    { url: ResourceMetadata.wellKnownOf(api), names },
    last
  ]
  return places.filter(({ url }, index) => places.findIndex((other) => other.url.href === url.href) === index)
}

/** The metadata from the first place that has a usable document. */
const metadataOf = (
  transport: HttpClient.HttpClient,
  url: string,
  place: string | undefined,
  insecure: boolean
): Effect.Effect<ResourceMetadata.Metadata, InvalidRequest | TokenError> =>
  Effect.gen(function* () {
    const api = yield* ResourceMetadata.checkedUrl(url, insecure)
    const named = place === undefined ? undefined : yield* ResourceMetadata.checkedPlace(api, place, insecure)
    const failures: Array<readonly [URL, ResourceMetadata.Failure]> = []
    for (const { names, url: at } of placesOf(api, url, named)) {
      const read = Effect.flatMap(ResourceMetadata.read(transport, at), ResourceMetadata.about(at, names))
      const document = yield* Effect.either(read)
      if (Either.isRight(document)) return document.right
      failures.push([at, document.left])
      if (document.left.isOver) break
    }
    return yield* ResourceMetadata.errorOf(failures)
  })

const firstOf = <A>(
  challenges: ReadonlyArray<Challenge.Challenge>,
  pick: (challenge: Challenge.Challenge) => A | undefined
): A | undefined => challenges.map(pick).find((picked) => picked !== undefined)

const scopesOf = ({ params }: Challenge.Challenge): ReadonlyArray<string> | undefined => {
  const scopes = ResourceMetadata.scopesOf(params["scope"])
  return scopes.length === 0 ? undefined : scopes
}

/**
 * {@link discover} with the challenges of a response, such as those of `Unauthorized`. Of several challenges, of whatever
 * schemes, the first with `resource_metadata` counts, and the first with a `scope`.
 *
 * @param url - the one that was asked.
 * @since 0.1.0
 * @category constructors
 */
export const fromChallenges = (
  url: string,
  challenges: ReadonlyArray<Challenge.Challenge>,
  { issuer, transport }: Options = {}
): Effect.Effect<ProtectedResource, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const insecure = transport === dangerouslyAllowHttpOnLoopback
    const place = firstOf(challenges, ({ params }) => params["resource_metadata"])
    const metadata = yield* metadataOf(yield* HttpClient.HttpClient, url, place, insecure)
    return {
      ...(yield* ResourceMetadata.serversOf(metadata, issuer, insecure)),
      resource: metadata.resource,
      scopes: firstOf(challenges, scopesOf) ?? metadata.scopes ?? [],
      scopesSupported: metadata.scopes,
      bearerMethods: metadata.bearerMethods,
      dpopRequired: metadata.dpopRequired,
      dpopAlgorithms: metadata.dpopAlgorithms,
      name: metadata.name
    }
  })

/**
 * {@link discover} with a response of the API.
 *
 * @param url - the one that was asked.
 * @since 0.1.0
 * @category constructors
 */
export const fromResponse = (
  url: string,
  response: HttpClientResponse,
  options?: Options
): Effect.Effect<ProtectedResource, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  fromChallenges(url, Challenge.parse(response.headers["www-authenticate"] ?? ""), options)

/**
 * Discovers the authorization server of an API, and what to request there (RFC 9728). The API gets one GET without
 * credentials. Its challenge may name the place of its metadata (`resource_metadata`). The places are read in this order, until
 * one of them has a document that can be used:
 *
 * 1. the URL that the challenge names
 * 2. `/.well-known/oauth-protected-resource` between the host and the path of the API
 * 3. `/.well-known/oauth-protected-resource` at the root of the host
 *
 * A place that answers with an error, a redirect, HTML, a document without `resource`, or one for another resource leads to
 * the next one. The content type does not matter. Optional members that cannot be read are left out.
 *
 * The metadata count for this API alone. They have to be at the API's own origin, wherever the challenge says that they are.
 * They have to name the very URL that was asked for, character for character; at the root, the root of the host will do too.
 * So give the API's URL as it is documented. The authorization server may be anywhere: its own metadata are compared
 * with the issuer's name when a grant reads them. Signed metadata are not read.
 *
 * Fails with `InvalidRequest` if the URL is not https, or has a user name or a fragment. Fails with `TokenError`:
 *
 * - `Unavailable` if the API was not reached, answers 5xx or 429 (`retryAt`), or publishes no metadata
 * - `InvalidResponse` for metadata of another resource or at another origin, and for metadata without an authorization
 *   server, or with one that is not an https URL
 * - `Rejected` if the `issuer` of the options is not among the authorization servers
 *
 * No credentials are sent, and no redirect is followed. Metadata are read up to 256 KiB. Each of the at most four requests may
 * take 20 seconds.
 *
 * Specification: [RFC 9728 §3](https://www.rfc-editor.org/rfc/rfc9728#section-3),
 * [§5](https://www.rfc-editor.org/rfc/rfc9728#section-5),
 * [§7.3](https://www.rfc-editor.org/rfc/rfc9728#section-7.3).
 *
 * @param url - the API's, https, as its documentation writes it; it may have a query.
 * @since 0.1.0
 * @category constructors
 */
export const discover = (
  url: string,
  options: Options = {}
): Effect.Effect<ProtectedResource, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const api = yield* ResourceMetadata.checkedUrl(url, options.transport === dangerouslyAllowHttpOnLoopback)
    return yield* fromResponse(url, yield* ResourceMetadata.ask(yield* HttpClient.HttpClient, api), options)
  })
