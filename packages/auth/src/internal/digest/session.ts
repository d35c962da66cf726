/** The answers with one nonce: its count, and the hash of the credentials. */
import type { DigestChallenge, Protection } from "@countersign/protocol/DigestChallenge"
import type { HashFunction, Message } from "@countersign/protocol/DigestCredentials"
import * as Credentials from "@countersign/protocol/DigestCredentials"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import { hashFunction } from "./hashing.js"

/** The user name and the password. */
export interface Account {
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

/** What a request says to the server, beside the session. */
export interface Subject {
  readonly method: string
  /** The request target, exactly as it is sent. */
  readonly uri: string
  /** Undefined for a server that knows no protection (RFC 2069). */
  readonly protection: Protection | undefined
  /** Hash of the body in hexadecimal, for `auth-int`. */
  readonly bodyHash: string
}

/** An `Authorization` field, and what the server's proof is computed from. */
export interface Answer {
  readonly field: string
  readonly message: Message
}

/** A random nonce of the client, of 128 bits. */
const makeCnonce = (): string => Encoding.encodeHex(globalThis.crypto.getRandomValues(new Uint8Array(16)))

const secretOf = (
  { hash: name, nonce, realm, session }: DigestChallenge,
  { password, username }: Account,
  cnonce: string
): string => {
  const hash = hashFunction(name)
  const bytes = Credentials.toByteString
  const secret = Credentials.credentialsHash(hash, bytes(username), realm, bytes(Redacted.value(password)))
  return session ? Credentials.sessionHash(hash, secret, nonce, cnonce) : secret
}

/**
 * Path prefixes of the protection space, with the path that was challenged. Empty for the whole server. URIs of other servers are
 * ignored.
 */
const prefixesOf = (domain: ReadonlyArray<string>, url: URL): ReadonlyArray<string> => {
  const prefixes = domain.flatMap((uri) => {
    const { origin, pathname } = URL.canParse(uri, url) ? new URL(uri, url) : { origin: undefined, pathname: "" }
    return origin === url.origin ? [pathname] : []
  })
  return prefixes.length === 0 ? prefixes : [...prefixes, url.pathname]
}

/** What the sessions of a space share, until a challenge changes it. */
interface Identity {
  readonly prefixes: ReadonlyArray<string>
  readonly username: string
  readonly secret: string
  /** The client's nonce of a session (`-sess`), which its secret includes. */
  readonly cnonce: string
}

const identityOf = (challenge: DigestChallenge, account: Account, url: URL): Identity => {
  const hash = hashFunction(challenge.hash)
  const cnonce = makeCnonce()
  const username = Credentials.toByteString(account.username)
  return {
    prefixes: prefixesOf(challenge.domain, url),
    username: challenge.userhash ? hash(`${username}:${challenge.realm}`) : username,
    secret: secretOf(challenge, account, cnonce),
    cnonce
  }
}

/** Where a nonce is from: the 401 of a request without credentials, the 401 of a signed request, or `nextnonce`. */
export type Source = "challenge" | "renewal" | "nextnonce"

export class Session {
  readonly challenge: DigestChallenge
  readonly source: Source
  /** The number of requests that the server has accepted. */
  accepted = 0
  readonly #identity: Identity
  readonly #hash: HashFunction
  #sent = 0

  private constructor(challenge: DigestChallenge, identity: Identity, source: Source) {
    this.challenge = challenge
    this.source = source
    this.#identity = identity
    this.#hash = hashFunction(challenge.hash)
  }

  /** @param url - the URL of the request that was challenged. */
  static make(challenge: DigestChallenge, account: Account, url: URL, source: Source): Session {
    return new Session(challenge, identityOf(challenge, account, url), source)
  }

  /** A session with another nonce of the server. The secret of a session (`-sess`) stays. */
  continued(nonce: string): Session {
    return new Session({ ...this.challenge, nonce }, this.#identity, "nextnonce")
  }

  get nonce(): string {
    return this.challenge.nonce
  }

  /** Whether one request has used the nonce, so that no other request can have used it up. */
  get isUsedOnce(): boolean {
    return this.#sent === 1
  }

  /** Length of the longest prefix that covers a path. Undefined if the path is outside of the protection space. */
  coverage(path: string): number | undefined {
    const { prefixes } = this.#identity
    if (prefixes.length === 0) return 0
    const lengths = prefixes.filter((prefix) => path.startsWith(prefix)).map(({ length }) => length)
    return lengths.length === 0 ? undefined : Math.max(...lengths)
  }

  /**
   * Whether a challenge means that the credentials are wrong: the server still uses the nonce, or rejects the first use of a new
   * one. Other nonces may have expired or be used up, although not all servers say so.
   */
  isRefusedBy({ nonce, stale }: DigestChallenge): boolean {
    if (stale) return false
    return nonce === this.nonce || (this.source !== "nextnonce" && this.accepted === 0 && this.isUsedOnce)
  }

  /** Signs a request. No two requests have the same nonce and count. */
  answer({ bodyHash, method, protection, uri }: Subject): Answer {
    const { secret, username, cnonce: fixed } = this.#identity
    const cnonce = this.challenge.session ? fixed : makeCnonce()
    this.#sent += 1
    const qop = protection && { protection, nc: this.#sent, cnonce, bodyHash }
    const message = { secret, method, uri, nonce: this.nonce, qop }
    const response = Credentials.responseDigest(this.#hash, message)
    return { message, field: Credentials.format(this.challenge, username, message, response) }
  }

  /** The digest that proves that the server knows the password. */
  expectedProof(message: Message, bodyHash: string): string {
    const qop = message.qop && { ...message.qop, bodyHash }
    return Credentials.responseDigest(this.#hash, { ...message, method: "", qop })
  }
}
