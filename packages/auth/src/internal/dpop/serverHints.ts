/** Nonces and clock offsets that servers have sent, for the next proofs to them. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { BoundedMap } from "@countersign/client/BoundedMap"
import * as HttpDate from "@countersign/protocol/HttpDate"
import { isWord } from "../response/bodyMembers.js"

export interface ServerHint {
  readonly nonce: string | undefined
  /** How far the server's clock is ahead of ours, in milliseconds; undefined while it is not known. */
  readonly clockSkew: number | undefined
}

const noHint: ServerHint = { nonce: undefined, clockSkew: undefined }

/** More origins than a client uses. The limit bounds memory if input determines the origins. */
const maxOrigins = 100

const maxNonceLength = 1024

/** The characters of a nonce, see RFC 9449 §8.1. */
const isNonce = (text: string): boolean => text.length <= maxNonceLength && isWord(text)

/** The `Date` of a cached response (`Age`) is not the server's current time. */
const clockSkewOf = ({ headers }: HttpClientResponse, now: number): number | undefined => {
  const date = headers["age"] === undefined ? HttpDate.parse(headers["date"] ?? "") : undefined
  return date === undefined ? undefined : date - now
}

export class ServerHints {
  private readonly origins = new BoundedMap<ServerHint>(maxOrigins)

  get(origin: string): ServerHint {
    return this.origins.get(origin) ?? noHint
  }

  update(origin: string, response: HttpClientResponse, now: number): void {
    const before = this.get(origin)
    const { "dpop-nonce": nonce } = response.headers
    this.origins.set(origin, {
      nonce: nonce !== undefined && isNonce(nonce) ? nonce : before.nonce,
      clockSkew: clockSkewOf(response, now) ?? before.clockSkew
    })
  }
}
