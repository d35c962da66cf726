/** The credentials for a proxy. They are sent with Basic, until the proxy demands Digest. */
import * as Digest from "@countersign/auth/Digest"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Redacted from "effect/Redacted"

/** A request to a proxy as it was signed. */
export interface ProxyAuthorization {
  /** The value of `Proxy-Authorization`. */
  readonly field: string
  /** Undefined for Basic. */
  readonly digest: Digest.Signed | undefined
}

/** Digest with MD5 is not weaker than Basic, which the proxy was sent before. */
const algorithms: ReadonlyArray<Digest.Algorithm> = ["SHA-512-256", "SHA-256", "MD5"]

/** One for the challenge, and two for nonces that expire or are used up meanwhile. */
export const maxAuthenticationRetries = 3

export class ProxyCredentials {
  readonly #basic: Redacted.Redacted
  readonly #digest: Digest.Responder

  constructor(username: string, password: string) {
    this.#basic = Redacted.make(`Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`)
    this.#digest = Digest.makeResponder({ username, password: Redacted.make(password), algorithms })
  }

  /**
   * @param uri - the target of the request, as it is sent to the proxy.
   * @param rejected - of the request that this one replaces after a 407.
   */
  authorize(method: string, uri: string, rejected: ProxyAuthorization | undefined): ProxyAuthorization {
    const digest = this.#digest.sign(method, uri, rejected?.digest)
    return { field: digest?.field ?? Redacted.value(this.#basic), digest }
  }

  /** Reads `Proxy-Authenticate` of a 407. Returns true if the request can be sent again. */
  onRejected(field: string, { digest }: ProxyAuthorization): boolean {
    return this.#digest.onRejected(Challenge.parse(field), digest)
  }

  /** @param info - the value of `Proxy-Authentication-Info`. */
  onAccepted({ digest }: ProxyAuthorization, info: string | undefined): void {
    if (digest !== undefined) this.#digest.onAccepted(digest, info)
  }
}
