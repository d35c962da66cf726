/** The protection spaces of each origin, and the algorithms that it has accepted. */
import { BoundedMap } from "@countersign/client/BoundedMap"
import { SchemeDowngraded } from "@countersign/client/Errors"
import type * as Challenge from "@countersign/protocol/Challenge"
import type { Hash, Protection } from "@countersign/protocol/DigestChallenge"
import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
import { ChallengeUnsupported } from "../../Errors.js"
import type { Account } from "./session.js"
import type { SentRequest } from "./space.js"
import { Space } from "./space.js"

/** From the weakest to the strongest. */
const strengths: ReadonlyArray<Hash> = ["MD5", "SHA-256", "SHA-512-256"]

/** From 0 for the weakest. */
export const strengthOf = (hash: Hash): number => strengths.indexOf(hash)

/** Whether a rejected request may be sent again, or why the challenge is not answered. */
export type Decision = boolean | ChallengeUnsupported | SchemeDowngraded

/** Digest as one origin uses it. */
export interface OriginState {
  readonly spaces: Array<Space>
  /** The strongest algorithm of an accepted answer. */
  accepted: Hash | undefined
}

/** More than a client uses. The limits bound memory if input determines the origins, or a server invents realms. */
const maxOrigins = 100
const maxSpaces = 8

/** What a client answers. */
export interface Acceptable {
  readonly account: Account
  readonly algorithms: ReadonlyArray<Hash>
  readonly protection: Protection | undefined
}

const why: Record<DigestChallenge.Reason, string> = {
  NotDigest: "it is of another scheme",
  MissingRealm: "`realm` is missing",
  MissingNonce: "`nonce` is missing or empty",
  TooLong: `\`realm\`, \`nonce\` or \`opaque\` has more than ${DigestChallenge.maxValueLength} characters`,
  UnknownAlgorithm: "`algorithm` is not one of RFC 7616",
  UnknownProtection: "`qop` names neither `auth` nor `auth-int`"
}

export class ProtectionSpaces {
  readonly #origins = new BoundedMap<OriginState>(maxOrigins)
  readonly #acceptable: Acceptable

  constructor(acceptable: Acceptable) {
    this.#acceptable = acceptable
  }

  of(origin: string): OriginState {
    const known = this.#origins.get(origin)
    if (known !== undefined) return known
    const state: OriginState = { spaces: [], accepted: undefined }
    this.#origins.set(origin, state)
    return state
  }

  /** The space with the longest path prefix. */
  find({ origin, pathname }: URL): Space | undefined {
    let found: { readonly space: Space; readonly length: number } | undefined
    for (const space of this.of(origin).spaces) {
      const length = space.shared.coverage(pathname)
      if (length !== undefined && length > (found?.length ?? -1)) found = { space, length }
    }
    return found?.space
  }

  /** Records that the server has accepted an answer. */
  accept({ origin }: URL, hash: Hash): void {
    const state = this.of(origin)
    if (state.accepted === undefined || strengthOf(hash) > strengthOf(state.accepted)) state.accepted = hash
  }

  /**
   * Reads the challenges of a 401.
   *
   * @param rejected - the request, which gets the session of the next one. Undefined if it was sent without credentials.
   */
  onChallenges(url: URL, challenges: ReadonlyArray<Challenge.Challenge>, rejected: SentRequest | undefined): Decision {
    const best = this.strongest(url.origin, challenges)
    if (best === undefined) return false
    if ("_tag" in best) return best
    if (rejected?.session?.isRefusedBy(best) === true) return false
    const current = this.find(url)
    const space = current?.matches(best) === true ? current : this.#start(url, best)
    if (rejected !== undefined) space.renew(rejected, best, url)
    else space.keep(best, url)
    return true
  }

  #start(url: URL, challenge: DigestChallenge.DigestChallenge): Space {
    const { spaces } = this.of(url.origin)
    const others = spaces.filter(({ shared }) => shared.challenge.realm !== challenge.realm)
    const space = new Space(challenge, this.#acceptable.account, url)
    spaces.splice(0, spaces.length, space, ...others)
    spaces.splice(maxSpaces)
    return space
  }

  /** The strongest challenge that the client answers. Undefined if none is a Digest challenge. */
  strongest(
    origin: string,
    challenges: ReadonlyArray<Challenge.Challenge>
  ): DigestChallenge.DigestChallenge | ChallengeUnsupported | SchemeDowngraded | undefined {
    const digests = challenges.filter(({ scheme }) => scheme === "digest")
    if (digests.length === 0) return undefined
    const parsed = digests.map(DigestChallenge.fromChallenge)
    const valid = parsed.flatMap((result) => (result._tag === "Ok" ? [result.value] : []))
    const reasons = parsed.flatMap((result) => (result._tag === "Err" ? [why[result.reason]] : []))
    if (valid.length === 0) return unsupported(origin, `${reasons.join(", and ")}. Check the server`)
    const allowed = valid.filter(({ hash }) => this.#acceptable.algorithms.includes(hash))
    const best = strongestOf(allowed)
    if (best === undefined) return this.#notAllowed(origin, valid)
    return this.#unusable(origin, best) ?? best
  }

  #notAllowed(origin: string, offered: ReadonlyArray<DigestChallenge.DigestChallenge>): ChallengeUnsupported {
    const names = [...new Set(offered.map(({ hash }) => hash))]
    const list = names.map((name) => JSON.stringify(name)).join(", ")
    return unsupported(
      origin,
      `it offers ${names.join(" and ")} only. If that is strong enough, add it to \`algorithms\` of \`Digest\`: [${list}]`
    )
  }

  #unusable(
    origin: string,
    { hash, qop }: DigestChallenge.DigestChallenge
  ): ChallengeUnsupported | SchemeDowngraded | undefined {
    const { accepted } = this.of(origin)
    if (accepted !== undefined && strengthOf(hash) < strengthOf(accepted)) {
      return new SchemeDowngraded({ origin, accepted: `Digest ${accepted}`, offered: `Digest ${hash}` })
    }
    const { protection } = this.#acceptable
    return protection === undefined || qop.includes(protection)
      ? undefined
      : unsupported(origin, `it does not offer \`qop\` "${protection}". Remove the option \`qop\` of \`Digest\``)
  }
}

const unsupported = (origin: string, detail: string): ChallengeUnsupported =>
  new ChallengeUnsupported({ origin, detail })

const strongestOf = (
  challenges: ReadonlyArray<DigestChallenge.DigestChallenge>
): DigestChallenge.DigestChallenge | undefined =>
  challenges.reduce<DigestChallenge.DigestChallenge | undefined>(
    (best, one) => (best === undefined || strengthOf(one.hash) > strengthOf(best.hash) ? one : best),
    undefined
  )
