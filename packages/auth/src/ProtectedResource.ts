/**
 * Protected resource metadata (RFC 9728): finds the authorization server and scopes of an API from its URL or its 401.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError } from "./Errors.js"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ResourceMetadata from "./internal/discovery/protectedResourceMetadata.js"
import { dangerouslyAllowHttpOnLoopback } from "./internal/http/insecureHttp.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * Options of the discovery.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Issuer of the authorization server to use. By default the first one of the metadata. Set it if the client has a secret,
   * because otherwise the API decides which server receives the secret.
   */
  readonly issuer?: string | undefined
  /** Allows plain http on loopback, see `OAuth2.dangerouslyAllowHttpOnLoopback`. */
  readonly transport?: typeof dangerouslyAllowHttpOnLoopback | undefined
}

const names: OptionNames.ShapeOf<Options> = { issuer: true, transport: true }

const check = (options: Options) => OptionNames.check("`ProtectedResource`", options, names)

/**
 * Metadata of a protected resource. Pass `issuer`, `resource` and `scopes` unchanged to the options of a grant:
 * `{ issuer, clientId, resource, scopes }`.
 *
 * Specification: [RFC 9728 §2](https://www.rfc-editor.org/rfc/rfc9728#section-2).
 *
 * @since 0.1.0
 * @category models
 */
export interface ProtectedResource {
  /** The issuer of the authorization server to use, see {@link Options}. */
  readonly issuer: string
  /** The `resource` parameter of token requests ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)). */
  readonly resource: string
  /** The scopes to request: those of the challenge, otherwise `scopesSupported`, otherwise none. */
  readonly scopes: ReadonlyArray<string>
  /** The issuers of all authorization servers of the API, at least one (`authorization_servers`). */
  readonly authorizationServers: ReadonlyArray<string>
  /** All scopes of the API (`scopes_supported`). Undefined if the metadata has none. */
  readonly scopesSupported: ReadonlyArray<string> | undefined
  /**
   * How the API accepts bearer tokens: `header`, `body` or `query` (`bearer_methods_supported`). Undefined if the metadata
   * has none. This library sends tokens in the header only.
   */
  readonly bearerMethods: ReadonlyArray<string> | undefined
  /**
   * Whether the API requires DPoP-bound tokens (`dpop_bound_access_tokens_required`). The client then needs the option
   * `dpop`.
   */
  readonly dpopRequired: boolean
  /** The accepted algorithms of DPoP proofs (`dpop_signing_alg_values_supported`). Undefined if the metadata has none. */
  readonly dpopAlgorithms: ReadonlyArray<string> | undefined
  /** The name of the API (`resource_name`), as one line of at most 200 characters. The API chooses it freely. */
  readonly name: string | undefined
}

/** A URL of the metadata, and the `resource` values that a document there may have. */
interface Place {
  readonly url: URL
  readonly names: ReadonlyArray<string>
}

