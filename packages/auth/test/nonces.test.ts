/** Nonces of servers under a thousand calls at once: Digest behind `Auth.negotiate`, and DPoP. */
import * as Basic from "@countersign/auth/Basic"
import * as Digest from "@countersign/auth/Digest"
import * as Dpop from "@countersign/auth/Dpop"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import { clientOf } from "./support/client.js"
import { DigestServer } from "./support/digestServer.js"
import { scriptedTokens, source, token } from "./support/tokenSource.js"

const account = { username: "ada", password: Redacted.make("canary-password") }

const calls = 1000

/** Starts all calls before the first one has its response. */
const atOnce = <A, E>(call: (n: number) => Effect.Effect<A, E>) =>
  Effect.all(
    Array.from({ length: calls }, (_, n) => call(n)),
    { concurrency: "unbounded", discard: true }
  )

describe("Digest behind Auth.negotiate", () => {
  it.effect("gets one 401 for a thousand calls, and sends no count twice", () =>
    Effect.gen(function* () {
      // The server fails the test if a count of a nonce arrives twice.
      const server = new DigestServer()
      const { api } = yield* clientOf(Auth.negotiate([Digest.make(account), Basic.make(account)]), server.script)
      yield* atOnce((n) => api.get(`/${n}`))
      expect([...server.rejections]).toEqual([["", 1]])
      expect([...server.counts.values()].map(({ size }) => size)).toEqual([calls])
    })
  )

  it.effect("gets at most one 401 for each call in flight when a nonce expires, and sends no count twice", () =>
    Effect.gen(function* () {
      const server = new DigestServer({ uses: 250 })
      const { api } = yield* clientOf(Auth.negotiate([Digest.make(account), Basic.make(account)]), server.script)
      yield* Effect.forEach(Array.from({ length: calls }).keys(), (n) => api.get(`/${n}`), {
        concurrency: 5,
        discard: true
      })
      expect(Math.max(...server.rejections.values())).toBeLessThanOrEqual(5)
      expect(server.statuses.filter((status) => status === 200)).toHaveLength(calls)
    })
  )
})

/** A server that demands its nonce in each proof, and fails the test if a proof arrives twice. */
class NonceServer {
  rejections = 0
  readonly #proofs = new Set<unknown>()

  readonly script = ({ headers }: MockClient.Sent): MockClient.Step => {
    // Behind `Auth.negotiate`, the first request has no credentials.
    if (headers["dpop"] === undefined) return MockClient.respond(401, "", { "www-authenticate": 'DPoP algs="ES256"' })
    const { jti, nonce } = jose.decodeJwt(headers["dpop"])
    if (this.#proofs.has(jti)) throw new Error("a proof was sent twice")
    this.#proofs.add(jti)
    if (nonce === "n") return MockClient.respond(200, {})
    this.rejections += 1
    return MockClient.respond(401, "", { "www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "n" })
  }
}

const negotiated = (auth: Auth.Service<TokenSourceError>) => Auth.negotiate([auth, Basic.make(account)])

const bound = Effect.gen(function* () {
  const { mint } = scriptedTokens((n) => Effect.map(token(n), (bearer) => ({ ...bearer, tokenType: "DPoP" })))
  return Dpop.fromSource(yield* source(mint), yield* Dpop.generateKey)
})

describe("Dpop.fromSource", () => {
  it.scoped("gets no 401 for a thousand calls after one call got the nonce, and sends no proof twice", () =>
    Effect.gen(function* () {
      const server = new NonceServer()
      for (const wrap of [(auth: Auth.Service<TokenSourceError>) => auth, negotiated]) {
        const { api } = yield* clientOf(wrap(yield* bound), server.script)
        server.rejections = 0
        yield* api.get("/")
        yield* atOnce((n) => api.get(`/${n}`))
        expect(server.rejections).toBe(1)
      }
    })
  )

  it.scoped("gets one 401 for each of a thousand first calls, because their proofs are on the way", () =>
    Effect.gen(function* () {
      const server = new NonceServer()
      const { api } = yield* clientOf(yield* bound, server.script)
      yield* atOnce((n) => api.get(`/${n}`))
      expect(server.rejections).toBe(calls)
    })
  )
})
