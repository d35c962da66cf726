import * as Effect from "effect/Effect"
import * as oauth from "oauth4webapi"
import type { Key } from "./proof.js"

/**
 * A client whose times are those of Effect's clock and of the server: the library reads the wall clock by itself, and
 * takes how far it is off from here.
 */
export const clientOf = (id: string, ahead: () => number): Effect.Effect<oauth.Client> =>
  Effect.map(Effect.clock, (clock) => ({
    client_id: id,
    get [oauth.clockSkew](): number {
      const wall = performance.timeOrigin + performance.now()
      return Math.round((clock.unsafeCurrentTimeMillis() + ahead() - wall) / 1000)
    }
  }))

/**
 * What signs the proofs of requests to the authorization server, and keeps its nonces. The library would read how far the
 * clock is off when this is made, before the server has told the time: each proof is dated when it is signed.
 */
export const handleOf = ({ privateKey, publicKey }: Key, client: oauth.Client): oauth.DPoPHandle =>
  oauth.DPoP(
    {},
    { privateKey, publicKey },
    {
      [oauth.modifyAssertion]: (_header, proof) => {
        proof["iat"] = Number(proof["iat"]) + (client[oauth.clockSkew] ?? 0)
      }
    }
  )
