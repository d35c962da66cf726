/** Chooses one of several schemes by the challenges of a server, and remembers it for each protection space. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { Challenge } from "@countersign/protocol/Challenge"
import * as Effect from "effect/Effect"
import { BoundedMap } from "../../BoundedMap.js"
import type { InvalidRequest } from "../../Errors.js"
import { SchemeDowngraded } from "../errors/schemeErrors.js"
import type { Answered, ChallengeScheme, RejectedRequest, Decision } from "./challenged.js"
import { makeService } from "./challenged.js"
import type { Offer, Rejection, Service, Signed } from "./scheme.js"

/** A protection space of an origin: the requests of one realm (RFC 9110 §11.5). */
interface Space {
  readonly realm: string
  /** Folders of the paths that were challenged. Requests at or below them are signed at once (RFC 7617 §2.2). */
  readonly folders: Set<string>
  chosen: Chosen
  /** The strongest offer that the server has accepted. */
  accepted: Offer | undefined
}

/** An offer, and the index of its scheme. */
interface Chosen extends Offer {
  readonly scheme: number
}

/** More than a client uses. The limits bound memory if a server invents realms and paths. */
const maxOrigins = 100
const maxSpaces = 16
const maxFolders = 100

/** More calls than are rejected at once. */
const maxCalls = 1000

const folderOf = ({ pathname }: URL): string => pathname.slice(0, pathname.lastIndexOf("/") + 1)

/** Length of the longest folder of a space that a path is in. Undefined if it is in none. */
const coverage = ({ folders }: Space, pathname: string): number | undefined => {
  let longest: number | undefined
  for (const folder of folders) {
    if (pathname.startsWith(folder) && folder.length > (longest ?? 0)) longest = folder.length
  }
  return longest
}

const realmOf = (challenges: ReadonlyArray<Challenge>, { name }: Offer): string => {
  const [scheme = ""] = name.toLowerCase().split(" ", 1)
  return challenges.find((challenge) => challenge.scheme === scheme)?.params["realm"] ?? ""
}

class Negotiation<E> {
  readonly #schemes: ReadonlyArray<Service<E>>
  readonly #origins = new BoundedMap<ReadonlyArray<Space>>(maxOrigins)
  /** The first rejected credentials of a call that began without credentials, or with those of another scheme. */
  readonly #first = new BoundedMap<RejectedRequest<Chosen>>(maxCalls)

  constructor(schemes: ReadonlyArray<Service<E>>) {
    this.#schemes = schemes
  }

  #find({ origin, pathname }: URL): Space | undefined {
    let found: { readonly space: Space; readonly length: number } | undefined
    for (const space of this.#origins.get(origin) ?? []) {
      const length = coverage(space, pathname)
      if (length !== undefined && length > (found?.length ?? 0)) found = { space, length }
    }
    return found?.space
  }

  signSync(request: HttpClientRequest, url: URL, now: number): Answered<Chosen, E> | undefined {
    const space = this.#find(url)
    const scheme = space && this.#schemes[space.chosen.scheme]
    const signed = scheme?.signSync?.(request, now)
    return space && scheme && signed && watched(space, signed, scheme)
  }

  sign(
    request: HttpClientRequest,
    url: URL,
    rejected?: RejectedRequest<Chosen>
  ): Effect.Effect<Answered<Chosen, E>, E | InvalidRequest> | undefined {
    const space = this.#find(url)
    const scheme = space && this.#schemes[space.chosen.scheme]
    const replaced = rejected?.context.scheme === space?.chosen.scheme ? rejected?.credential : undefined
    return space && scheme && Effect.map(scheme.sign(request, replaced), (signed) => watched(space, signed, scheme))
  }

  onChallenges(
    url: URL,
    challenges: ReadonlyArray<Challenge>,
    rejected: RejectedRequest<Chosen> | undefined,
    initial: (rejection: Rejection) => RejectedRequest<Chosen> | undefined
  ): Decision<E | SchemeDowngraded> {
    const best = this.#strongest(challenges, url)
    if (best === undefined) return rejected !== undefined && this.forward(rejected, initial)
    const realm = realmOf(challenges, best)
    const accepted = this.#accepted(url, realm)
    if (accepted !== undefined && best.strength < accepted.strength) {
      const error = new SchemeDowngraded({ origin: url.origin, accepted: accepted.name, offered: best.name })
      return () => Effect.fail(error)
    }
    this.#remember(url, realm, best, accepted)
    if (rejected?.context.scheme === best.scheme) return this.forward(rejected, initial)
    this.#schemes[best.scheme]?.onChallenges?.(challenges, url)
    return true
  }

  /** The scheme that signed a request decides about it. */
  forward(
    { context, credential }: RejectedRequest<Chosen>,
    initial: (rejection: Rejection) => RejectedRequest<Chosen> | undefined
  ): Decision<E> {
    const { scheme } = context
    return (rejection) => {
      const call = String(rejection.initialCredentialId)
      const known = [initial(rejection), this.#first.get(call)]
      const first = known.find((one) => one?.context.scheme === scheme)
      if (first === undefined) this.#first.set(call, { context, credential })
      const initialCredentialId = first?.credential ?? credential
      return (
        this.#schemes[scheme]?.onRejected({ ...rejection, credential, initialCredentialId }) ?? Effect.succeed(false)
      )
    }
  }

  #strongest(challenges: ReadonlyArray<Challenge>, url: URL): Chosen | undefined {
    let best: Chosen | undefined
    for (const [scheme, { offer }] of this.#schemes.entries()) {
      const offered = offer?.(challenges, url)
      if (offered !== undefined && offered.strength > (best?.strength ?? -1)) best = { ...offered, scheme }
    }
    return best
  }

  /** The strongest accepted offer for a path, or for a realm. */
  #accepted({ origin, pathname }: URL, realm: string): Offer | undefined {
    const offers = (this.#origins.get(origin) ?? [])
      .filter((space) => space.realm === realm || coverage(space, pathname) !== undefined)
      .flatMap(({ accepted }) => (accepted === undefined ? [] : [accepted]))
    return offers.reduce<Offer | undefined>(
      (best, one) => (one.strength > (best?.strength ?? -1) ? one : best),
      undefined
    )
  }

  /** @param accepted - the pinned offer of the path. A challenge with another realm does not remove the pin. */
  #remember(url: URL, realm: string, chosen: Chosen, accepted: Offer | undefined): void {
    const spaces = this.#origins.get(url.origin) ?? []
    const known = spaces.find((one) => one.realm === realm)
    const space: Space = known ?? { realm, folders: new Set(), chosen, accepted: undefined }
    space.chosen = chosen
    space.accepted = accepted
    const folder = folderOf(url)
    for (const other of spaces) if (other !== space) other.folders.delete(folder)
    if (space.folders.size < maxFolders) space.folders.add(folder)
    this.#origins.set(url.origin, [space, ...spaces.filter((one) => one !== space)].slice(0, maxSpaces))
  }
}

