/** Answers the Digest challenges of one server outside of an `ApiClient`, such as those of a proxy. */
import type { Challenge } from "@countersign/protocol/Challenge"
import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
import { ProtectionSpaces } from "./protectionSpaces.js"
import type { Acceptable } from "./protectionSpaces.js"
import type { SentRequest, Space } from "./space.js"

/**
 * A signed request of a `Digest.Responder`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signed {
  /** The value of `Authorization` or `Proxy-Authorization`. It contains no secret that can be used again. */
  readonly field: string
  /** The nonce of the server. */
  readonly nonce: string
}

/**
 * Answers the challenges of one server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Responder {
  /**
   * Signs a request. Returns `undefined` while no challenge is known. No two calls use the same nonce count.
   *
   * @param rejected - the rejected request that this one replaces. Its rejection has the nonce for this one. Undefined for a request
   *   that is no replay, and if the rejected one was sent without a digest.
   */
  readonly sign: (method: string, uri: string, rejected: Signed | undefined) => Signed | undefined
  /**
   * Reads the challenges of a rejected request. Returns true if the request can be sent again, and false for wrong credentials and
   * for challenges that are not answered.
   *
   * @param rejected - the result of `sign` for the request. Undefined if it was sent without a digest.
   */
  readonly onRejected: (challenges: ReadonlyArray<Challenge>, rejected: Signed | undefined) => boolean
  /**
   * Records that the server has accepted a request.
   *
   * @param info - the value of `Authentication-Info` or `Proxy-Authentication-Info`, if there is one.
   */
  readonly onAccepted: (accepted: Signed, info: string | undefined) => void
}

/** See `Digest.makeResponder`. */
export const makeResponder = (acceptable: Acceptable): Responder => {
  // One server has one space: the URL only names it.
  const url = new URL("http://server.invalid/")
  const spaces = new ProtectionSpaces(acceptable)
  const known = new WeakMap<Signed, { readonly space: Space; readonly sent: SentRequest }>()
  return {
    sign: (method, uri, rejected) => {
      const space = spaces.find(url)
      if (space === undefined) return undefined
      const session = (rejected && known.get(rejected)?.sent.next) ?? space.take() ?? space.shared
      const { field } = session.answer({ method, uri, protection: acceptable.protection, bodyHash: "" })
      const signed = { field, nonce: session.nonce }
      known.set(signed, { space, sent: { session, next: undefined, needsChallenge: false } })
      return signed
    },
    onRejected: (challenges, rejected) => {
      // Its domain would be that of the origin, and not of the proxy.
      const withoutDomain = challenges.map(({ params, ...rest }) => ({ ...rest, params: { ...params, domain: "" } }))
      return spaces.onChallenges(url, withoutDomain, rejected && known.get(rejected)?.sent) === true
    },
    onAccepted: (accepted, info) => {
      const { sent, space } = known.get(accepted) ?? {}
      if (space === undefined || sent?.session === undefined) return
      space.accept(sent.session, DigestChallenge.parseInfo(info ?? "").nextnonce)
      spaces.accept(url, sent.session.challenge.hash)
    }
  }
}
