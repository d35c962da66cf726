/** The nonces of one protection space: a nonce that requests share, and spare nonces for one request each. */
import { BoundedMap } from "@countersign/client/BoundedMap"
import type { DigestChallenge } from "@countersign/protocol/DigestChallenge"
import type { Account, Source } from "./session.js"
import { Session } from "./session.js"

/** What is known of a request, for the request that replaces it after a 401. */
export interface SentRequest {
  /** Undefined if it was sent without credentials. */
  readonly session: Session | undefined
  /** The session of its own 401. */
  next: Session | undefined
  /** Whether the next request is sent without credentials, because other requests use up each nonce of the server's session. */
  needsChallenge: boolean
}

/** The limits bound memory if many requests are under way at once. */
const maxSpares = 100
const maxRecent = 200

/** A nonce with more accepted uses is replaced for all requests at once. One with fewer may be of a server that limits its uses. */
const fewUses = 16

export class Space {
  #shared: Session
  #isUsedUp = false
  readonly #account: Account
  readonly #spares: Array<Session> = []
  /** By nonce, because a server may send one nonce in several responses. No count of it is sent twice. */
  readonly #recent = new BoundedMap<Session>(maxRecent)

  /** @param url - the URL of the request that was challenged. */
  constructor(challenge: DigestChallenge, account: Account, url: URL) {
    this.#account = account
    this.#shared = this.#sessionOf(challenge, url, "challenge")
  }

  get shared(): Session {
    return this.#shared
  }

  /** Whether a challenge differs from those of the space by its nonce only. */
  matches({ hash, qop, realm, session }: DigestChallenge): boolean {
    const { challenge } = this.#shared
    return (
      challenge.realm === realm &&
      challenge.hash === hash &&
      challenge.session === session &&
      challenge.qop.join() === qop.join()
    )
  }

  /** The session of a request that is no replay. Undefined if no nonce is known that the server may accept. */
  take(): Session | undefined {
    return this.#spares.pop() ?? (this.#isUsedUp ? undefined : this.#shared)
  }

  /** Keeps the nonce of a request that was sent without credentials while another request got a challenge. */
  keep(challenge: DigestChallenge, url: URL): void {
    if (this.#recent.get(challenge.nonce) === undefined) this.#spare(this.#sessionOf(challenge, url, "challenge"))
  }

  /** Reserves the nonce of a 401 for the request that replaces the rejected one. */
  renew(rejected: SentRequest, challenge: DigestChallenge, url: URL): void {
    const { session } = rejected
    const next = this.#sessionOf(challenge, url, session === undefined ? "challenge" : "renewal")
    rejected.next = next
    rejected.needsChallenge = session?.source === "renewal" && session.isUsedOnce && session.accepted === 0
    if (session !== this.#shared) return
    if (session.accepted > fewUses) this.#share(next)
    else this.#isUsedUp = true
  }

  /** Records that the server has accepted a request. */
  accept(session: Session, nextNonce: string | undefined): void {
    session.accepted += 1
    const isReplaced = this.#isUsedUp && session !== this.#shared
    if (nextNonce === undefined) {
      if (isReplaced) this.#share(session)
      return
    }
    if (this.#recent.get(nextNonce) !== undefined) return
    const next = session.continued(nextNonce)
    this.#recent.set(nextNonce, next)
    if (isReplaced || session === this.#shared) this.#share(next)
    else this.#spare(next)
  }

  #share(session: Session): void {
    this.#shared = session
    this.#isUsedUp = false
  }

  #spare(session: Session): void {
    this.#spares.push(session)
    // The oldest one expires first.
    if (this.#spares.length > maxSpares) this.#spares.shift()
  }

  #sessionOf(challenge: DigestChallenge, url: URL, source: Source): Session {
    const known = this.#recent.get(challenge.nonce)
    if (known !== undefined) return known
    const session = Session.make(challenge, this.#account, url, source)
    this.#recent.set(challenge.nonce, session)
    return session
  }
}
