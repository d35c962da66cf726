/** Schemes that sign with the last challenge of a server. The first request gets the challenge, and the others wait for it. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { Challenge } from "@countersign/protocol/Challenge"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { BoundedMap } from "../../BoundedMap.js"
import { InvalidRequest } from "../../Errors.js"
import * as Signal from "../../Signal.js"
import { challengesOf } from "../response/statusError.js"
import type { Rejection, Service, Signed } from "./scheme.js"

/**
 * What a scheme decides about a rejected request: true to send it again, false to fail with `Unauthorized`, or an effect that
 * decides. It is run at most once.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision<E> = boolean | ((rejection: Rejection) => Effect.Effect<boolean, E | InvalidRequest>)

/**
 * A signed request, with what the scheme needs to know when the server rejects it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answered<out K, out E = never> {
  readonly signed: Signed<E>
  readonly context: K
}

/**
 * A request that the server rejected: what the scheme knows of it, and the id that the scheme gave to its credentials.
 *
 * @since 0.1.0
 * @category models
 */
export interface RejectedRequest<out K> {
  readonly context: K
  readonly credential: string | number
}

/**
 * A scheme that answers challenges, for `Auth.makeChallenged`. `K` is what it knows of a signed request.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChallengeScheme<in out K, out E = never> {
  /** Signs a request with a known challenge. Undefined if none is known, or if {@link ChallengeScheme.sign} has to sign it. */
  readonly signSync: (request: HttpClientRequest, url: URL, now: number) => Answered<K, E> | undefined
  /**
   * Signs a request with a known challenge. Undefined if none is known for the URL.
   *
   * @param rejected - the request that this one replaces. Undefined if it had no credentials, and for a request that is no replay.
   */
  readonly sign: (
    request: HttpClientRequest,
    url: URL,
    rejected?: RejectedRequest<K>
  ) => Effect.Effect<Answered<K, E>, E | InvalidRequest> | undefined
  /**
   * Reads the challenges of a 401, before waiting requests are signed.
   *
   * @param rejected - the request that was rejected. Undefined if it was sent without credentials.
   */
  readonly onChallenges: (
    url: URL,
    challenges: ReadonlyArray<Challenge>,
    rejected: RejectedRequest<K> | undefined
  ) => Decision<E>
  /**
   * Decides about another response that `Service.expiredWhen` or `Service.onRateLimited` names. Without it, such a response is
   * final.
   */
  readonly onExpired?: ((rejected: RejectedRequest<K>) => Decision<E>) | undefined
  /** How often a request is sent again. */
  readonly replay: number
  /** See `Service.honorsDeadline`. */
  readonly honorsDeadline: boolean
}

/** Whether the first request to an origin got a response. */
type Probe = Signal.Signal<boolean>

/** Other requests wait this long for the challenge of the first one, in milliseconds. Then one of them is sent without. */
const maxProbeMs = 10_000

/** More origins than a client uses, and more rejections than are under way. The limits bound memory. */
const maxOrigins = 100
const maxRejections = 1000

const notAUrl = new InvalidRequest({
  reason: "Url",
  detail: "the URL to sign is not absolute. Set `baseUrl`, or use an absolute URL."
})

const urlOf = ({ url }: HttpClientRequest): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined)

class ChallengedAuth<K, E> {
  readonly #scheme: ChallengeScheme<K, E>
  readonly #probes = new BoundedMap<Probe>(maxOrigins)
  /** Decisions about a 401 until the policy asks for them. */
  readonly #decisions = new BoundedMap<Decision<E>>(maxRejections)
  /** Rejected requests, which the policy may ask about, and which replays replace. */
  readonly #rejected = new BoundedMap<RejectedRequest<K>>(maxRejections)
  /** Other requests, which a rule may name by the body of the response. Apart, so that they displace no rejected one. */
  readonly #accepted = new BoundedMap<RejectedRequest<K>>(maxRejections)
  #requests = 0

  constructor(scheme: ChallengeScheme<K, E>) {
    this.#scheme = scheme
  }

  signSync(request: HttpClientRequest, now: number): Signed<E> | undefined {
    const url = urlOf(request)
    const answered = url && this.#scheme.signSync(request, url, now)
    return url && answered && this.#watched(url, answered)
  }

