/**
 * An API that says itself who issues tokens for it: from its URL, or from a bare 401, to all that a grant has to know.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import { dangerouslyPlainHttpOnLoopback } from "./internal/plainHttp.js"
import * as ResourceMetadata from "./internal/resourceMetadata.js"

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
  /** See `OAuth2.dangerouslyPlainHttpOnLoopback`. */
  readonly transport?: typeof dangerouslyPlainHttpOnLoopback | undefined
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
  /** What to call it when somebody is asked, made safe to show: one line of at most 200 characters. Anybody may call his API anything. */
  readonly name: string | undefined
}

/** The metadata, from where the challenge says, or from where it is without one. */
const metadataOf = (
  transport: HttpClient.HttpClient,
  url: string,
  place: string | undefined,
  insecure: boolean
): Effect.Effect<ResourceMetadata.Metadata, InvalidRequest | TokenError> =>
  Effect.gen(function* () {
    const api = yield* ResourceMetadata.checkedUrl(url, insecure)
    const read = (at: URL) => ResourceMetadata.read(transport, at)
    if (place !== undefined) {
      const named = yield* ResourceMetadata.checkedPlace(api, place, insecure)
      return yield* ResourceMetadata.about(yield* ResourceMetadata.published(read(named)), api, url)
    }
    const found = yield* read(ResourceMetadata.wellKnownOf(api))
    if (found !== undefined) return yield* ResourceMetadata.about(found, api, url)
    const root = new URL(api.origin)
    const last = api.href === root.href ? Effect.succeed(undefined) : read(ResourceMetadata.wellKnownOf(root))
    return yield* ResourceMetadata.about(yield* ResourceMetadata.published(last), root, root.origin)
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
 * {@link discover} for somebody who has asked already: with the challenges of `Unauthorized`, say. Of several challenges,
 * of whatever schemes, the first with `resource_metadata` counts, and the first with a `scope`.
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
    const insecure = transport === dangerouslyPlainHttpOnLoopback
    const place = firstOf(challenges, ({ params }) => params["resource_metadata"])
    const metadata = yield* metadataOf(yield* HttpClient.HttpClient, url, place, insecure)
    return {
      ...(yield* ResourceMetadata.serversOf(metadata, issuer, insecure)),
      resource: metadata.resource,
      scopes: firstOf(challenges, scopesOf) ?? metadata.scopes_supported ?? [],
      scopesSupported: metadata.scopes_supported,
      bearerMethods: metadata.bearer_methods_supported,
      dpopRequired: metadata.dpop_bound_access_tokens_required === true,
      dpopAlgorithms: metadata.dpop_signing_alg_values_supported,
      name: metadata.resource_name === undefined ? undefined : Redact.text(metadata.resource_name)
    }
  })

/**
 * {@link discover} for somebody who has asked already, with the answer.
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
 * Finds out who issues tokens for an API, and what to ask for. The API is asked with a GET, without credentials; its
 * challenge says where its metadata is. Where it does not, that is looked for where it is to be without a challenge, between
 * the host and the path, and then at the root of the host, where the metadata may be about the whole host.
 *
 * The API's word is believed for the API alone. The metadata has to be at the API's own origin, wherever the challenge says
 * that it is: the specification would let it be anywhere, and compares names alone. It has to be about the very URL that
 * was asked, character for character, or, at the root, about the root. So ask for the URL of the API as it is documented,
 * and not for one of the things behind it. Who issues the tokens is the API's choice, and may be anywhere: its own
 * metadata is compared with the issuer's name when a grant asks for it. Signed metadata is not looked at.
 *
 * Fails with `InvalidRequest` where the URL is no https one, or has a user name or a fragment; and with `TokenError`:
 * `Unavailable` where the API was not reached, or publishes no metadata; `InvalidResponse` for metadata that is of another
 * resource or at another origin, names no authorization server, or one that is no https URL, or is none at all; `Refused`
 * where the issuer of the options is none of its authorization servers. Nothing with credentials is sent, no redirect is
 * followed, the metadata is read up to 256 KiB, and each of the at most three requests may take 20 seconds.
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
    const api = yield* ResourceMetadata.checkedUrl(url, options.transport === dangerouslyPlainHttpOnLoopback)
    return yield* fromResponse(url, yield* ResourceMetadata.ask(yield* HttpClient.HttpClient, api), options)
  })
