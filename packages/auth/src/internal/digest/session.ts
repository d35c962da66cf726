/** The answers to one Digest challenge: a nonce, its count, and the hash of the credentials. */
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

export class Session {
  readonly challenge: DigestChallenge
  /** Whether the server has accepted an answer. */
  isAccepted = false
  readonly #prefixes: ReadonlyArray<string>
  readonly #hash: HashFunction
  readonly #username: string
  readonly #secret: string
  /** The client's nonce of a session (`-sess`), which its secret includes. */
  readonly #cnonce: string
  #nonce: string
  #count = 0

  /** @param url - the URL of the request that was challenged. */
  constructor(challenge: DigestChallenge, account: Account, url: URL) {
    this.challenge = challenge
    this.#prefixes = prefixesOf(challenge.domain, url)
    this.#hash = hashFunction(challenge.hash)
    this.#cnonce = makeCnonce()
    this.#nonce = challenge.nonce
    this.#secret = secretOf(challenge, account, this.#cnonce)
    const username = Credentials.toByteString(account.username)
    this.#username = challenge.userhash ? this.#hash(`${username}:${challenge.realm}`) : username
  }

  get nonce(): string {
    return this.#nonce
  }

  /** Length of the longest prefix that covers a path. Undefined if the path is outside of the protection space. */
  coverage(path: string): number | undefined {
    if (this.#prefixes.length === 0) return 0
    const lengths = this.#prefixes.filter((prefix) => path.startsWith(prefix)).map(({ length }) => length)
    return lengths.length === 0 ? undefined : Math.max(...lengths)
  }

  /** Signs a request. No two requests have the same nonce and count. */
  answer({ bodyHash, method, protection, uri }: Subject): Answer {
    const cnonce = this.challenge.session ? this.#cnonce : makeCnonce()
    const qop = protection && { protection, nc: ++this.#count, cnonce, bodyHash }
    const message = { secret: this.#secret, method, uri, nonce: this.#nonce, qop }
    const response = Credentials.responseDigest(this.#hash, message)
    const challenge = { ...this.challenge, nonce: this.#nonce }
    return { message, field: Credentials.format(challenge, this.#username, message, response) }
  }

  /** The digest that proves that the server knows the password. */
  expectedProof(message: Message, bodyHash: string): string {
    const qop = message.qop && { ...message.qop, bodyHash }
    return Credentials.responseDigest(this.#hash, { ...message, method: "", qop })
  }

  /** Continues with another nonce of the server. The secret of a session (`-sess`) stays. */
  continueWith(nonce: string): void {
    if (nonce === this.#nonce) return
    this.#nonce = nonce
    this.#count = 0
  }
}
