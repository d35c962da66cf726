/** Nonces and clock offsets that servers have sent, for the next proofs to them. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as HttpDate from "@countersign/protocol/HttpDate"

export interface Said {
  readonly nonce: string | undefined
  /** How far the server's clock is ahead of ours, in milliseconds; undefined while it is not known. */
  readonly ahead: number | undefined
}

const nothing: Said = { nonce: undefined, ahead: undefined }

/** More origins than a client uses. The limit bounds memory if input determines the origins. */
const mostOrigins = 100

const longestNonce = 1024

/** The characters of a nonce, see RFC 9449 §8.1. */
const isNonce = (text: string): boolean => text.length <= longestNonce && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text)

/** The `Date` of a cached response (`Age`) is not the server's current time. */
const aheadOf = ({ headers }: HttpClientResponse, now: number): number | undefined => {
  const date = headers["age"] === undefined ? HttpDate.parse(headers["date"] ?? "") : undefined
  return date === undefined ? undefined : date - now
}

export class ServerSays {
  private readonly origins = new Map<string, Said>()

  by(origin: string): Said {
    return this.origins.get(origin) ?? nothing
  }

  hear(origin: string, response: HttpClientResponse, now: number): void {
    const before = this.by(origin)
    const { "dpop-nonce": nonce } = response.headers
    const said = {
      nonce: nonce !== undefined && isNonce(nonce) ? nonce : before.nonce,
      ahead: aheadOf(response, now) ?? before.ahead
    }
    this.origins.delete(origin)
    this.origins.set(origin, said)
    if (this.origins.size > mostOrigins) this.forgetOne()
  }

  /** Removes the least recently updated origin. */
  private forgetOne(): void {
    for (const origin of this.origins.keys()) {
      this.origins.delete(origin)
      return
    }
  }
}