/** The URLs to read, in this order: the URL of the challenge, the well-known URL of the API, and that of the host. */
const placesOf = (api: URL, text: string, named: URL | undefined): ReadonlyArray<Place> => {
  const names = ResourceMetadata.namesOf(api, text)
  const root = new URL(api.origin)
  // The document at the root of the host may name the host or this API.
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

/** The metadata of the first URL with a usable document. */
const metadataOf = (
  transport: HttpClient.HttpClient,
  url: string,
  place: string | undefined,
  insecure: boolean
): Effect.Effect<ResourceMetadata.Metadata, InvalidRequest | TokenError> =>
  Effect.gen(function* () {
    const api = yield* ResourceMetadata.validateUrl(url, insecure)
    const named = place === undefined ? undefined : yield* ResourceMetadata.validateMetadataUrl(api, place, insecure)
    const failures: Array<readonly [URL, ResourceMetadata.Failure]> = []
    for (const { names, url: at } of placesOf(api, url, named)) {
      const read = Effect.flatMap(ResourceMetadata.read(transport, at), ResourceMetadata.validateResource(at, names))
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
 * Discovers the authorization server from the challenges of a 401, such as those of `Unauthorized`. Works like
 * {@link discover} without the first request. Uses the first challenge with `resource_metadata`, and the first with `scope`,
 * of any scheme.
 *
 * Fails as {@link discover} does.
 *
 * Specification: [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1).
 *
 * @param url - the URL of the request that got the 401.
 * @since 0.1.0
 * @category constructors
 */
export const fromChallenges = (
  url: string,
  challenges: ReadonlyArray<Challenge.Challenge>,
  options: Options = {}
): Effect.Effect<ProtectedResource, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    yield* check(options)
    const { issuer, transport } = options
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
 * Discovers the authorization server from a response of the API. Works like {@link discover} without the first request, and
 * fails as it does.
 *
 * Specification: [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1).
 *
 * @param url - the URL of the request that got the response.
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
 * Discovers the authorization server of an API, and the `resource` and `scopes` to request there (RFC 9728).
 *
 * Sends one GET without credentials to the API. The challenge of the response may contain the URL of the metadata
 * (`resource_metadata`). These URLs are read in this order, until one has a usable document:
 *
 * 1. the URL that the challenge names
 * 2. `/.well-known/oauth-protected-resource` between the host and the path of the API
 * 3. `/.well-known/oauth-protected-resource` at the root of the host
 *
 * An error, a redirect, HTML, a document without `resource`, or one for another resource leads to the next URL. The content
 * type does not matter. Optional members that cannot be parsed are left out.
 *
 * The metadata must be at the origin of the API, also if the challenge contains its URL. Its `resource` must equal `url`,
 * character for character. At the root of the host, it may also be the root URL. So pass the URL of the API as documented.
 * The authorization server may have any origin: a grant compares the issuer with the metadata of the server. Signed metadata
 * is not read.
 *
 * Fails with `InvalidRequest` if the URL is not https, or has a user name or a fragment. Fails with `TokenError`:
 *
 * - `Unavailable` if the API was not reached, answers 5xx or 429 (`retryAt`), or publishes no metadata
 * - `InvalidResponse` for metadata of another resource or at another origin, and for metadata without an authorization
 *   server, or with one that is not an https URL
 * - `Rejected` if the `issuer` of the options is not among the authorization servers
 *
 * No credentials are sent, and no redirect is followed. Metadata is read up to 256 KiB. At most four requests are sent, and
 * each times out after 20 seconds.
 *
 * Specification: [RFC 9728 §3](https://www.rfc-editor.org/rfc/rfc9728#section-3),
 * [§5](https://www.rfc-editor.org/rfc/rfc9728#section-5),
 * [§7.3](https://www.rfc-editor.org/rfc/rfc9728#section-7.3).
 *
 * @example
 * import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
 * import * as ProtectedResource from "@countersign/auth/ProtectedResource"
 * import type * as RefreshToken from "@countersign/auth/RefreshToken"
 * import * as SignIn from "@countersign/node/SignIn"
 * import * as Effect from "effect/Effect"
 *
 * // The API is known by its URL only. `RefreshToken.layer(client)` then authenticates its calls.
 * const signInAt = (url: string, clientId: string) =>
 *   Effect.gen(function* () {
 *     const { issuer, resource, scopes } = yield* ProtectedResource.discover(url)
 *     const client: RefreshToken.Options = {
 *       ...{ issuer, resource, scopes, clientId },
 *       clientAuthentication: ClientAuthentication.none
 *     }
 *     yield* SignIn.withBrowser(client)
 *     return client
 *   })
 *
 * const program = signInAt("https://mcp.example.com/tools", "terminal")
 *
 * @param url - the https URL of the API, as documented. It may have a query.
 * @since 0.1.0
 * @category constructors
 */
export const discover = (
  url: string,
  options: Options = {}
): Effect.Effect<ProtectedResource, InvalidRequest | TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    yield* check(options)
    const api = yield* ResourceMetadata.validateUrl(url, options.transport === dangerouslyAllowHttpOnLoopback)
    return yield* fromResponse(url, yield* ResourceMetadata.probe(yield* HttpClient.HttpClient, api), options)
  })
