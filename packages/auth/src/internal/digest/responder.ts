/** Answers the Digest challenges of one server outside of an `ApiClient`, such as those of a proxy. */
import type { Challenge } from "@countersign/protocol/Challenge"
import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
import { ProtectionSpaces } from "./protectionSpaces.js"
import type { Acceptable } from "./protectionSpaces.js"
import type { Session } from "./session.js"

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
  /** Signs a request. Returns `undefined` while no challenge is known. Each call uses the next nonce count. */
  readonly sign: (method: string, uri: string) => Signed | undefined
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
  const sessions = new WeakMap<Signed, Session>()
  return {
    sign: (method, uri) => {
      const session = spaces.find(url)
      if (session === undefined) return undefined
      const { nonce } = session
      const { field } = session.answer({ method, uri, protection: acceptable.protection, bodyHash: "" })
      const signed = { field, nonce }
      sessions.set(signed, session)
      return signed
    },
    onRejected: (challenges, rejected) => {
      const session = rejected && sessions.get(rejected)
      const context = session && rejected && { session, nonce: rejected.nonce }
      // Its domain would be that of the origin, and not of the proxy.
      const withoutDomain = challenges.map(({ params, ...rest }) => ({ ...rest, params: { ...params, domain: "" } }))
      return spaces.onChallenges(url, withoutDomain, context) === true
    },
    onAccepted: (accepted, info) => {
      const session = sessions.get(accepted)
      if (session === undefined) return
      spaces.accept(url, session)
      const { nextnonce } = DigestChallenge.parseInfo(info ?? "")
      if (nextnonce !== undefined) session.continueWith(nextnonce)
    }
  }
}
