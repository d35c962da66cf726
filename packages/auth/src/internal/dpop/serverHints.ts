/** What the servers of a client's requests have said that the next proof for them has to know. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as HttpDate from "@countersign/protocol/HttpDate"

export interface Said {
  readonly nonce: string | undefined
  /** How far the server's clock is ahead of ours, in milliseconds; undefined while it is not known. */
  readonly ahead: number | undefined
}

const nothing: Said = { nonce: undefined, ahead: undefined }

/** More than a client has origins, unless somebody makes them up. */
const mostOrigins = 100

const longestNonce = 1024

/** RFC 9449 §8.1: what may stand in a nonce. */
const isNonce = (text: string): boolean => text.length <= longestNonce && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text)

/** An answer that waited in a cache was dated when it went in. */
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

  /** The one that was heard of least lately. */
  private forgetOne(): void {
    for (const origin of this.origins.keys()) {
      this.origins.delete(origin)
      return
    }
  }
}
