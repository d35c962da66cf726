/** The metadata of an authorization server in memory. Concurrent callers share one read, and no failure is cached. */
import { TokenError } from "../../Errors.js"
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as oauth from "oauth4webapi"
import * as FlightProgress from "../concurrency/flightProgress.js"
import * as SingleFlight from "../concurrency/singleFlight.js"
import type * as FetchAdapter from "../http/fetchAdapter.js"
import type { Client } from "../oauth/client.js"
import * as Fixes from "../response/complianceFixes.js"
import * as CrossOriginEndpoints from "./crossOriginEndpoints.js"
import * as Discovery from "./serverDiscovery.js"

/**
 * Finds the metadata of an issuer, with the members that a request needs, if any of its documents has them. If a URL has
 * no usable document, the next one is read. A URL that failed temporarily is read again by the next call.
 */
export type Find = (needed: ReadonlyArray<Discovery.Member>) => Effect.Effect<oauth.AuthorizationServer, TokenError>

const notAUrl = (published: string): TokenError =>
  new TokenError({
    reason: "InvalidResponse",
    detail: `\`complianceFixes.metadataIssuer\` is not a URL: ${JSON.stringify(Redact.text(published, 100))}. Set it to the issuer that the metadata names`
  })

/** The error of callers if the read ended without a result, for example with the request that started it (Workers). */
const lost = (ms: number): TokenError =>
  new TokenError({
    reason: "Unavailable",
    detail: `reading the authorization server metadata took longer than ${ms / 1000} seconds: try again later`
  })

/** The result of one read, and the members that it looked for. */
interface Read extends Omit<Discovery.SearchResult, "rest"> {
  readonly needed: ReadonlySet<Discovery.Member>
}

/**
 * Makes the cache of an issuer's metadata. With the option `tokenEndpoint` nothing is read.
 *
 * A read has its own fiber: it continues when the caller that started it is interrupted, and ends within ten seconds for
 * each URL.
 */
export const make = (
  client: Client,
  issuer: URL,
  exchange: FetchAdapter.ServerRequest,
  insecure: boolean
): Effect.Effect<Find> => {
  const { complianceFixes, tokenEndpoint } = client
  if (tokenEndpoint !== undefined) {
    const server = Fixes.withIdTokenIssuer({ issuer: client.issuer, token_endpoint: tokenEndpoint }, complianceFixes)
    return Effect.succeed(() => Effect.succeed(server))
  }
  const published = complianceFixes?.metadataIssuer ?? issuer.href
  if (!URL.canParse(published)) return Effect.succeed(() => Effect.fail(notAUrl(published)))
  const readDocument = Discovery.readDocument(new URL(published), exchange, insecure)
  return makeCache(issuer, (known, needed) =>
    Effect.map(
      Discovery.search(
        known,
        Discovery.placesOf(issuer),
        (place) => FlightProgress.step(readDocument(place), Discovery.timeoutMs),
        needed
      ),
      (found) =>
        found.server === undefined || found.server === known?.server
          ? found
          : { ...found, server: Fixes.withIdTokenIssuer(found.server, complianceFixes) }
    )
  )
}

type Search = (
  known: Discovery.ReadMetadata | undefined,
  needed: ReadonlyArray<Discovery.Member>
) => Effect.Effect<Discovery.SearchResult>

const makeCache = (issuer: URL, search: Search): Effect.Effect<Find> =>
  Effect.gen(function* () {
    let known: Discovery.ReadMetadata | undefined
    /** What the callers of the next read need. */
    const wanted = new Set<Discovery.Member>()

    const read: Effect.Effect<Read> = Effect.gen(function* () {
      const needed = new Set(wanted)
      wanted.clear()
      const before = known?.server
      const { failures, rest, server } = yield* search(known, [...needed])
      if (server !== undefined) {
        if (server !== before) yield* CrossOriginEndpoints.logCrossOriginEndpoints(server, issuer, before)
        known = { server, rest }
      }
      return { server, failures, needed }
    })

    const cached = (needed: ReadonlyArray<Discovery.Member>): oauth.AuthorizationServer | undefined =>
      known !== undefined && (known.rest.length === 0 || !Discovery.isMissingMember(known.server, needed))
        ? known.server
        : undefined

    // The scope is never closed: a read is bounded, and it changes nothing outside of this cache.
    const flight = yield* SingleFlight.make<Read, TokenError, never>(read, {
      firstStep: Discovery.timeoutMs,
      lost
    }).pipe(Scope.extend(yield* Scope.make()))

    const find: Find = (needed) =>
      Effect.suspend(() => {
        const found = cached(needed)
        if (found !== undefined) return Effect.succeed(found)
        for (const name of needed) wanted.add(name)
        return Effect.flatMap(
          flight.run(() => undefined),
          (outcome) => resultOf(outcome, needed, find)
        )
      })
    return find
  })

/** The result of a read for one of its callers. */
const resultOf = (
  { failures, needed: searched, server }: Read,
  needed: ReadonlyArray<Discovery.Member>,
  find: Find
): Effect.Effect<oauth.AuthorizationServer, TokenError> => {
  if (server === undefined) return Effect.fail(Discovery.errorOf(failures))
  if (!Discovery.isMissingMember(server, needed)) return Effect.succeed(server)
  // The read had begun for a caller that needs less. The next one continues with the further documents.
  if (!needed.every((name) => searched.has(name))) return find(needed)
  const temporary = failures.find(([_, failure]) => Discovery.isTemporary(failure))
  // The document that is temporarily unavailable may have the missing member.
  return temporary === undefined ? Effect.succeed(server) : Effect.fail(temporary[1].error)
}
