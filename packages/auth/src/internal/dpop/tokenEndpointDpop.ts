import * as Effect from "effect/Effect"
import * as oauth from "oauth4webapi"
import type { Key } from "./proof.js"

/**
 * A client with the clock skew that turns the library's wall clock into the time of the server, measured by Effect's
 * clock.
 */
export const clientWithSkew = (id: string, clockSkew: () => number): Effect.Effect<oauth.Client> =>
  Effect.map(Effect.clock, (clock) => ({
    client_id: id,
    get [oauth.clockSkew](): number {
      const wall = performance.timeOrigin + performance.now()
      return Math.round((clock.unsafeCurrentTimeMillis() + clockSkew() - wall) / 1000)
    }
  }))

/**
 * Signs the proofs of requests to the authorization server, and stores its nonces. The library reads the clock skew only
 * when the handle is made, before the server has sent its time. So each proof is dated again when it is signed.
 */
export const makeDpopHandle = ({ privateKey, publicKey }: Key, client: oauth.Client): oauth.DPoPHandle =>
  oauth.DPoP(
    {},
    { privateKey, publicKey },
    {
      [oauth.modifyAssertion]: (_header, proof) => {
        proof["iat"] = Number(proof["iat"]) + (client[oauth.clockSkew] ?? 0)
      }
    }
  )
