import type * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import * as Mutex from "@countersign/client/Mutex"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { token } from "./tokenSource.js"

const down = (reason: "ReadFailed" | "WriteFailed") => new TokenStoreError({ reason, detail: "no replica responds" })

/** A store that several machines share, in memory. Its reads and writes can fail, and its lock can be lost. */
export const makeCluster = Effect.map(TokenStore.makeMemory, (memory) => {
  const state = { readsFail: false, writesFail: false, isHeld: true }
  const lock = Mutex.makeKeyed("1 hour")
  const store: TokenStore.Service = {
    ...memory,
    lockScope: "cluster",
    get: (key) => Effect.suspend(() => (state.readsFail ? Effect.fail(down("ReadFailed")) : memory.get(key))),
    compareAndSet: (...write) =>
      Effect.suspend(() => (state.writesFail ? Effect.fail(down("WriteFailed")) : memory.compareAndSet(...write))),
    withLock: (key) => (effect) =>
      lock.withLock(key)(Effect.provideService(effect, TokenStore.Lease, { isHeld: Effect.sync(() => state.isHeld) }))
  }
  return { store, state, memory }
})

/** An authorization server that revokes the token family when a refresh token is sent twice. */
export class StrictServer {
  readonly sent: Array<string> = []
  isRevoked = false
  /** Runs when the server has received a request. */
  onRequest: () => void = () => undefined
  #current: string
  #issued = 0

  constructor(refreshToken: string) {
    this.#current = refreshToken
  }

  readonly acquireToken: TokenSource.Options["acquireToken"] = (previous) =>
    Effect.suspend(() => {
      const refreshToken = Option.getOrUndefined(previous)?.refreshToken
      const text = refreshToken === undefined ? "" : Redacted.value(refreshToken)
      this.sent.push(text)
      this.onRequest()
      if (text !== this.#current) this.isRevoked = true
      if (this.isRevoked)
        return Effect.fail(new TokenError({ reason: "ReauthorizationRequired", detail: "the refresh token was used" }))
      this.#issued += 1
      this.#current = `canary-refresh-${this.#issued}`
      return token(this.#issued)
    })
}