  sign(request: HttpClientRequest, rejected?: string | number): Effect.Effect<Signed<E>, E | InvalidRequest> {
    return Effect.suspend(() => {
      const url = urlOf(request)
      if (url === undefined) return notAUrl
      const answered = this.#scheme.sign(request, url, this.#rejected.get(String(rejected)))
      if (answered !== undefined) return Effect.map(answered, (one) => this.#watched(url, one))
      const probe = this.#probes.get(url.origin)
      return probe === undefined ? Effect.succeed(this.#probe(request, url)) : this.#awaitProbe(request, url, probe)
    })
  }

  #awaitProbe(request: HttpClientRequest, url: URL, probe: Probe): Effect.Effect<Signed<E>, E | InvalidRequest> {
    return Effect.flatMap(Effect.timeoutOption(probe.wait(), maxProbeMs), (outcome) => {
      const hasResponse = Option.getOrElse(outcome, () => false)
      // Without a challenge, the server wants no credentials.
      if (hasResponse && this.#scheme.sign(request, url) === undefined) {
        return Effect.succeed(this.#unsigned(request, url))
      }
      if (this.#probes.get(url.origin) === probe) this.#probes.delete(url.origin)
      return this.sign(request)
    })
  }

  #probe(request: HttpClientRequest, url: URL): Signed<E> {
    const probe: Probe = Signal.make()
    this.#probes.set(url.origin, probe)
    const settle = (hasResponse: boolean) => {
      if (this.#probes.get(url.origin) === probe) this.#probes.delete(url.origin)
      probe.complete(Exit.succeed(hasResponse))
    }
    const unsigned = this.#unsigned(request, url)
    return {
      ...unsigned,
      onResponse: (response) => {
        unsigned.onResponse(response)
        settle(true)
      },
      onNoResponse: () => settle(false)
    }
  }

  #unsigned(request: HttpClientRequest, url: URL) {
    const credential = this.#nextId()
    const onResponse = (response: HttpClientResponse): void => {
      if (response.status === 401) this.#judge(credential, url, response, undefined)
    }
    return { request, credential, onResponse }
  }

  #watched(url: URL, answered: Answered<K, E>): Signed<E> {
    const credential = this.#nextId()
    const { context, signed } = answered
    const request = { context, credential: signed.credential }
    return {
      ...signed,
      credential,
      onResponse: (response) => {
        signed.onResponse?.(response)
        if (response.status === 401) this.#judge(credential, url, response, request)
        if (this.#scheme.onExpired === undefined) return
        if (response.status >= 400) this.#rejected.set(credential, request)
        else this.#accepted.set(credential, request)
      }
    }
  }

  #nextId(): string {
    return String(++this.#requests)
  }

  #judge(credential: string, url: URL, response: HttpClientResponse, rejected: RejectedRequest<K> | undefined): void {
    if (rejected !== undefined) this.#rejected.set(credential, rejected)
    this.#decisions.set(credential, this.#scheme.onChallenges(url, challengesOf(response), rejected))
  }

  onRejected(rejection: Rejection): Effect.Effect<boolean, E | InvalidRequest> {
    return Effect.suspend(() => {
      const id = String(rejection.credential)
      const rejected = this.find(id)
      const decision = this.#decisions.get(id) ?? (rejected && this.#scheme.onExpired?.(rejected)) ?? false
      this.#decisions.delete(id)
      return typeof decision === "boolean" ? Effect.succeed(decision) : decision(rejection)
    })
  }

  onReplayRejected({ credential }: Rejection): void {
    this.#decisions.delete(String(credential))
  }

  /** The rejected request with this id. Undefined if it had no credentials. */
  find(credential: string | number): RejectedRequest<K> | undefined {
    const id = String(credential)
    return this.#rejected.get(id) ?? this.#accepted.get(id)
  }
}

/** A service for a scheme, and the rejected request that an id belongs to. */
export const makeService = <K, E>(
  scheme: ChallengeScheme<K, E>
): { readonly service: Service<E>; readonly find: (credential: string | number) => RejectedRequest<K> | undefined } => {
  const state = new ChallengedAuth(scheme)
  const service: Service<E> = {
    sign: (request, rejected) => state.sign(request, rejected),
    signSync: (request, now) => state.signSync(request, now),
    onRejected: (rejection) => state.onRejected(rejection),
    onReplayRejected: (rejection) => Effect.sync(() => state.onReplayRejected(rejection)),
    replay: scheme.replay,
    honorsDeadline: scheme.honorsDeadline
  }
  return { service, find: (credential) => state.find(credential) }
}