/** Records the offer of a signed request when the server accepts it. */
const watched = <E>(space: Space, signed: Signed<E>, { expiredWhen }: Service<E>): Answered<Chosen, E> => {
  const { chosen } = space
  return {
    context: chosen,
    signed: {
      expiredWhen,
      ...signed,
      onResponse: (response) => {
        signed.onResponse?.(response)
        const isStronger = chosen.strength > (space.accepted?.strength ?? -1)
        if (response.status < 400 && isStronger) space.accepted = chosen
      }
    }
  }
}

const replaysOf = ({ replay = 1 }: Service<unknown>): number => (typeof replay === "number" ? replay : 1)

/** See `Auth.negotiate`. */
export const negotiate = <E>(schemes: ReadonlyArray<Service<E>>): Service<E | SchemeDowngraded> => {
  const negotiation = new Negotiation(schemes)
  const initial = ({ initialCredentialId }: Rejection) => find(initialCredentialId ?? "")
  const challenged: ChallengeScheme<Chosen, E | SchemeDowngraded> = {
    signSync: (request, url, now) => negotiation.signSync(request, url, now),
    sign: (request, url, rejected) => negotiation.sign(request, url, rejected),
    onChallenges: (url, challenges, rejected) => negotiation.onChallenges(url, challenges, rejected, initial),
    onExpired: (rejected) => negotiation.forward(rejected, initial),
    // One for the challenge, and those of the chosen scheme.
    replay: 1 + Math.max(1, ...schemes.map(replaysOf)),
    honorsDeadline: schemes.every(({ honorsDeadline }) => honorsDeadline === true)
  }
  const { find, service } = makeService(challenged)
  const inner = (id: string | number) => {
    const rejected = find(id)
    const scheme = rejected && schemes[rejected.context.scheme]
    return rejected && scheme && { scheme, credential: rejected.credential }
  }
  return {
    ...service,
    onInsufficientScope: ({ challenges, credential: id }) => {
      const signed = inner(id)
      return signed?.scheme.onInsufficientScope?.({ challenges, credential: signed.credential })
    },
    onRateLimited: (id, response) => {
      const signed = inner(id)
      return signed?.scheme.onRateLimited?.(signed.credential, response)
    },
    onReplayRejected: (rejection) =>
      Effect.suspend(() => {
        const signed = inner(rejection.credential)
        const told = signed?.scheme.onReplayRejected?.({ ...rejection, credential: signed.credential })
        return Effect.zipRight(service.onReplayRejected?.(rejection) ?? Effect.void, told ?? Effect.void)
      })
  }
}
